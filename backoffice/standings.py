"""How accounts stand: what is wrong with each, in words, and with all of them in one sentence."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext

from backoffice.terminals import Link, ago, in_words, silence_of, standing_of
from orders.domain.states.commands import CommandState
from orders.domain.states.reasons import CommandReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command
from sessions_app.models import BrokerAccount, Tenant

TARGET_MS: Final = 150
FAILED: Final = (CommandState.REJECTED.value, CommandState.UNKNOWN.value)
MISSED: Final = (CommandState.EXPIRED.value, CommandState.VOID.value)
LATE: Final = timedelta(seconds=60)
_LEVELS: Final = ("bad", "warning", "ok")


@dataclass(frozen=True, slots=True)
class Account:
    """What a row shows of its account, read without its model: there may be thousands. `last_end`: when its newest
    session ended."""

    pk: UUID
    account_id: str
    claimed_as: str
    suspended_at: datetime | None
    last_end: datetime | None = None
    tenant: Tenant | None = None
    equity: Decimal | None = None

    @property
    def id(self) -> UUID:
        return self.pk


@dataclass(slots=True)
class Row:
    """An account and what is to be known of it. `silence`: how long ago its terminal was heard of.
    `subscriptions`: of a follower, each strategy with the subscription to it; `leaders`: the masters of those that are
    active. `depending`: of a master, the followers'
    open copies, which nobody closes while he is away. `paused`, `off`: how many of its subscriptions
    people have paused, or ended. `led`: of a master, the subscriptions to his strategies that have not ended, and
    `led_paused` how many of these are paused.

    `hops`: milliseconds of each hop of the command that stands at its p95; empty where one is not known.
    """

    account: Account | BrokerAccount
    strategies: list[str] = field(default_factory=list)
    subscriptions: list[tuple[str, UUID]] = field(default_factory=list)
    leaders: list[UUID] = field(default_factory=list)
    standing: str = "offline"
    silence: timedelta | None = None
    open_copies: int = 0
    depending: int = 0
    paused: int = 0
    off: int = 0
    led: int = 0
    led_paused: int = 0
    unprotected: int = 0
    undelivered: int = 0
    oldest: timedelta | None = None
    differences: int = 0
    copied: int = 0
    denied: int = 0
    failed: int = 0
    p95: float | None = None
    hops: Sequence[float] = ()
    currency: str = ""
    line: object = None  # of its equity, where a page draws one

    @property
    def heard(self) -> str:
        """When its terminal was heard of last, in words."""
        return ago(self.silence)

    @property
    def waits(self) -> str:
        """How long the oldest command has waited, in words."""
        return in_words(self.oldest) if self.oldest is not None else ""

    @property
    def is_stuck(self) -> bool:
        """Whether commands wait for longer than any should."""
        return self.oldest is not None and self.oldest > LATE

    @property
    def is_missed(self) -> bool:
        """Whether it is a master who is away while followers hold what came of his positions."""
        return self.depending > 0 and self.standing != "connected"

    @property
    def is_paused(self) -> bool:
        """Whether it is a follower to whom no new trade is copied, because people have said so."""
        return 0 < self.paused + self.off == len(self.strategies)

    @property
    def pause(self) -> str:
        """What people have stopped here, in words: it is no fault, and no calm either. That one of several
        subscriptions has ended is nothing to look at."""
        if self.is_paused:
            return gettext("paused by people") if self.paused else gettext("switched off by people")
        if not self.paused:
            return ""
        return gettext("paused by people for %(paused)s of %(all)s strategies") % {
            "paused": self.paused, "all": len(self.strategies),
        }  # fmt: skip

    @property
    def led_pause(self) -> str:
        """Likewise of a master: to how many of his followers nothing new is copied."""
        if not self.led_paused:
            return ""
        return gettext("paused by people for %(paused)s of %(all)s followers") % {
            "paused": self.led_paused, "all": self.led,
        }  # fmt: skip

    @property
    def slow(self) -> bool:
        return self.p95 is not None and self.p95 > TARGET_MS

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """What is wrong: how bad, and in words. The first is the worst."""
        return [(level, words()) for level, words in self._troubles()]

    def _troubles(self) -> list[tuple[str, Callable[[], str]]]:
        """Words are made for what is shown alone: of thousands of rows a page needs to know how bad each is."""
        away = self.standing != "connected"
        suspended = self.account.suspended_at is not None
        if not (away or suspended or self.unprotected or self.undelivered or self.differences or self.failed):
            return []
        told: list[tuple[bool, str, Callable[[], str]]] = [
            (away and self.open_copies > 0, "bad",
             lambda: gettext("%(state)s with %(copies)s") % {
                 "state": gettext(self.standing),
                 "copies": _n("%(count)d open copy", "%(count)d open copies", self.open_copies)}),
            (self.unprotected > 0, "bad",
             lambda: _n("%(count)d copy without the stop loss", "%(count)d copies without the stop loss",
                        self.unprotected)),
            (self.is_stuck, "bad",
             lambda: gettext("%(commands)s, the oldest for %(span)s") % {
                 "commands": self._waits(), "span": in_words(self.oldest or LATE)}),
            (suspended, "warning", lambda: gettext("suspended")),
            (away and not self.open_copies and not self.is_missed, "warning", lambda: gettext(self.standing)),
            (self.is_missed, "warning",
             lambda: gettext("%(state)s as a master: %(copies)s to lead") % {
                 "state": gettext(self.standing),
                 "copies": _n("%(count)d open copy", "%(count)d open copies", self.depending)}),
            (self.differences > 0, "warning",
             lambda: _n("%(count)d difference", "%(count)d differences", self.differences)),
            (self.failed > 0, "warning", lambda: gettext("%(count)s failed today") % {"count": self.failed}),
            (self.undelivered > 0 and not self.is_stuck, "warning", self._waits),
        ]  # fmt: skip
        return [(level, words) for holds, level, words in told if holds]

    def _waits(self) -> str:
        return _n("%(count)d command not delivered", "%(count)d commands not delivered", self.undelivered)

    @property
    def level(self) -> str:
        return min((level for level, _ in self._troubles()), key=_LEVELS.index, default="ok")

    @property
    def place(self) -> tuple[Any, ...]:
        """Where it stands in the list: the worst first. Of those who are well, whom people have paused, who was denied
        most, or served late."""
        level, late = self.level, -(self.p95 or 0.0)
        at_risk = 0 if level == "ok" else -self.open_copies
        rank = _LEVELS.index(level) + (level == "ok" and not self.pause)
        return (rank, at_risk, -self.differences, -self.denied, late, self.account.account_id)


def state_line(rows: Sequence[Row]) -> tuple[str, str]:
    """How bad it is, and the state of all followers in one sentence."""
    if not rows:
        return "idle", gettext("No account follows a strategy yet.")
    level, words = _troubled(rows)
    paused = paused_line(rows)
    if level == "ok":
        return _untroubled(rows, paused)
    return level, f"{words} {paused}".rstrip()


def _troubled(rows: Sequence[Row]) -> tuple[str, str]:
    """What nobody has chosen: followers out of reach, and whatever a row has to tell."""
    exposed = [row for row in rows if row.standing != "connected" and row.open_copies]
    levels = Counter(row.level for row in rows)
    bad, troubled = levels["bad"], levels["warning"]
    if exposed:
        return "bad", _n(
            "%(count)d follower holds open copies and cannot be reached.",
            "%(count)d followers hold open copies and cannot be reached.",
            len(exposed),
        )
    if bad:
        return "bad", _n(
            "%(count)d follower at risk: see the first rows.", "%(count)d followers at risk: see the first rows.", bad
        )
    if troubled:
        return "warning", _n(
            "%(count)d follower to look at; no open copy is at risk.",
            "%(count)d followers to look at; no open copy is at risk.",
            troubled,
        )
    return "ok", ""


def _untroubled(rows: Sequence[Row], paused: str) -> tuple[str, str]:
    """Nothing has failed. That all is well is said only where all trades are copied too: neither did people pause
    anybody, nor did a rule say no today. Rules may do so daily, so that alone colours nothing."""
    denied = sum(row.denied for row in rows)
    if not paused and not denied:
        return "ok", _n(
            "All is well: %(count)d follower connected.", "All is well: %(count)d followers connected.", len(rows)
        )
    connected = _n("%(count)d follower connected.", "%(count)d followers connected.", len(rows))
    said = [connected, paused]
    if denied:
        said.append(
            _n(
                "%(count)d copy was denied today: “Denied today” leads to why.",
                "%(count)d copies were denied today: “Denied today” leads to why.",
                denied,
            )
        )
    return ("warning" if paused else "idle"), " ".join(filter(None, said))


def paused_line(rows: Sequence[Row]) -> str:
    """What is to be said besides of followers that are paused: nobody shall think that their trades are copied."""
    whole = sum(row.is_paused for row in rows)
    if not whole:
        return partly_line(rows)
    said = _n(
        "%(count)d follower was paused by people: no new trade is copied to it.",
        "%(count)d followers were paused by people: no new trade is copied to them.",
        whole,
    )
    return f"{said} {partly_line(rows)}".rstrip()


def partly_line(rows: Sequence[Row]) -> str:
    """Likewise of those to whom something is copied still."""
    partly = sum(row.paused > 0 and not row.is_paused for row in rows)
    if not partly:
        return ""
    return _n(
        "%(count)d follower was paused by people for a part of its strategies.",
        "%(count)d followers were paused by people for a part of their strategies.",
        partly,
    )


def strategy_words(name: str, state: str) -> str:
    """A strategy as a follower's row names it, with what people have stopped."""
    if state == SubscriptionState.ACTIVE:
        return name
    return f"{name} ({gettext('switched off') if state == SubscriptionState.OFF else gettext('paused')})"


