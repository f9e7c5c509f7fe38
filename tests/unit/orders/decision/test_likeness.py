"""Followers who are decided alike: one decision serves them all, and it is the one that each would have got."""

import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from orders.domain.decision.inputs import Case, MarketQuote
from orders.domain.decision.likeness import likeness
from orders.domain.decision.pipeline import Decided, decide
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.modes import Funds, Mode
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.commands import MAX_COPY_NO
from orders.domain.wire.intents import Action
from tests.unit.builders import NOW, book, case, intent, leg, position, rules, spec, terminal

D = Decimal
OPEN: Final = intent()
MASTERS: Final = Funds("USD", balance=D(10_000), equity=D(9_000))
RULES: Final = (
    rules(mode=Mode.MIRRORED),
    rules(mode=Mode.EQUITY_RATIO, max_open_positions=2),
    rules(mode=Mode.BALANCE_RATIO),
    replace(rules(), state=SubscriptionState.CLOSE_ONLY),
)
PRICED: Final[dict[str, Any]] = {"tick_size": D("0.00001"), "tick_value": D(1)}
TERMINALS: Final = (terminal(book(spec(**PRICED))), terminal(book(spec(step="0.1", least="0.1", **PRICED))), None)
# What a follower has of its own, a few values each; the first of them are all equal to the others' first.
VARIANTS: Final[dict[str, tuple[Any, ...]]] = {
    "rules": RULES,
    "follower": TERMINALS,
    "follower_funds": (
        Funds("USD", D(1000), D(1000), D(1000), NOW),
        Funds("USD", D(1000), D(1000), D(1000), NOW - timedelta(seconds=5)),
        Funds("USD", D(1000), D(1000), D(1000), NOW - timedelta(hours=1)),
        Funds("USD", D(1000), D(1000), D(1000), NOW - timedelta(hours=2)),
        Funds("USD", D(1000), D(500), D(1000), NOW),
        Funds("USD", D(4000), D(1000), D(1000), NOW),
        Funds("EUR", D(1000), D(1000), None, NOW),
    ),
    "exposure": (
        Exposure(),
        Exposure(next_copy_no=7),
        Exposure(open_positions=2),
        Exposure(notional=D(29_000)),
        Exposure(next_copy_no=MAX_COPY_NO),
    ),
    "legs": ([], [leg("0.10")], [leg("0.10", lifted=True)]),
    "stale_after": (timedelta(seconds=30), timedelta(minutes=90)),
}


def followers(action: Action) -> Iterator[Case]:
    made = OPEN if action is Action.OPEN else intent(action)
    before = None if action is Action.OPEN else position()
    for values in itertools.product(*VARIANTS.values()):
        yield case(made, position=before, master_funds=MASTERS, **dict(zip(VARIANTS, values, strict=True)))


def told(verdict: Decided) -> tuple[Any, ...]:
    return tuple(getattr(verdict, item.name) for item in fields(verdict))


def test_followers_that_are_alike_would_each_get_the_same_decision() -> None:
    for action in (Action.OPEN, Action.CLOSE, Action.MODIFY):
        decisions: dict[Hashable, list[tuple[Any, ...]]] = defaultdict(list)
        for one in followers(action):
            decisions[likeness(one)].append(told(decide(one)))
        shared = [group for group in decisions.values() if len(group) > 1]
        assert shared
        for group in shared:
            assert all(verdict == group[0] for verdict in group)


def test_what_no_decision_looks_at_makes_no_other_follower() -> None:
    first = case(OPEN, **{name: values[0] for name, values in VARIANTS.items()})
    same = replace(first, follower_funds=VARIANTS["follower_funds"][1], exposure=VARIANTS["exposure"][1])
    assert likeness(first) == likeness(same)
    closing = replace(first, intent=intent(Action.CLOSE))
    assert likeness(closing) == likeness(replace(closing, follower_funds=VARIANTS["follower_funds"][4]))


def test_each_follower_with_a_market_of_its_own_stands_for_itself() -> None:
    quote = MarketQuote(D("1.1"), D("1.2"), NOW)
    assert likeness(case(OPEN, quotes={"EURUSD": quote})) is None


def test_every_part_of_a_case_is_the_masters_or_looked_at() -> None:
    """A new field of a case has to be thought of here: is it the same for all followers of an intent?"""
    of_the_master = {"intent", "occurred_at", "position", "master", "master_funds", "now", "max_leverage", "own_copies"}
    assert {item.name for item in fields(Case)} == of_the_master | VARIANTS.keys() | {"quotes"}
