"""Decisions about what follows a copy: modify, close, cancel, activate, partial close."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.legs import Leg
from orders.domain.copies.positions import PositionState
from orders.domain.decision.inputs import Outcome
from orders.domain.decision.pipeline import Decided, decide, failed
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.rounding import KeptSpec
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderType
from sessions_app.domain.decimals import Lots, Price
from tests.unit.builders import NOW, book, case, intent, leg, position, rules, spec, terminal

FOLLOWS = sorted(set(Action) - ADDS_EXPOSURE)
REASONS: list[dict[str, Any]] = [
    {"rules": rules(state=SubscriptionState.CLOSE_ONLY)},
    {"rules": rules(max_age_seconds=0), "occurred_at": NOW - timedelta(days=3)},
    {"rules": rules(max_lots=Decimal(0), max_open_positions=0), "exposure": Exposure(99, 0xFFFFFF)},
    {"follower": None},
    {"follower": terminal({})},
    {"follower": terminal(netting=True, fifo=True)},
    {"follower": terminal(book(spec("GBPUSD")))},
    {"position": None},
]


def lots_after(verdict: Decided) -> list[tuple[int, Action, Decimal]]:
    return [(order.leg, order.action, order.lots_after) for order in verdict.orders]


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("action", [Action.CLOSE, Action.CANCEL, Action.MODIFY, Action.PARTIAL_CLOSE])
def test_what_would_orphan_a_position_is_never_denied(action: Action, reason: dict[str, Any]) -> None:
    verdict = decide(replace(case(intent(action), legs=[leg()]), **reason))
    assert (verdict.outcome, verdict.code) == (Outcome.COPIED, None)
    assert len(verdict.orders) == 1


@pytest.mark.parametrize("action", FOLLOWS)
def test_what_was_never_copied_needs_nothing(action: Action) -> None:
    verdict = decide(case(intent(action)))
    assert (verdict.outcome, verdict.code, verdict.orders) == (Outcome.NOOP, Code.NOT_COPIED, ())
    assert [step["step"] for step in verdict.steps] == ["copy"]


@pytest.mark.parametrize("action", FOLLOWS)
def test_a_copy_that_is_gone_needs_nothing(action: Action) -> None:
    gone = [leg("0", state=CopyState.CLOSED), leg("0", number=2, state=CopyState.FAILED)]
    verdict = decide(case(intent(action), legs=gone))
    assert (verdict.outcome, verdict.code) == (Outcome.NOOP, Code.COPY_GONE)


def test_a_copied_pending_order_fills_at_the_followers_own_broker() -> None:
    pending = leg(state=CopyState.WORKING, order_type=OrderType.LIMIT)
    verdict = decide(case(intent(Action.ACTIVATE), legs=[pending]))
    assert (verdict.outcome, verdict.code, verdict.waiting) == (Outcome.NOOP, Code.FILLS_AT_OWN_BROKER, (1,))
    assert verdict.steps[-1]["wait_seconds"] == 5


def test_a_copy_that_filled_before_the_masters_order_needs_no_wait() -> None:
    legs = [
        leg(order_type=OrderType.STOP),
        leg(number=2, state=CopyState.ORDERED, order_type=OrderType.STOP),
        leg("0", number=3, state=CopyState.FAILED, order_type=OrderType.STOP),
    ]
    verdict = decide(case(intent(Action.ACTIVATE), legs=legs))
    assert (verdict.outcome, verdict.waiting, verdict.orders) == (Outcome.NOOP, (2,), ())


def test_a_working_copy_that_is_being_cancelled_waits_for_no_fill() -> None:
    """Its lots are 0: it is led to nothing, and another leg lives."""
    legs = [
        leg("0", state=CopyState.WORKING, order_type=OrderType.LIMIT),
        leg(number=2, state=CopyState.WORKING, order_type=OrderType.LIMIT),
    ]
    assert decide(case(intent(Action.ACTIVATE), legs=legs)).waiting == (2,)


def test_an_activation_of_a_position_never_seen_changes_no_stops() -> None:
    asked = case(intent(Action.ACTIVATE, sl=Price("1.09")), legs=[leg(order_type=OrderType.STOP)])
    assert decide(replace(asked, position=None)).code is Code.FILLS_AT_OWN_BROKER


def test_stops_that_change_with_the_fill_go_to_the_copies_and_the_price_does_not() -> None:
    asked = case(intent(Action.ACTIVATE, sl=Price("1.09"), price=Price("1.1002")), legs=[])
    pending = leg(state=CopyState.WORKING, order_type=OrderType.STOP)
    before = position(state=PositionState.WORKING, sl=Decimal("1.08"), tp=Decimal("1.2"))
    verdict = decide(replace(asked, legs=[pending], position=before))
    (order,) = verdict.orders
    assert (verdict.outcome, order.action, order.sl, order.tp) == (
        Outcome.COPIED,
        Action.MODIFY,
        Decimal("1.09"),
        Decimal("1.2"),
    )
    assert (order.price, order.expiry, verdict.waiting) == (None, "", (1,))


def test_a_copy_that_still_works_keeps_its_price_when_the_masters_position_is_open() -> None:
    pending = leg(state=CopyState.WORKING, order_type=OrderType.STOP)
    asked = case(intent(Action.MODIFY, sl=Price("1.09"), price=Price("1.1002")), legs=[pending])
    (order,) = decide(replace(asked, position=position())).orders
    assert (order.sl, order.price) == (Decimal("1.09"), None)


@pytest.mark.parametrize(
    ("action", "on_open", "on_ordered"),
    [(Action.CLOSE, Action.CLOSE, Action.CLOSE), (Action.CANCEL, Action.CLOSE, Action.CANCEL)],
)
def test_case_159_a_close_or_cancel_ends_every_living_leg_and_no_other(
    action: Action, on_open: Action, on_ordered: Action
) -> None:
    legs = [leg("1"), leg("0", number=2, state=CopyState.CLOSED), leg("0.5", number=3, state=CopyState.ORDERED)]
    verdict = decide(case(intent(action), legs=legs))
    assert lots_after(verdict) == [(1, on_open, Decimal(0)), (3, on_ordered, Decimal(0))]
    assert [order.lots for order in verdict.orders] == [Decimal(1), Decimal("0.5")]


def test_a_close_explains_what_it_closes() -> None:
    verdict = decide(case(intent(Action.CLOSE), legs=[leg("1.00"), leg("0.50", number=2)]))
    assert verdict.steps == [
        {"step": "copy", "result": "ok", "legs": 2, "lots": "1.5"},
        {"step": "following_orders", "result": "ok", "lots_after": ["0", "0"]},
    ]


@pytest.mark.parametrize("action", [Action.CLOSE, Action.PARTIAL_CLOSE])
def test_what_is_closed_names_the_masters_price(action: Action) -> None:
    (order,) = decide(case(intent(action, price=Price("1.1234")), legs=[leg()])).orders
    assert order.price == Decimal("1.1234")


def test_a_close_has_no_time_limit() -> None:
    (order,) = decide(case(intent(Action.CLOSE), legs=[leg()])).orders
    assert order.valid_until is None


def test_a_modify_sends_both_stops_as_they_shall_stand() -> None:
    asked = case(intent(Action.MODIFY, sl=Price("1.0912345")), legs=[leg()])
    (order,) = decide(replace(asked, position=position(tp=Decimal("1.12")))).orders
    assert (order.action, order.sl, order.tp) == (Action.MODIFY, Decimal("1.09123"), Decimal("1.12"))
    assert (order.lots, order.lots_before, order.lots_after) == (Decimal(0), Decimal("0.10"), Decimal("0.10"))
    assert order.price is None


def test_a_modify_can_take_a_stop_away() -> None:
    asked = case(intent(Action.MODIFY, sl=Price("0")), legs=[leg()])
    (order,) = decide(replace(asked, position=position(sl=Decimal("1.09")))).orders
    assert order.sl == 0


def test_a_modify_moves_the_price_and_expiry_of_a_pending_copy() -> None:
    pending = leg(state=CopyState.WORKING, order_type=OrderType.LIMIT)
    asked = case(intent(Action.MODIFY, price=Price("1.05"), expiry="2026-11-25T00:00:00Z"), legs=[pending])
    (order,) = decide(replace(asked, position=position(state=PositionState.WORKING))).orders
    assert (order.price, order.expiry) == (Decimal("1.05"), "2026-11-25T00:00:00Z")


# Partial closes -------------------------------------------------------------------------------------------------------


def partial(closed: str, remaining: str, *legs: Leg, **lots: str) -> Decided:
    """The decision on a partial close of the master, for these legs at a broker with these lot bounds."""
    made = intent(Action.PARTIAL_CLOSE, lots=Lots(closed), remaining_lots=Lots(remaining))
    return decide(case(made, legs=legs, follower=terminal(book(spec(**lots)))))


@pytest.mark.parametrize(
    ("lots", "closed", "remaining", "left"),
    [
        ("0.10", "0.5", "0.5", "0.05"),
        ("0.10", "1", "2", "0.07"),
        ("0.07", "0.5", "0.5", "0.04"),
        ("0.03", "0.3", "0.1", "0.01"),
        ("0.02", "0.99", "0.01", "0.01"),
        ("10.00", "0.01", "0.99", "9.90"),
    ],
)
def test_the_same_share_is_closed_rounded_down(lots: str, closed: str, remaining: str, left: str) -> None:
    verdict = partial(closed, remaining, leg(lots))
    assert lots_after(verdict) == [(1, Action.PARTIAL_CLOSE, Decimal(left))]
    assert verdict.orders[0].lots == Decimal(lots) - Decimal(left)


@pytest.mark.parametrize(
    ("lots", "closed", "remaining", "bounds"),
    [
        ("0.01", "0.99", "0.01", {}),
        ("0.05", "0.01", "0.99", {}),
        ("0.10", "0.5", "0.5", {"least": "0.1", "step": "0.1"}),
        ("1.50", "0.9", "0.1", {"least": "1", "step": "1"}),
    ],
)
def test_a_part_too_small_to_close_waits_for_the_final_close(
    lots: str, closed: str, remaining: str, bounds: dict[str, str]
) -> None:
    verdict = partial(closed, remaining, leg(lots), **bounds)
    assert (verdict.outcome, verdict.code, verdict.orders) == (Outcome.NOOP, Code.PARTIAL_CLOSE_DEFERRED, ())
    assert verdict.steps[-1]["step"] == "following_orders"
    assert "exact" in verdict.steps[-1]


def test_what_stays_open_is_never_below_the_brokers_minimum() -> None:
    verdict = partial("0.9", "0.1", leg("1.00"), least="0.5")
    assert lots_after(verdict) == [(1, Action.PARTIAL_CLOSE, Decimal("0.50"))]


def test_the_last_legs_are_closed_first() -> None:
    verdict = partial("0.5", "0.5", leg("10"), leg("10", number=2), leg("5", number=3))
    assert lots_after(verdict) == [(3, Action.CLOSE, Decimal(0)), (2, Action.PARTIAL_CLOSE, Decimal("2.50"))]


def test_a_leg_that_can_give_nothing_leaves_the_part_to_the_others() -> None:
    verdict = partial("0.01", "0.99", leg("10.0"), leg("0.2", number=2), least="0.2", step="0.1")
    assert lots_after(verdict) == [(1, Action.PARTIAL_CLOSE, Decimal("9.9"))]


def test_a_leg_that_can_give_a_part_leaves_the_rest_to_the_others() -> None:
    verdict = partial("1", "2", leg("10.0"), leg("5.1", number=2), least="0.2", step="0.1")
    assert lots_after(verdict) == [
        (2, Action.PARTIAL_CLOSE, Decimal("0.2")),
        (1, Action.PARTIAL_CLOSE, Decimal("9.9")),
    ]


def test_a_partial_close_of_several_legs_always_leaves_one() -> None:
    verdict = partial("0.99", "0.01", leg("0.02"), leg("0.01", number=2), leg("0.01", number=3))
    assert lots_after(verdict) == [
        (3, Action.CLOSE, Decimal(0)),
        (2, Action.CLOSE, Decimal(0)),
        (1, Action.PARTIAL_CLOSE, Decimal("0.01")),
    ]


def test_a_share_that_is_all_but_everything_is_no_full_close() -> None:
    assert partial("0.99999999", "0.00000001", leg("0.01")).code is Code.PARTIAL_CLOSE_DEFERRED
    verdict = partial("0.99999999", "0.00000001", leg("0.01"), leg("0.01", number=2))
    assert lots_after(verdict) == [(2, Action.CLOSE, Decimal(0))]


def test_a_working_copy_is_closed_in_part_when_it_has_filled() -> None:
    verdict = partial("0.5", "0.5", leg(state=CopyState.WORKING, order_type=OrderType.LIMIT))
    assert (verdict.outcome, verdict.code) == (Outcome.NOOP, Code.COPY_STILL_WORKING)
    assert verdict.led == ((1, Decimal("0.05")),)


def test_of_two_legs_the_one_that_has_not_filled_is_cancelled_or_waits() -> None:
    filled, working = (
        leg(order_type=OrderType.LIMIT),
        leg(number=2, state=CopyState.WORKING, order_type=OrderType.LIMIT),
    )
    verdict = partial("0.25", "0.75", filled, working)
    assert (verdict.code, verdict.led) == (Code.COPY_STILL_WORKING, ((2, Decimal("0.05")),))
    verdict = partial("0.75", "0.25", filled, working)
    assert lots_after(verdict) == [(2, Action.CANCEL, Decimal(0)), (1, Action.PARTIAL_CLOSE, Decimal("0.05"))]


def test_of_two_legs_one_may_be_reduced_now_and_the_other_when_it_has_filled() -> None:
    """A third of 15.1 lots, in tenths, with 0.2 at least: 4.9 of the last leg, and 0.1 of the first."""
    filled = leg("10.0", order_type=OrderType.LIMIT)
    working = leg("5.1", number=2, state=CopyState.WORKING, order_type=OrderType.LIMIT)
    verdict = partial("1", "2", filled, working, least="0.2", step="0.1")
    assert (verdict.outcome, verdict.code) == (Outcome.COPIED, None)
    assert lots_after(verdict) == [(1, Action.PARTIAL_CLOSE, Decimal("9.9"))]
    assert verdict.led == ((2, Decimal("0.2")),)
    assert verdict.steps[-1] == {
        "step": "following_orders",
        "result": "ok",
        "lots_after": ["0.2", "9.9"],
        "when_filled": [2],
    }


def test_of_a_part_or_a_rest_that_the_master_leaves_unsaid_no_share_is_closed() -> None:
    asked = intent(Action.PARTIAL_CLOSE, lots=None)
    assert decide(case(asked, legs=[leg()])).code is Code.PARTIAL_CLOSE_DEFERRED
    asked = intent(Action.PARTIAL_CLOSE, remaining_lots=None)
    assert decide(case(asked, legs=[leg()])).code is Code.PARTIAL_CLOSE_DEFERRED


def test_a_part_may_be_closed_right_behind_its_open() -> None:
    assert partial("0.5", "0.5", leg(state=CopyState.ORDERED)).outcome is Outcome.COPIED


@st.composite
def copied_legs(draw: st.DrawFn) -> tuple[list[Leg], dict[str, str]]:
    """Legs as a split and earlier partial closes may leave them, and the broker's bounds."""
    step = Decimal(draw(st.sampled_from(["0.01", "0.1", "1"])))
    least = draw(st.integers(1, 20))
    sizes = draw(st.lists(st.integers(least, 1000), min_size=1, max_size=4))
    legs = [leg(str(size * step), number=number) for number, size in enumerate(sizes, start=1)]
    return legs, {"least": str(least * step), "step": str(step)}