def count_led(master: Row, state: str) -> None:
    """One more subscription to a strategy of this master."""
    master.led += state != SubscriptionState.OFF
    master.led_paused += state == SubscriptionState.CLOSE_ONLY


def count_followed(follower: Row, state: str) -> None:
    """One more subscription of this follower."""
    follower.paused += state == SubscriptionState.CLOSE_ONLY
    follower.off += state == SubscriptionState.OFF


def tell_led(followers: Mapping[UUID, Row], masters: Mapping[UUID, Row]) -> None:
    """Who leads and follows has one row among both: it knows of both."""
    for pk in followers.keys() & masters.keys():
        followers[pk].led, followers[pk].led_paused = masters[pk].led, masters[pk].led_paused


def _n(one: str, many: str, count: int) -> str:
    return ngettext(one, many, count) % {"count": count}


def failed_since(commands: QuerySet[Command], midnight: datetime) -> tuple[QuerySet[Command], QuerySet[Command]]:
    """Those that the broker has refused or that nobody knows of, and the opens that came too late: a follower lacks
    either. Apart: an index finds the first ones among all that went well, and one condition for both would hide it.
    """
    today = commands.filter(decided_at__gte=midnight)
    return today.filter(state__in=FAILED), today.filter(state__in=MISSED, reason=CommandReason.MISSED)


def counted(number: int, thing: str) -> str:
    if number == 1:
        return f"1 {thing}"
    return f"{number} {thing[:-1]}ies" if thing.endswith("y") else f"{number} {thing}s"


def connect(rows: Mapping[UUID, Row], living: Mapping[UUID, Link], now: datetime) -> None:
    """Say of each account whether its terminal is there, and when it was heard of last."""
    for pk, link in living.items():
        if pk in rows:
            alive, rows[pk].silence = silence_of(link, now)
            rows[pk].standing = standing_of(link.state, link.key__state, alive=alive)
    for row in rows.values():
        ended: datetime | None = getattr(row.account, "last_end", None)
        if row.standing == "offline" and ended is not None:
            row.silence = max(now - ended, timedelta(0))
