"""The way of a trade through the rows: intents, decisions, commands, reports, copies, figures."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from eagateway_sdk.ids import uuid7

from orders import queries
from orders.models import Command, Copy, Decision, Intent, MasterPosition, Report, Subscription
from orders.services.copies import convergence
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models import BrokerAccount, EaSession, InboundFrame, OperatorAlert
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Fate
from sessions_app.services.lifecycle import opening, promotion
from tests.integration.trading import OPERATOR, SYMBOL, Desk, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce()


def commands(desk: Desk) -> list[Command]:
    return list(Command.objects.select_related("copy").filter(account=desk.account).order_by("seq", "hold_no"))


def the_decision() -> Decision:
    return Decision.objects.get()


def fill(follower: Desk, command: Command, ticket: int = 900) -> None:
    follower.report(command.id, "filled", ticket=ticket, lots=str(command.lots), price="1.1", balance="1000")


def test_a_trade_of_the_master_becomes_one_numbered_command_of_the_follower(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, sl="1.05")
    (command,) = commands(follower)
    assert (command.seq, command.action, command.state, command.lots) == (1, "open", "queued", Decimal("0.1"))
    assert (command.copy.copy_no, command.sl) == (1, Decimal("1.05"))
    (frame,) = follower.log()
    assert b'"lots":"0.1"' in frame.payload
    assert list(master.batches[-1].tops.items()) == [(follower.account.id, 1)]


def test_a_decision_keeps_every_step_with_what_it_looked_at(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, mode="fixed_lots", lots="0.03", max_lots="0.02")
    master.buy(1)
    steps = {step["step"]: step for step in the_decision().steps}
    assert next(iter(steps)) == "subscription"
    assert steps["allocation"]["exact"] == "0.03"
    assert steps["rounding"]["lots"] == "0.02"


def test_three_followers_get_their_own_numbers_in_one_batch(master: Desk) -> None:
    desks = [Desk.open(f"srv:{n}").introduce() for n in (2, 3, 4)]
    for desk in desks:
        subscribe(master, desk)
    for position in (1, 2):
        master.buy(position)
    assert [[command.seq for command in commands(desk)] for desk in desks] == [[1, 2]] * 3


def test_case_149_every_change_of_a_stop_is_a_command_and_the_same_again_is_none(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, sl="1.10")
    for stop in ("1.20", "1.10", "1.10"):
        master.intend("modify", 1, sl=stop)
    assert [str(command.sl.normalize()) for command in commands(follower) if command.sl] == ["1.1", "1.2", "1.1"]
    assert Intent.objects.filter(repeated=True).count() == 1


def test_case_050_the_same_ticket_and_action_under_a_new_id_has_one_effect(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    again = master.buy(1)
    assert again.fate is Fate.APPLY
    first, second = Intent.objects.order_by("id")
    assert (second.repeated, second.repeat_of_id) == (True, first.id)
    assert len(commands(follower)) == Decision.objects.count() == 1


def test_case_150_a_close_that_came_before_its_open_leaves_a_marker(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.intend("close", 1)
    master.buy(1)
    assert list(Decision.objects.order_by("id").values_list("outcome", "code")) == [
        ("noop", "not_copied"),
        ("denied", "already_closed"),
    ]
    assert MasterPosition.objects.get().state == "closed"
    assert commands(follower) == []


def test_a_close_is_numbered_right_behind_an_open_without_outcome(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    master.intend("close", 1)
    opened, closed = commands(follower)
    assert (closed.seq, closed.lots_before, closed.lots_after) == (2, opened.lots, Decimal(0))


def test_a_paused_subscription_denies_opens_and_lets_closes_through(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower)
    master.buy(1)
    Subscription.objects.filter(id=subscription.id).update(state="close_only")
    master.buy(2)
    master.intend("close", 1)
    assert [command.action for command in commands(follower)] == ["open", "close"]
    assert Decision.objects.get(outcome="denied").code == "subscription_close_only"


def test_a_follower_that_never_introduced_itself_is_denied(master: Desk) -> None:
    silent = Desk.open("srv:9")
    subscribe(master, silent)
    master.buy(1)
    assert the_decision().code == "follower_not_ready"


def test_case_160_a_netting_account_is_denied_with_its_code(master: Desk) -> None:
    netting = Desk.open("srv:9").introduce(margin_mode="netting")
    subscribe(master, netting)
    master.buy(1)
    assert the_decision().code == "netting_unsupported"


def test_an_old_signal_is_denied_and_its_close_is_not(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, max_age_seconds=5)
    master.buy(1, age_ms=6000)
    master.buy(2)
    master.intend("close", 2, age_ms=3_600_000)
    assert Decision.objects.get(outcome="denied").code == "signal_too_old"
    assert [command.action for command in commands(follower)] == ["open", "close"]


def test_a_balance_ratio_without_figures_is_denied_and_with_them_scaled(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, mode="balance_ratio")
    master.buy(1, balance="1000")
    follower.send("StatusHeartbeat", {"balance": "3000"})
    master.buy(2, balance="1000")
    assert Decision.objects.order_by("id")[0].code == "allocation_data_missing"
    (command,) = commands(follower)
    assert command.lots == Decimal("0.3")


def test_a_stale_balance_is_denied(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, mode="balance_ratio")
    follower.send("StatusHeartbeat", {"balance": "3000"})
    account = BrokerAccount.objects.get(id=follower.account.id)
    assert account.funds_at is not None
    BrokerAccount.objects.filter(id=account.id).update(funds_at=account.funds_at - timedelta(hours=1))
    master.buy(1, balance="1000")
    assert the_decision().code == "allocation_data_stale"


def test_the_limit_of_open_positions_counts_what_is_in_flight(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, max_open_positions=2)
    for position in (1, 2, 3):
        master.buy(position)
    first = commands(follower)[0]
    fill(follower, first)
    master.intend("close", 1)
    master.buy(4)
    assert [command.position_id for command in commands(follower)] == [1, 2, 1, 4]
    assert Decision.objects.get(outcome="denied").code == "max_open_positions"


def test_an_open_on_its_way_counts_although_its_close_is_on_its_way_too(master: Desk, follower: Desk) -> None:
    """It may fill first: two positions at a limit of one."""
    subscribe(master, follower, max_open_positions=1)
    master.buy(1)
    master.intend("close", 1)
    master.buy(2)
    assert Decision.objects.latest("id").code == "max_open_positions"
    for command in Command.objects.order_by("seq"):
        follower.report(command.id, "filled" if command.action == "open" else "closed", ticket=900, lots="0.1")
    master.buy(3)
    assert Decision.objects.latest("id").outcome == "copied"


def test_lots_above_the_brokers_maximum_become_legs_that_close_together(master: Desk) -> None:
    small = Desk.open("srv:5")
    small.send("InitRequest", {"currency": "USD", "symbols": [{"name": "EURUSD", **SYMBOL, "lots_max": "1"}]})
    subscribe(master, small)
    master.buy(1, lots="2.50")
    for ticket, command in enumerate(commands(small), start=900):
        small.report(command.id, "filled", ticket=ticket, lots=str(command.lots))
    master.intend("partial_close", 1, lots="1.00", remaining_lots="1.50", new_ticket=2)
    master.intend("close", 1, ticket=2)
    lots = [(command.action, command.leg, str((command.lots or Decimal()).normalize())) for command in commands(small)]
    assert lots == [
        ("open", 1, "1"),
        ("open", 2, "1"),
        ("open", 3, "0.5"),
        ("close", 3, "0.5"),
        ("partial_close", 2, "0.5"),
        ("close", 1, "1"),
        ("close", 2, "0.5"),
    ]


def test_no_leg_ends_before_it_is_known_what_remains(master: Desk) -> None:
    """Two legs are on their way when the master closes half; the second one is refused then."""
    small = Desk.open("srv:5")
    small.send("InitRequest", {"currency": "USD", "symbols": [{"name": "EURUSD", **SYMBOL, "lots_max": "0.5"}]})
    subscribe(master, small)
    master.buy(1, lots="1")
    first, second = commands(small)
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    assert Decision.objects.order_by("id").last().code == "copy_on_its_way"  # type: ignore[union-attr]
    small.report(first.id, "filled", ticket=900, lots="0.5")
    assert len(commands(small)) == 2, "the other leg may still come"
    small.report(second.id, "rejected", error_code=134)
    third = commands(small)[-1]
    assert (third.action, third.lots_before, third.lots_after) == ("partial_close", Decimal("0.5"), Decimal("0.25"))


def test_no_leg_gives_for_lots_of_another_one_that_are_still_to_fill(master: Desk) -> None:
    """One leg fills in parts when the master closes half of his position, and ends with less than was ordered."""
    small = Desk.open("srv:5")
    small.send("InitRequest", {"currency": "USD", "symbols": [{"name": "EURUSD", **SYMBOL, "lots_max": "0.5"}]})
    subscribe(master, small)
    master.buy(1, lots="1")
    first, second = commands(small)
    small.report(first.id, "partially_filled", ticket=900, lots="0.1")
    small.report(second.id, "filled", ticket=901, lots="0.5")
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    assert Decision.objects.order_by("id").last().code == "copy_on_its_way"  # type: ignore[union-attr]
    assert convergence.carry_out() == 2
    small.report(first.id, "partially_filled", ticket=900, lots="0.2")
    assert len(commands(small)) == 2, "0.2 and 0.5: more may come, and it may not"
    small.report(first.id, "filled", ticket=900, lots="0.3")
    third = commands(small)[-1]
    assert (third.action, third.leg, third.lots_after) == ("partial_close", 2, Decimal("0.2"))


def test_of_two_legs_that_have_filled_one_ends_when_half_is_closed(master: Desk) -> None:
    small = Desk.open("srv:5")
    small.send("InitRequest", {"currency": "USD", "symbols": [{"name": "EURUSD", **SYMBOL, "lots_max": "0.5"}]})
    subscribe(master, small)
    master.buy(1, lots="1")
    first, second = commands(small)
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    small.report(first.id, "filled", ticket=900, lots="0.5")
    small.report(second.id, "filled", ticket=901, lots="0.5")
    assert [(row.action, row.leg, row.lots_after) for row in commands(small)[2:]] == [("close", 2, Decimal(0))]


def test_an_activated_pending_is_left_to_the_followers_broker(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.05")
    (placed,) = commands(follower)
    follower.report(placed.id, "placed", ticket=900, lots="0.1")
    assert Copy.objects.get().state == "working"
    master.intend("activate", 1, lots="0.1")
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    assert Decision.objects.order_by("id")[1].code == "fills_at_own_broker"
    assert (Copy.objects.get().state, Command.objects.get().state) == ("open", "done")


def test_a_cancelled_pending_voids_its_placing_command(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.intend("place", 1, side="buy", order_type="stop", lots="0.1", price="1.05")
    master.intend("cancel", 1)
    placed, cancelled = commands(follower)
    follower.report(placed.id, "placed", ticket=900)
    follower.report(cancelled.id, "cancelled", ticket=900)
    states = [command.state for command in commands(follower)]
    assert (states, Copy.objects.get().state) == (["void", "done"], "closed")


# Reports ---------------------------------------------------------------------------------------------------------


def test_reports_move_the_command_and_the_copy(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    fill(follower, commands(follower)[0])
    master.intend("close", 1)
    follower.report(commands(follower)[1].id, "closed", ticket=900, lots="0.1", remaining_lots="0", profit="5")
    copy = Copy.objects.get()
    assert (copy.state, copy.lots_open, copy.close_cause, copy.ticket) == ("closed", Decimal(0), "command", 900)
    assert [command.state for command in commands(follower)] == ["done", "done"]


def test_a_rejected_open_leaves_nothing_to_close(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    follower.report(commands(follower)[0].id, "rejected", error_code=134)
    master.intend("close", 1)
    assert Copy.objects.get().state == "failed"
    assert Decision.objects.order_by("-id")[0].code == "copy_gone"
    assert commands(follower)[0].error_code == 134


def test_a_rejected_partial_close_leaves_everything_to_the_close_behind_it(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    fill(follower, commands(follower)[0])
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.05", new_ticket=2)
    follower.report(commands(follower)[1].id, "rejected", error_code=146)
    master.intend("close", 1, ticket=2)
    close = commands(follower)[2]
    assert (close.action, close.lots_after) == ("close", Decimal(0))
    follower.report(close.id, "closed", ticket=900, lots="0.1")
    assert Copy.objects.get().state == "closed"


def test_a_rejected_partial_close_is_tried_again_and_the_next_one_takes_its_share_of_what_should_be_left(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    fill(follower, commands(follower)[0])
    master.intend("partial_close", 1, lots="0.9", remaining_lots="0.1", new_ticket=2)
    follower.report(commands(follower)[1].id, "rejected", error_code=136)
    assert (len(commands(follower)), convergence.carry_out()) == (2, 0), "not at once"
    assert (time_passes(2), convergence.carry_out()) == (1, 0)
    again = commands(follower)[2]
    assert (again.action, again.lots_before, again.lots_after) == ("partial_close", Decimal(1), Decimal("0.1"))
    follower.report(again.id, "rejected", error_code=136)
    master.intend("partial_close", 1, ticket=2, lots="0.05", remaining_lots="0.05", new_ticket=3)
    last = commands(follower)[3]
    assert last.lots_after == Decimal("0.05")
    follower.report(last.id, "closed", ticket=900, new_ticket=901, lots="0.95", remaining_lots="0.05")
    assert (time_passes(7200), len(commands(follower))) == (0, 4)


def test_a_rejected_partial_close_leaves_the_next_one_its_target(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    fill(follower, commands(follower)[0])
    master.intend("partial_close", 1, lots="0.4", remaining_lots="0.6", new_ticket=2)
    master.intend("partial_close", 1, ticket=2, lots="0.3", remaining_lots="0.3", new_ticket=3)
    _, first, second = commands(follower)
    follower.report(first.id, "rejected", error_code=146)
    follower.report(second.id, "closed", ticket=901, new_ticket=902, lots="0.7", remaining_lots="0.3")
    master.intend("partial_close", 1, ticket=3, lots="0.15", remaining_lots="0.15")
    third = commands(follower)[-1]
    assert (third.lots_before, third.lots_after) == (Decimal("0.3"), Decimal("0.15"))


def test_case_152_a_close_by_hand_tombstones_the_copy(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    fill(follower, commands(follower)[0])
    follower.report(None, "closed", cause="manual", ticket=900, lots="0.1", remaining_lots="0", profit="-1")
    copy = Copy.objects.get()
    assert (copy.state, copy.close_cause, copy.tombstoned_at is not None) == ("closed", "manual", True)
    master.intend("close", 1)
    assert Decision.objects.order_by("-id")[0].code == "copy_gone"


def test_a_fill_after_a_void_is_recorded_and_flagged(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    (command,) = commands(follower)
    Command.objects.filter(id=command.id).update(state="void", reason="missed")
    Copy.objects.update(state="failed", lots_decided=0)
    fill(follower, command)
    assert Report.objects.get().flag == "after_void"
    assert (Command.objects.get().state, Copy.objects.get().state) == ("done", "open")


def test_case_052_the_same_report_twice_and_a_late_accepted_have_one_effect(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    (command,) = commands(follower)
    for status in ("filled", "filled", "accepted"):
        follower.report(command.id, status, ticket=900, lots="0.1")
    assert list(Report.objects.order_by("id").values_list("repeated", "flag")) == [
        (False, ""),
        (True, ""),
        (True, "out_of_order"),
    ]
    assert Command.objects.get().state == "done"


def test_case_008_a_report_about_another_accounts_command_is_refused_and_the_third_expels(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower)
    master.buy(1)
    stranger = Desk.open("srv:7").introduce()
    for _ in range(3):
        arrival = stranger.report(commands(follower)[0].id, "filled", ticket=1)
        assert arrival.refusal is not None
        assert arrival.refusal.code == "not_your_command"
    assert stranger.batches[-1].expelled == {stranger.session.id}
    assert Report.objects.count() == 0
    assert commands(follower)[0].state == "queued"


def test_an_unknown_open_that_the_broker_does_not_know_is_issued_again(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    (command,) = commands(follower)
    follower.report(command.id, "unknown", error_code=128)
    follower.report(command.id, "unknown", found=False)
    assert len(commands(follower)) == 1, "a broker may fill seconds after it has said time out"
    Command.objects.update(absent_from=database_now() - timedelta(seconds=1))
    follower.report(command.id, "unknown", found=False)
    first, second = commands(follower)
    assert (first.state, first.reason) == ("void", "not_executed")
    assert (second.attempt, second.seq, second.copy_id) == (2, 2, first.copy_id)
    fill(follower, second)
    assert Copy.objects.get().state == "open"


def test_an_unknown_open_past_its_validity_is_missed(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    (command,) = commands(follower)
    Command.objects.filter(id=command.id).update(valid_until=command.occurred_at - timedelta(seconds=1))
    follower.report(command.id, "unknown", error_code=128)
    Command.objects.update(absent_from=database_now() - timedelta(seconds=1))
    follower.report(command.id, "unknown", found=False)
    assert list(Command.objects.values_list("state", "reason")) == [("expired", "missed")]
    assert Copy.objects.get().state == "failed"


def test_the_figures_of_an_account_come_from_its_stored_reports(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    deposit = {"cause": "deposit_withdrawal", "ticket": 1, "profit": "100", "balance": "100"}
    for _ in range(2):
        follower.report(None, "closed", **deposit)
    for position, profit in ((1, "10.00"), (2, "-4.00")):
        master.buy(position)
        fill(follower, commands(follower)[-1], ticket=900 + position)
        master.intend("close", position)
        closed = {"ticket": 900 + position, "lots": "0.1", "remaining_lots": "0", "profit": profit, "swap": "-0.50"}
        follower.report(commands(follower)[-1].id, "closed", **closed, broker_time=f"2026.11.2{position} 10:00:00")
    figures = queries.figures(follower.account.id)
    assert figures["Total Net Profit"] == "5.00"
    assert figures["Total Trades"] == "2"
    assert figures["Maximal Drawdown"] == "4.50 (4.11%)"
    assert Report.objects.filter(cause="deposit_withdrawal", repeated=True).count() == 1


def test_trades_of_his_own_count_by_the_side_that_was_told(follower: Desk) -> None:
    for ticket, profit, side in ((1, "5", "buy"), (2, "-1", "sell"), (3, "7", "sell"), (4, "9", None)):
        told = {"ticket": ticket, "lots": "0.1", "profit": profit, **({"side": side} if side else {})}
        follower.report(None, "closed", cause="manual", **told)
    figures = queries.figures(follower.account.id)
    assert figures["Total Trades"] == "4"
    assert figures["Long Positions (won %)"] == "1 (100.00%)"
    assert figures["Short Positions (won %)"] == "2 (50.00%)"
    assert figures["Profit Trades (% of total)"] == "3 (75.00%)"


def test_a_result_without_a_position_counts_as_long(follower: Desk) -> None:
    follower.report(None, "closed", cause="archive", ticket=1, profit="5")
    assert queries.figures(follower.account.id)["Long Positions (won %)"] == "1 (100.00%)"


# Pending followers -------------------------------------------------------------------------------------------------


def test_case_060_a_pending_follower_gets_its_backlog_in_order_after_its_promotion(master: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    subscribe(master, pending)
    master.buy(1)
    master.intend("modify", 1, sl="1.05")
    master.buy(2)
    master.intend("close", 2)
    assert {(command.state, command.seq) for command in commands(pending)} == {("held", None)}
    pending.send("StatusHeartbeat", {"balance": "1000"})
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    assert [(c.seq, c.action, c.state) for c in commands(pending)] == [
        (1, "open", "queued"),
        (2, "modify", "queued"),
        (3, "open", "queued"),
        (4, "close", "queued"),
    ]
    assert list(Copy.objects.order_by("copy_no").values_list("copy_no", flat=True)) == [1, 2]


def test_what_was_held_is_numbered_by_its_place_and_not_by_its_id(master: Desk) -> None:
    """Ids come from several processes' clocks: the one that decided first may have the later id."""
    pending = Desk.open("srv:5", approved=False).introduce()
    subscribe(master, pending)
    for position in (1, 2):
        master.buy(position)
    first, second = (command.hold_no for command in commands(pending))
    for position, place in ((1, second), (2, first)):
        Command.objects.filter(position_id=position).update(hold_no=place)
    pending.send("StatusHeartbeat", {"balance": "1000"})
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    assert list(Command.objects.order_by("seq").values_list("position_id", flat=True)) == [2, 1]