HUNDREDTHS = st.integers(1, 10_000)


@given(copied_legs(), HUNDREDTHS, HUNDREDTHS)
def test_a_partial_close_is_never_a_full_one_nor_more_than_its_share(
    made: tuple[list[Leg], dict[str, str]], closed: int, remaining: int
) -> None:
    legs, bounds = made
    verdict = partial(f"{closed / 100:.2f}", f"{remaining / 100:.2f}", *legs, **bounds)
    before = sum((one.lots for one in legs), Decimal(0))
    given_up = sum(order.lots for order in verdict.orders)
    assert given_up < before
    assert given_up <= before * closed / (closed + remaining) + Decimal("1e-8")
    for order in verdict.orders:
        assert order.lots > 0
        assert order.lots % Decimal(bounds["step"]) == 0
        assert order.lots_before - order.lots == order.lots_after
        assert order.lots_after == 0 or order.lots_after >= Decimal(bounds["least"])
        assert (order.action is Action.CLOSE) == (order.lots_after == 0)


@given(copied_legs(), HUNDREDTHS, st.integers(1, 10_000), st.integers(0, 9_999))
def test_the_more_the_master_closes_the_more_the_follower_closes(
    made: tuple[list[Leg], dict[str, str]], closed: int, whole: int, more: int
) -> None:
    legs, bounds = made
    whole += closed + more
    given_up = [
        sum(order.lots for order in partial(f"{part / 100:.2f}", f"{(whole - part) / 100:.2f}", *legs, **bounds).orders)
        for part in (closed, closed + more)
    ]
    assert given_up[0] <= given_up[1]


