"""Pending orders that filled on the master's side only: the pure rules."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.desired import cancelling
from orders.domain.copies.fill_waits import CALL_AFTER, Reopening, after_report, at_deadline, reopen, wait_again
from orders.domain.copies.legs import Leg
from orders.domain.copies.positions import Position, PositionState
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code, Denied
from orders.domain.states.fill_waits import MOVES, WaitState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType, Side
from orders.domain.wire.reports import ReportStatus
from tests.unit.builders import NOW, leg, position, spec

WORKING: Leg = leg(state=CopyState.WORKING, order_type=OrderType.LIMIT)
GONE: Leg = replace(WORKING, state=CopyState.CLOSED, lots=Decimal(0))
DROPPED: Leg = replace(GONE, dropped=True)
OPEN = position()


@pytest.mark.parametrize(
    ("copy", "master", "after"),
    [
        (WORKING, OPEN, WaitState.CANCELLING),
        (replace(WORKING, state=CopyState.ORDERED), OPEN, WaitState.CANCELLING),
        (replace(WORKING, state=CopyState.OPEN), OPEN, WaitState.FILLED),
        (replace(WORKING, state=CopyState.OPEN), position(state=PositionState.CLOSED), WaitState.FILLED),
        (GONE, OPEN, WaitState.ENDED),
        (replace(GONE, state=CopyState.FAILED), OPEN, WaitState.ENDED),
        (replace(WORKING, lots=Decimal(0)), OPEN, WaitState.ENDED),
        (WORKING, position(state=PositionState.CLOSED), WaitState.ENDED),
        (WORKING, None, WaitState.ENDED),
        (replace(WORKING, tombstoned=True), OPEN, WaitState.ENDED),
        (DROPPED, OPEN, WaitState.REOPENED),
        (DROPPED, position(state=PositionState.CLOSED), WaitState.ENDED),
        (replace(DROPPED, tombstoned=True), OPEN, WaitState.ENDED),
    ],
)
def test_case_159_at_the_deadline_only_a_wanted_working_copy_is_cancelled(
    copy: Leg, master: Any, after: WaitState
) -> None:
    assert at_deadline(copy, master) is after


@pytest.mark.parametrize(
    ("copy", "status", "action", "after"),
    [
        (GONE, ReportStatus.CANCELLED, Action.CANCEL, WaitState.REOPENED),
        (replace(GONE, tombstoned=True), ReportStatus.CANCELLED, Action.CANCEL, WaitState.ENDED),
        (WORKING, ReportStatus.CLOSED, Action.CANCEL, WaitState.FILLED),
        (GONE, ReportStatus.CLOSED, Action.CANCEL, WaitState.FILLED),
        (replace(WORKING, state=CopyState.OPEN), ReportStatus.FILLED, Action.PLACE, WaitState.FILLED),
        (replace(WORKING, state=CopyState.OPEN), ReportStatus.PARTIALLY_FILLED, Action.PLACE, WaitState.FILLED),
        (WORKING, ReportStatus.ACCEPTED, Action.CANCEL, WaitState.CANCELLING),
        (WORKING, ReportStatus.UNKNOWN, Action.CANCEL, WaitState.CANCELLING),
        (WORKING, ReportStatus.PLACED, Action.PLACE, WaitState.CANCELLING),
        (WORKING, ReportStatus.MODIFIED, Action.MODIFY, WaitState.CANCELLING),
        (replace(GONE, tombstoned=True), ReportStatus.CANCELLED, None, WaitState.ENDED),
        (GONE, ReportStatus.CANCELLED, Action.CLOSE, WaitState.ENDED),
        (GONE, ReportStatus.CANCELLED, Action.PLACE, WaitState.CANCELLING),
        (replace(GONE, tombstoned=True), ReportStatus.CANCELLED, Action.PLACE, WaitState.ENDED),
        (replace(GONE, state=CopyState.FAILED), ReportStatus.REJECTED, Action.PLACE, WaitState.ENDED),
        (DROPPED, ReportStatus.EXPIRED, Action.PLACE, WaitState.REOPENED),
        (DROPPED, ReportStatus.EXPIRED, None, WaitState.REOPENED),
        (replace(DROPPED, tombstoned=True), ReportStatus.EXPIRED, None, WaitState.ENDED),
        (WORKING, ReportStatus.REJECTED, Action.CANCEL, WaitState.WAITING),
    ],
)
def test_case_159_a_position_is_opened_only_when_the_cancel_is_done_and_nothing_had_filled(
    copy: Leg, status: ReportStatus, action: Action | None, after: WaitState
) -> None:
    assert after_report(copy, OPEN, status=status, action=action) is after


def test_nothing_is_opened_for_a_master_who_has_closed() -> None:
    closed = position(state=PositionState.CLOSED)
    after = after_report(GONE, closed, status=ReportStatus.CANCELLED, action=Action.CANCEL)
    assert after is WaitState.ENDED


@pytest.mark.parametrize(("master", "inferred"), [(None, False), (OPEN, True)])
def test_nothing_is_opened_for_a_master_never_seen_or_by_a_cancel_that_only_a_book_tells_of(
    master: Position | None, inferred: bool
) -> None:
    after = after_report(GONE, master, status=ReportStatus.CANCELLED, action=Action.CANCEL, inferred=inferred)
    assert after is WaitState.ENDED


def test_an_order_whose_cancel_is_rejected_waits_again() -> None:
    after = after_report(WORKING, OPEN, status=ReportStatus.REJECTED, action=Action.CANCEL)
    assert after is WaitState.WAITING


def test_a_person_is_called_when_it_was_refused_three_times() -> None:
    assert CALL_AFTER == 3


@pytest.mark.parametrize(
    ("error_code", "tries", "span", "seconds"),
    [
        (145, 1, 5, 5),  # too close to the market, about to fill: its usual time
        (146, 2, 5, 5),
        (146, 5, 5, 30),  # busy: the pauses grow
        (146, 6, 5, 60),
        (146, 5000, 5, 60),  # and have no end
        (132, 1, 5, 15),  # a closed market is asked once more soon, and every minute then
        (132, 2, 5, 60),
        (None, 1, 5, 60),
        (146, 6, 3600, 3600),  # who gives an order an hour gives it an hour again
    ],
)
def test_it_waits_its_usual_time_and_no_shorter_than_before_another_refused_close(
    error_code: int | None, tries: int, span: int, seconds: int
) -> None:
    assert wait_again(error_code, tries=tries, span=timedelta(seconds=span)) == timedelta(seconds=seconds)


COPIES = st.builds(
    lambda state, lots, dead, gone: replace(
        WORKING, state=state, lots=Decimal(lots), tombstoned=dead, dropped=gone and state is CopyState.CLOSED
    ),
    st.sampled_from(CopyState),
    st.sampled_from([0, 1]),
    st.booleans(),
    st.booleans(),
)


@given(COPIES, st.sampled_from(ReportStatus), st.sampled_from([*Action, None]))
def test_every_report_leads_where_the_table_allows(copy: Leg, status: ReportStatus, action: Action | None) -> None:
    after = after_report(copy, OPEN, status=status, action=action)
    assert after is WaitState.CANCELLING or after in MOVES[WaitState.CANCELLING]
    assert at_deadline(copy, OPEN) in MOVES[WaitState.WAITING]
    if after is WaitState.REOPENED:
        assert not copy.tombstoned
        assert copy.dropped or (status, action) == (ReportStatus.CANCELLED, Action.CANCEL)


def test_the_cancel_of_a_wait_leaves_alone_what_has_filled() -> None:
    spared, whole = cancelling(WORKING, keep_filled=True), cancelling(WORKING, keep_filled=False)
    assert (spared.action, spared.lots_before, spared.lots_after) == (Action.CANCEL, WORKING.lots, WORKING.lots)
    assert (whole.action, whole.lots_after) == (Action.CANCEL, Decimal(0))


# The order at market -------------------------------------------------------------------------------------------------


def reopening(**changes: Any) -> Reopening:
    plain = Reopening(
        leg=GONE,
        lots=Decimal("0.10"),
        master_lots=Decimal("1.00"),
        position=position(lots=Decimal("1.00"), sl=Decimal("1.09"), tp=Decimal("1.2")),
        subscription=SubscriptionState.ACTIVE,
        max_age=timedelta(seconds=60),
        deviation_points=30,
        spec=spec(),
        filled_at=NOW - timedelta(seconds=6),
        next_leg=2,
        now=NOW,
    )
    return replace(plain, **changes)


def test_the_order_at_market_has_the_stops_of_the_moment_and_what_is_left_of_the_age() -> None:
    order = reopen(reopening())
    assert (order.action, order.order_type, order.leg) == (Action.OPEN, OrderType.MARKET, 2)
    assert (order.lots, order.sl, order.tp) == (Decimal("0.10"), Decimal("1.09"), Decimal("1.2"))
    assert (order.deviation_points, order.valid_until) == (30, NOW + timedelta(seconds=54))


def test_a_reversed_copy_is_opened_the_same_way_round() -> None:
    order = reopen(reopening(leg=replace(GONE, side=Side.SELL, reverse=True)))
    assert (order.side, order.sl, order.tp, order.reverse) == (Side.SELL, Decimal("1.2"), Decimal("1.09"), True)


@pytest.mark.parametrize(("left", "lots"), [("1.00", "0.10"), ("0.50", "0.05"), ("0.39", "0.03"), ("2", "0.10")])
def test_what_the_master_has_closed_meanwhile_is_not_opened(left: str, lots: str) -> None:
    assert reopen(reopening(position=position(lots=Decimal(left)))).lots == Decimal(lots)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"filled_at": NOW - timedelta(seconds=60.001)}, Code.SIGNAL_TOO_OLD),
        ({"subscription": SubscriptionState.CLOSE_ONLY}, Code.SUBSCRIPTION_CLOSE_ONLY),
        ({"subscription": SubscriptionState.OFF}, Code.SUBSCRIPTION_CLOSE_ONLY),
        ({"position": position(lots=Decimal("0.09"))}, Code.BELOW_MINIMUM_LOTS),
    ],
)
def test_the_order_at_market_is_denied_with_its_reason(changes: dict[str, Any], code: Code) -> None:
    with pytest.raises(Denied) as denied:
        reopen(reopening(**changes))
    assert denied.value.code is code


def test_a_signal_exactly_at_its_age_limit_is_still_opened() -> None:
    order = reopen(reopening(filled_at=NOW - timedelta(seconds=60)))
    assert order.valid_until == NOW


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"subscription": SubscriptionState.OFF}, {"state": "off"}),
        ({"filled_at": NOW - timedelta(seconds=61.23456)}, {"age_seconds": 61.235, "limit_seconds": 60}),
        (
            {"position": position(lots=Decimal("0.49")), "spec": spec(least="0.05")},
            {"lots": Decimal("0.04"), "lots_min": Decimal("0.05")},
        ),
    ],
)
def test_a_denial_says_what_it_looked_at(changes: dict[str, Any], evidence: dict[str, Any]) -> None:
    with pytest.raises(Denied) as denied:
        reopen(reopening(**changes))
    assert denied.value.evidence == evidence


def test_the_masters_price_goes_to_the_brokers_grid_where_it_is_known() -> None:
    at = position(lots=Decimal("1.00"), price=Decimal("1.100004"))
    assert reopen(reopening(position=at)).price == Decimal("1.10000")
    assert reopen(reopening(position=at, spec=None)).price == Decimal("1.100004")


# What is left of the lots: the cancelled order's, times what the master has left of what it had, down to a lot step;
# less than the broker takes is denied. (lots, master's before and after, least, step, expected)
LEFT: list[tuple[str, str | None, str | None, str, str, str | None]] = [
    ("0.10", "2", "1", "0.01", "0.01", "0.05"),  # a half, whatever the master had
    ("1.00", "1", "0.55", "0.1", "0.1", "0.5"),  # 0.55, down to the step
    ("0.10", "1", "0.50", "0.05", "0.01", "0.05"),  # just what the broker takes
    ("0.10", "1", "0.49", "0.05", "0.01", None),  # 0.04: on the step, and too little
    ("0.10", "1", "0.09", "0", "0.01", None),  # nothing at all, at a broker that names no minimum
    ("0.10", None, "0.5", "0.01", "0.01", "0.10"),  # nobody knows what the master had
    ("0.10", "0", "0.5", "0.01", "0.01", "0.10"),
    ("0.10", "1", None, "0.01", "0.01", "0.10"),  # nor what it has
    ("0.105", "1", "1", "0.01", "0.01", "0.105"),  # nothing was closed: as it was ordered
    ("0.05", "1", "1", "0.10", "0.01", "0.05"),  # also where the broker takes no less than 0.10 by now: it says so
]


@pytest.mark.parametrize(("lots", "before", "after", "least", "step", "left"), LEFT)
def test_the_order_at_market_has_the_masters_share_of_the_cancelled_ones_lots(
    lots: str, before: str | None, after: str | None, least: str, step: str, left: str | None
) -> None:
    asked = reopening(
        lots=Decimal(lots),
        master_lots=None if before is None else Decimal(before),
        position=position(lots=None if after is None else Decimal(after)),
        spec=spec(least=least, step=step),
    )
    if left is None:
        with pytest.raises(Denied) as denied:
            reopen(asked)
        assert denied.value.code is Code.BELOW_MINIMUM_LOTS
    else:
        assert reopen(asked).lots == Decimal(left)


def test_lots_go_by_hundredths_where_the_broker_tells_nothing() -> None:
    assert reopen(reopening(position=position(lots=Decimal("0.39")), spec=None)).lots == Decimal("0.03")
    with pytest.raises(Denied) as denied:
        reopen(reopening(position=position(lots=Decimal("0.09")), spec=None))
    assert denied.value.evidence == {"lots": Decimal(0), "lots_min": Decimal("0.01")}


# Several legs: all of them together follow the master. Each of 0.40 was placed when he had 0.30.


def placed(number: int, state: CopyState, lots: str, *, ordered: str = "0.40", **changes: Any) -> Leg:
    fields: dict[str, Any] = {
        "order_type": OrderType.LIMIT,
        "state": state,
        "filled": state is CopyState.OPEN,
    } | changes
    return leg(lots, number=number, lots_ordered=Decimal(ordered), master_lots=Decimal("0.30"), **fields)


def of_three(left: str, *others: Leg, least: str = "0.01", step: str = "0.01", **changes: Any) -> Decimal:
    """What is opened instead of the first leg, whose order was cancelled."""
    fields: dict[str, Any] = {
        "leg": placed(1, CopyState.CLOSED, "0"),
        "others": others,
        "lots": Decimal("0.40"),
        "master_lots": Decimal("0.30"),
        "position": position(lots=Decimal(left)),
        "spec": spec(least=least, step=step),
        "next_leg": 4,
    }
    return reopen(reopening(**fields | changes)).lots


GIVEN = placed(3, CopyState.CLOSED, "0")  # its order was cancelled, for lots had to leave
INSTEAD = replace(placed(4, CopyState.ORDERED, "0.39", ordered="0.39"), master_lots=Decimal(0))


@pytest.mark.parametrize(
    ("left", "others", "lots"),
    [
        # 1.20 x 0.10 / 0.30 is 0.40 in all: the others have given all but 0.01, and nothing more is to be taken off.
        ("0.10", (placed(2, CopyState.OPEN, "0.01"), GIVEN), "0.39"),
        ("0.10", (placed(2, CopyState.OPEN, "0.20"), GIVEN), "0.20"),
        # One that still works, or is opened instead of another one, has its lots as well.
        ("0.10", (placed(2, CopyState.WORKING, "0.07"), placed(3, CopyState.ORDERED, "0.01")), "0.32"),
        ("0.10", (placed(2, CopyState.CLOSED, "0"), GIVEN, INSTEAD), "0.01"),
        # One that the follower has closed is part of what was copied; he gets no more for it than was ordered.
        ("0.10", (placed(2, CopyState.CLOSED, "0", filled=True), GIVEN), "0.40"),
        # Nothing has left: as it was ordered.
        ("0.30", (placed(2, CopyState.OPEN, "0.40"), placed(3, CopyState.WORKING, "0.40")), "0.40"),
        ("0.50", (placed(2, CopyState.OPEN, "0.40"), placed(3, CopyState.WORKING, "0.40")), "0.40"),
        # What was refused is no part of the copy: 0.80 x 0.10 / 0.30.
        ("0.10", (placed(2, CopyState.OPEN, "0.20"), placed(3, CopyState.FAILED, "0")), "0.06"),
        # While nothing of it is open, its least stays.
        ("0.10", (placed(2, CopyState.WORKING, "0.40"), GIVEN), "0.01"),
        # Nor is that open which is being closed.
        ("0.10", (placed(2, CopyState.WORKING, "0.40"), placed(3, CopyState.OPEN, "0")), "0.01"),
    ],
)
def test_what_is_opened_at_market_is_what_all_legs_together_lack(left: str, others: tuple[Leg, ...], lots: str) -> None:
    assert of_three(left, *others) == Decimal(lots)
    # However it has gone: the order was part of the copy.
    assert of_three(left, *others, leg=placed(1, CopyState.FAILED, "0")) == Decimal(lots)


def test_what_all_legs_together_lack_lies_on_the_brokers_grid() -> None:
    others = (placed(2, CopyState.OPEN, "0.20"), GIVEN)
    # 1.20 x 0.13 / 0.30 is 0.52: half a lot at a broker of tenths.
    assert of_three("0.13", *others, step="0.1", least="0.1") == Decimal("0.3")
    assert of_three("0.13", *others, spec=None) == Decimal("0.32")


@pytest.mark.parametrize(
    ("left", "others", "terms", "lots"),
    [
        # The open one has all that is due: there is nothing to open.
        ("0.10", (placed(2, CopyState.OPEN, "0.40"), GIVEN), {}, "0"),
        ("0.10", (placed(2, CopyState.OPEN, "0.40"), placed(3, CopyState.WORKING, "0.40")), {}, "0"),
        ("0.025", (placed(2, CopyState.OPEN, "0.1"), GIVEN), {"least": "0.1"}, "0"),
        # Less than the broker's least is due of all of them.
        ("0.02", (GIVEN, placed(2, CopyState.CLOSED, "0")), {"least": "0.1"}, "0.08"),
    ],
)
def test_nothing_is_opened_at_market_that_the_copy_does_not_lack(
    left: str, others: tuple[Leg, ...], terms: dict[str, str], lots: str
) -> None:
    with pytest.raises(Denied) as denied:
        of_three(left, *others, **terms)
    assert denied.value.code is Code.BELOW_MINIMUM_LOTS
    assert denied.value.evidence["lots"] == Decimal(lots)