def test_what_is_too_old_at_promotion_expires_with_its_reason_and_its_close_is_void(master: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    subscribe(master, pending)
    master.buy(1)
    master.intend("close", 1)
    master.buy(2)
    Command.objects.filter(position_id=1, action="open").update(valid_until="2020-01-01T00:00:00Z")
    pending.send("StatusHeartbeat", {})
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    found = Command.objects.order_by("hold_no").values_list("action", "state", "reason", "seq")
    assert list(found) == [
        ("open", "expired", "signal_too_old", None),
        ("close", "void", "open_expired", None),
        ("open", "queued", "", 1),
    ]


def test_a_dead_pending_session_is_promoted_at_its_next_heartbeat_only(master: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    pending.session.refresh_from_db()
    assert pending.session.state == SessionStatus.PENDING
    pending.send("StatusHeartbeat", {"balance": "5"})
    assert pending.batches[-1].promotable == {pending.session.id}
    assert promotion.promote_session(session_id=pending.session.id)
    assert not promotion.promote_session(session_id=pending.session.id)


def test_a_pending_masters_intents_are_decided_at_its_promotion_in_order(follower: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    subscribe(pending, follower)
    arrivals = [pending.buy(1), pending.intend("modify", 1, sl="1.05"), pending.intend("close", 1)]
    assert {arrival.fate for arrival in arrivals} == {Fate.QUARANTINED}
    assert Intent.objects.count() == 0
    pending.send("StatusHeartbeat", {})
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    assert [command.action for command in commands(follower)] == ["open", "modify", "close"]


def test_case_148_a_strangers_ids_do_not_make_the_owners_frames_repeats(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    shared: UUID = uuid7()
    stranger = Desk(master.account, master.key, master.session)
    stranger.key = type(master.key).objects.create(
        account=master.account, fingerprint="stranger", key_hash="-", requested_at=master.key.requested_at
    )
    stranger.session = opening.open_session(
        key=stranger.key, request=opening.Request(auth_method="account_session_key", platform="sdk")
    ).session
    intent = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "9"}
    assert stranger.send("OrderIntent", intent, frame_id=shared).fate is Fate.QUARANTINED
    assert master.send("OrderIntent", {**intent, "lots": "0.1"}, frame_id=shared).fate is Fate.APPLY
    assert [command.lots for command in commands(follower)] == [Decimal("0.1")]


def test_a_rejected_strangers_terminal_is_forgotten(master: Desk) -> None:
    stranger = Desk.open("srv:5", approved=False).introduce("GBPUSD")
    subscribe(master, stranger)
    keys.reject(key_id=stranger.key.id, by=OPERATOR, reason="unknown")
    assert BrokerAccount.objects.get(id=stranger.account.id).profile is None
    master.buy(1)
    assert the_decision().code == "follower_not_ready"


def test_an_offline_follower_finds_closes_in_its_log_and_overdue_opens_as_gaps(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    master.buy(2)
    master.intend("close", 1)
    Command.objects.filter(seq=1).update(valid_until="2020-01-01T00:00:00Z")
    ports.bound().void_overdue(follower.account.id, 0, Command.objects.get(seq=2).decided_at)
    kinds = [(frame.kind, frame.seq, frame.last) for frame in follower.log()]
    assert kinds == [("GapFill", 1, 1), ("OrderCommand", 2, 2), ("OrderCommand", 3, 3)]


# Numbers and sessions ----------------------------------------------------------------------------------------------


def test_case_032_a_gap_is_not_stored_and_the_number_before_it_is_missing(master: Desk) -> None:
    master.buy(1)
    arrival = master.send("ErrorAlert", {"code": "x"}, seq=9)
    assert arrival.fate is Fate.GAP
    assert EaSession.objects.get(id=master.session.id).stored_seq == 1


def test_case_034_another_frame_under_a_known_number_is_a_conflict(master: Desk) -> None:
    first = master.buy(1)
    reused = master.send("ErrorAlert", {"code": "x"}, seq=1, frame_id=first.frame_id)
    assert reused.refusal is not None
    assert reused.refusal.code == "id_reused"
    assert master.send("ErrorAlert", {"code": "y"}, seq=1).fate is Fate.CONFLICT


def test_case_049_a_known_id_with_another_body_is_refused_for_good(master: Desk) -> None:
    first = master.buy(1)
    arrival = master.send("ErrorAlert", {"code": "x"}, frame_id=first.frame_id)
    assert arrival.refusal is not None
    assert (arrival.refusal.code, arrival.refusal.problem.final) == ("id_reused", True)
    assert EaSession.objects.get(id=master.session.id).stored_seq == 2


def test_case_067_preemption_fences_the_old_session_and_its_reports_stay_facts(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    (command,) = commands(follower)
    newer = follower.again()
    follower.session.refresh_from_db()
    newer.session.refresh_from_db()
    assert (follower.session.state, follower.session.close_reason) == ("closed", "preempted")
    assert newer.session.fence == follower.session.fence + 1
    fill(follower, command)
    assert (Report.objects.get().late, Command.objects.get().state) == (True, "done")
    refused = follower.send("OrderIntent", {"action": "close", "position_id": 5, "ticket": 5, "symbol": "EURUSD"})
    assert refused.refusal is not None
    assert refused.refusal.code == "fenced"


def test_case_063_a_pending_session_stores_no_more_than_its_limit(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "pending_frames": 2}
    pending = Desk.open("srv:5", approved=False).introduce()
    fates = [pending.buy(position).fate for position in (1, 2, 3)]
    assert fates == [Fate.QUARANTINED, Fate.QUARANTINED, Fate.REFUSED]
    assert EaSession.objects.get(id=pending.session.id).stored_seq == 2
    assert InboundFrame.objects.count() == 2


def test_what_cannot_be_read_of_one_subscription_is_its_own_trouble(master: Desk, follower: Desk) -> None:
    """The other followers of the same trade get their order, and a person is called for this one."""
    broken = Desk.open("srv:3").introduce()
    Subscription.objects.filter(id=subscribe(master, broken).id).update(symbol_map=7)
    subscribe(master, follower)
    master.buy(1)
    assert Command.objects.get().account_id == follower.account.id
    decision = Decision.objects.get(subscription__follower=broken.account)
    assert (decision.outcome, decision.code) == ("denied", "internal")
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account_id) == ("internal", broken.account.id)
    master.intend("close", 1)
    assert list(Command.objects.order_by("seq").values_list("action", flat=True)) == ["open", "close"]