@given(copied_legs(), HUNDREDTHS, HUNDREDTHS)
def test_one_leg_gives_its_whole_share_as_far_as_the_rest_stays_tradable(
    made: tuple[list[Leg], dict[str, str]], closed: int, remaining: int
) -> None:
    (only, *_), bounds = made
    step, least = Decimal(bounds["step"]), Decimal(bounds["least"])
    verdict = partial(f"{closed / 100:.2f}", f"{remaining / 100:.2f}", only, **bounds)
    share = (only.lots * closed / (closed + remaining) + Decimal("1e-8")) // step * step
    assert sum(order.lots for order in verdict.orders) == min(share, only.lots - least)


def test_a_symbol_that_has_left_the_list_is_rounded_as_when_its_copy_was_made() -> None:
    kept = KeptSpec(lots_step=Decimal(1), lots_min=Decimal(1), digits=5)
    made = intent(Action.PARTIAL_CLOSE, lots=Lots("0.25"), remaining_lots=Lots("0.75"))
    gone = terminal(book(spec("GBPUSD")))
    verdict = decide(case(made, legs=[leg("10", kept=kept)], follower=gone))
    assert lots_after(verdict) == [(1, Action.PARTIAL_CLOSE, Decimal(8))]


def origin(lots: str, ordered: str, **changes: Any) -> Leg:
    """A leg that was copied with these lots when the master had 1."""
    return leg(lots, lots_ordered=Decimal(ordered), master_lots=Decimal(1), filled=True, **changes)


