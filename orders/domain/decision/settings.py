"""The settings of a subscription, each declared once: its name, type, bounds and default, and what it does.

Everything else comes from here: what the provisioning file may say and how a mistake in it is told, the columns of the
table, the values that rules look at, the help on the admin's page and the table in docs/operations.md. A new setting is
one entry of `Settings`, its migration, the rule that looks at it, and the test of that rule.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from orders.domain.copies.repair_policies import policy_mistakes
from orders.domain.decision.filters import filter_mistakes
from orders.domain.decision.setting_table import Amount, Choice, Content, Help, Only, SettingTable, Switch, Text, Whole
from orders.domain.decision.symbols import map_mistakes
from orders.domain.sizing.modes import FUNDS_RATIOS, SIZELESS, ContractSize, Mode
from sessions_app.domain.decimals import Lots, Money
from sessions_app.domain.said import say

LEAST_RISK_MULTIPLE: Final = Decimal(1)


class LatePolicy(StrEnum):
    """What becomes of an open that is older than the age limit."""

    DENY = "deny"
    PENDING_AT_MASTER_PRICE = "pending_at_master_price"


class MinLotsPolicy(StrEnum):
    """What becomes of lots below the follower's minimum."""

    DENY = "deny"
    FORCE_MIN = "force_min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One subscription's settings as values; what is not given has its default. None switches a limit off."""

    mode: Annotated[
        Mode,
        Choice(Mode),
        Help("How the lots of a copy follow from the master's lots.", section="allocation-modes"),
    ] = Mode.MIRRORED
    multiplier: Annotated[
        Decimal,
        Amount(Lots),
        Help(
            "The factor k of every mode but `fixed_lots`: 2 copies twice as much, 0.5 half of it.",
            section="allocation-modes",
        ),
        Only("mode", frozenset(Mode) - {Mode.FIXED_LOTS}),
    ] = Decimal(1)
    lots: Annotated[
        Decimal | None,
        Amount(Lots),
        Help("The lots of every copy in mode `fixed_lots`, which requires them.", section="allocation-modes"),
        Only("mode", frozenset({Mode.FIXED_LOTS})),
    ] = None
    fixed_master_base: Annotated[
        Decimal | None,
        Amount(Money),
        Help(
            "A fixed sum, in the master's currency, for `balance_ratio` and `equity_ratio`; without it they look at "
            "the master's own balance or equity.",
            section="allocation-modes",
        ),
        Only("mode", FUNDS_RATIOS),
    ] = None
    fixed_follower_base: Annotated[
        Decimal | None,
        Amount(Money),
        Help(
            "A fixed sum, in the follower's currency, for `balance_ratio` and `equity_ratio`; without it they look at "
            "the follower's own balance or equity.",
            section="allocation-modes",
        ),
        Only("mode", FUNDS_RATIOS),
    ] = None
    contract_size: Annotated[
        ContractSize,
        Choice(ContractSize),
        Help(
            "What is done when one lot is another quantity at the two brokers. `convert`: the same quantity is copied; "
            "`ignore`: lots are lots; `check`: ratios convert, and lots are mirrored up to ten times the quantity, "
            "beyond which nothing is copied. `fixed_lots` and `contract_units` do not ask.",
            section="allocation-modes",
        ),
        Only("mode", frozenset(Mode) - SIZELESS),
    ] = ContractSize.CHECK
    max_age_seconds: Annotated[
        int,
        Whole(1, 86_400),
        Help("How many seconds old a signal may be that opens a position or places an order.", section="late-signals"),
    ] = 60
    max_lots: Annotated[
        Decimal | None,
        Amount(Lots),
        Help("The most lots that one trade is copied with; more is reduced to fit.", section="limits"),
    ] = None
    max_open_positions: Annotated[
        int | None,
        Whole(1, 100_000),
        Help(
            "How many copied positions the follower may have, counted over all its subscriptions; a trade that would "
            "make more is not copied.",
            section="limits",
        ),
    ] = None
    symbol_map: Annotated[
        Mapping[str, str],
        Content(map_mistakes, "object of symbol names, 1 to 64 characters each", "EURUSD = EURUSD.pro", pairs=True),
        Help(
            "The follower's name of a symbol, by the master's name of it; it wins over what is found without it.",
            section="symbol-mapping",
        ),
    ] = field(default_factory=dict)
    prefix: Annotated[
        str,
        Text(16),
        Help(
            "What the follower's broker puts before the names of symbols, such as `m.` in m.EURUSD.",
            section="symbol-mapping",
        ),
    ] = ""
    suffix: Annotated[
        str,
        Text(16),
        Help(
            "What the follower's broker puts behind the names of symbols, such as `.pro` in EURUSD.pro.",
            section="symbol-mapping",
        ),
    ] = ""
    filters: Annotated[
        Mapping[str, Any],
        Content(filter_mistakes, "object of filters", "symbols allow = EURUSD, GBP*"),
        Help("Which of the master's trades are copied at all; without any every one.", section="filters"),
    ] = field(default_factory=dict)
    repairs: Annotated[
        Mapping[str, str],
        Content(policy_mistakes, "object: a policy by kind of difference", "extra = repair", pairs=True),
        Help(
            "What is done when the follower's terminal holds something else than was ordered. A kind of difference "
            "that is not named is treated as the tenant's `repairs` say.",
            section="reconciliation",
        ),
    ] = field(default_factory=dict)
    reverse: Annotated[
        bool,
        Switch(),
        Help(
            "Copies the other way round: what the master buys is sold, and its stop loss and take profit change "
            "places.",
            section="reverse-copying",
        ),
    ] = False
    late_policy: Annotated[
        LatePolicy,
        Choice(LatePolicy),
        Help(
            "What becomes of a signal that is older than `max_age_seconds`: nothing is copied, or a pending order "
            "waits at the master's price.",
            section="late-signals",
        ),
    ] = LatePolicy.DENY
    late_seconds: Annotated[
        int,
        Whole(60, 604_800),
        Help("How many seconds beyond `max_age_seconds` such a pending order may wait.", section="late-signals"),
        Only("late_policy", frozenset({LatePolicy.PENDING_AT_MASTER_PRICE})),
    ] = 3600
    deviation_points: Annotated[
        int | None,
        Whole(1, 1_000_000),
        Help(
            "How many points of the follower's symbol a market order may be away from the master's price; without it, "
            "any number.",
            section="late-signals",
        ),
    ] = None
    pending_wait_seconds: Annotated[
        int,
        Whole(1, 3600),
        Help(
            "How many seconds a copied pending order may go on working when the master's has filled. After that it is "
            "cancelled and, if nothing of it had filled, the position opened at market.",
            section="pending-orders-that-fill-on-one-side-only",
        ),
    ] = 5
    min_lots_policy: Annotated[
        MinLotsPolicy,
        Choice(MinLotsPolicy),
        Help(
            "What becomes of a copy smaller than the follower's broker takes: nothing is copied, or the smallest size "
            "that it takes.",
            section="rounding",
        ),
    ] = MinLotsPolicy.DENY
    max_risk_multiple: Annotated[
        Decimal,
        Amount(Lots, least=LEAST_RISK_MULTIPLE),
        Help(
            "How many times the exact lots `force_min` may copy at most; beyond that nothing is copied.",
            section="rounding",
        ),
        Only("min_lots_policy", frozenset({MinLotsPolicy.FORCE_MIN})),
    ] = Decimal(5)

    @property
    def looks_at_market(self) -> bool:
        """Whether its decisions depend on the follower's market."""
        return self.deviation_points is not None or self.late_policy is not LatePolicy.DENY


SETTINGS: Final = SettingTable(Settings)


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """What no single setting shows: the name of the one to change, and what was expected."""
    if settings.mode is Mode.FIXED_LOTS and settings.lots is None:
        yield "lots", say("fixed_lots needs lots above 0")
