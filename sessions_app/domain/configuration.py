"""The chain of the configuration: what a deployment sets, a tenant may set otherwise, and each of its accounts again.

Each setting is declared here once: its bounds and its default are those of the variable, of the form and of what is
stored. Subscriptions, the last in the chain, have a table of their own (`orders/domain/decision/settings.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sessions_app.domain.said import say


class Level(StrEnum):
    """Who said it, from the weakest."""

    DEFAULT = "default"
    DEPLOYMENT = "deployment"
    TENANT = "tenant"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, both bounds included."""

    least: int
    most: int
    unit: str

    @property
    def words(self) -> str:
        least, most = f"{self.least:,}", f"{self.most:,}"
        # The units are marked by the catalogues, as what the settings do.
        return say("%(least)s to %(most)s %(unit)s", least=least, most=most, unit=say(self.unit))


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    words: str = say("on or off")


@dataclass(frozen=True, slots=True)
class Setting:
    """One link of the chain; `variable`: of the deployment. A tenant may say otherwise, and with `of_accounts` so may
    each of its accounts."""

    name: str
    variable: str
    kind: Whole | Switch
    default: int | bool
    help: str
    of_accounts: bool = True

    @property
    def title(self) -> str:
        """What people call it; marked for translation by the catalogues."""
        return self.name.replace("_", " ").capitalize()


CHAIN: Final = (
    Setting(
        "heartbeat_interval", "HEARTBEAT_INTERVAL_SECONDS", Whole(1, 60, "seconds"), 5,
        "How often an EA shall say that it is there. Sessions that are open keep their pace.",
    ),
    Setting(
        "heartbeat_timeout", "HEARTBEAT_TIMEOUT_SECONDS", Whole(3, 600, "seconds"), 15,
        "After how much silence a session ends: three intervals at least. Sessions that are open keep theirs.",
    ),
    Setting(
        # What is asked of an account must not tell a stranger that it exists: it decides what the desk shows, no more.
        "self_enrolment", "SELF_ENROLMENT", Switch(), True,
        "Whether keys that nobody knows come to the approval desk. Off in a tenant: its EAs wait unseen.",
        of_accounts=False,
    ),
    Setting(
        "snapshot_interval", "SNAPSHOT_INTERVAL_SECONDS", Whole(30, 86_400, "seconds"), 600,
        "How often an EA is asked what it holds. Counts from the next book on.",
    ),
    Setting(
        "mass_close_gate", "MASS_CLOSE_GATE", Whole(0, 10_000, "copies"), 5,
        "How many copies may be missing from a book at once; with more a person decides whether they are gone.",
    ),
    Setting(
        "repair_gate_percent", "REPAIR_GATE_PERCENT", Whole(0, 100, "percent"), 1,
        "How far the market may be from a position's price for a repair that closes it.",
    ),
)  # fmt: skip
OF_ACCOUNTS: Final = tuple(row for row in CHAIN if row.of_accounts)
BY_NAME: Final[Mapping[str, Setting]] = {row.name: row for row in CHAIN}
Values = Mapping[str, Any]
"""What one level says, by setting; what it does not say is not in it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The value that holds, and whose it is."""

    value: int | bool
    source: Level


class Unfit(ValueError):
    """Not within the bounds, or not the kind."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def checked(setting: Setting, value: object) -> int | bool:
    """The value, if the setting takes it.

    :raises Unfit: it does not; says what it takes
    """
    match setting.kind:
        case Switch():
            if isinstance(value, bool):
                return value
        case Whole(least, most):
            if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
                return value
    raise Unfit(say("expected %(what)s", what=setting.kind.words))


def resolve(setting: Setting, *, deployment: int | bool, tenant: Values, account: Values) -> Found:
    """What holds for an account, or with an empty `account` for the tenant: the last one who says something."""
    for level, said in ((Level.ACCOUNT, account), (Level.TENANT, tenant)):
        if setting.name in said:
            return Found(said[setting.name], level)
    return Found(deployment, Level.DEFAULT if deployment == setting.default else Level.DEPLOYMENT)


def digest_of(said: Values) -> str:
    """What a page has shown, to tell whether it is the same still."""
    return ";".join(f"{name}={said[name]}" for name in sorted(said))