@pytest.mark.parametrize(
    ("held", "remaining", "left"),
    [("0.25", "0.5", "0.12"), ("0.12", "0.25", "0.06"), ("0.25", "0.25", "0.06"), ("0.06", "0.01", "0.01")],
)
def test_a_part_is_reckoned_from_the_origin_whatever_is_left(held: str, remaining: str, left: str) -> None:
    """0.25 lots of his one: half of them is 0.125, of which 0.12 can be held; roundings do not add up."""
    assert lots_after(partial("0.1", remaining, origin(held, "0.25"))) == [(1, Action.PARTIAL_CLOSE, Decimal(left))]


def test_who_holds_less_than_his_share_keeps_it() -> None:
    verdict = partial("0.5", "0.5", origin("0.4", "1.00"))
    assert (verdict.code, verdict.orders, verdict.touched) == (Code.PARTIAL_CLOSE_DEFERRED, (), ())
    assert partial("0.5", "0.5", origin("0.5", "1.00")).code is Code.PARTIAL_CLOSE_DEFERRED


def test_the_grid_of_the_last_leg_rounds_the_share_of_all() -> None:
    kept = KeptSpec(Decimal("0.1"), Decimal("0.1"), 5, None)
    legs = [origin("0.5", "0.5", symbol="GONE", kept=KeptSpec(Decimal("0.5"), Decimal("0.5"), 5, None))]
    legs += [origin("0.5", "0.5", number=number, symbol="GONE", kept=kept) for number in (2, 3)]
    verdict = partial("0.5", "0.55", *legs)
    assert lots_after(verdict) == [(3, Action.CLOSE, Decimal(0)), (2, Action.PARTIAL_CLOSE, Decimal("0.3"))]


def test_while_a_leg_is_on_its_way_nothing_leaves_and_all_are_looked_at_again() -> None:
    legs = [origin("0.5", "0.5"), origin("0.5", "0.5", number=2, state=CopyState.ORDERED)]
    verdict = partial("0.5", "0.5", *legs)
    assert (verdict.outcome, verdict.code) == (Outcome.NOOP, Code.COPY_ON_ITS_WAY)
    assert (verdict.orders, verdict.touched) == ((), (1, 2))
    # Nothing has to leave: then nothing is waited for.
    assert partial("0.01", "1", *legs).code is Code.PARTIAL_CLOSE_DEFERRED


@pytest.mark.parametrize("action", Action)
def test_a_decision_that_failed_opens_nothing_and_puts_the_rest_off(action: Action) -> None:
    verdict = failed(action, "KeyError")
    assert verdict.outcome is (Outcome.DENIED if action in ADDS_EXPOSURE else Outcome.NOOP)
    assert (verdict.code, verdict.orders) == (Code.INTERNAL, ())
    assert verdict.steps == [{"step": "internal", "result": "internal", "fault": "KeyError"}]
