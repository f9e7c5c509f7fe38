"""Snapshots: what an account's terminal holds against what we believe it holds."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, Decision, Difference, FollowerQuote, Report, Snapshot, Subscription
from orders.queries import snapshot_request
from orders.services.subscriptions import lifecycle
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.models import AuthKey, BrokerAccount, OperatorAlert
from sessions_app.queries import database_now, standings
from sessions_app.services.lifecycle import snapshot_requests
from tests.integration.trading import OPERATOR, Desk, held, open_session, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk)
    return desk


def only_copy() -> Copy:
    return Copy.objects.get()


def opened(master: Desk, follower: Desk, *positions: int, lots: str = "0.10") -> list[Command]:
    """Copies of these positions, filled under tickets 900, 901, ..."""
    for position in positions:
        master.buy(position, lots)
    commands = list(Command.objects.filter(account=follower.account, action="open").order_by("seq"))
    for number, command in enumerate(commands):
        follower.report(command.id, "filled", ticket=900 + number, lots=lots, price="1.1", balance="1000")
    return commands


def due(desk: Desk) -> tuple[bool, str]:
    standing = standings([desk.session.id])[desk.session.id]
    return standing.snapshot_due, standing.snapshot_reason


def test_a_snapshot_is_due_at_session_start_and_then_on_schedule(follower: Desk) -> None:
    assert due(follower) == (True, "session_start")
    follower.tell()
    assert due(follower) == (False, "schedule")
    account = BrokerAccount.objects.get(id=follower.account.id)
    assert account.snapshot_due_at is not None
    assert account.snapshot_due_at - Snapshot.objects.get().received_at < timedelta(seconds=601)


def test_a_snapshot_is_due_on_request(follower: Desk) -> None:
    follower.tell()
    assert snapshot_requests.ask_for_snapshot(account_pk=follower.account.id, reason=SnapshotReason.ON_REQUEST)
    assert due(follower) == (True, "on_request")


def test_a_book_that_lacks_a_line_lets_no_copy_go(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(incomplete=True, hash="a")
    follower.tell(same=True, hash="a")
    assert (only_copy().state, Difference.objects.count()) == ("open", 0)
    follower.tell()
    assert only_copy().state == "closed"


def test_an_own_magic_number_of_a_followers_expert_uses_up_no_copy_numbers(master: Desk, follower: Desk) -> None:
    """A time of 2017 lies in the range of our magic numbers, two million copies ahead."""
    opened(master, follower, 1)
    follower.tell(held(1, 900), held(1_512_345_678 - 0x5A000000, 7))
    assert [(item["kind"], item["ticket"]) for item in follower.result] == [("foreign", 7)]
    assert BrokerAccount.objects.get(id=follower.account.id).next_copy_no == 2


def test_a_book_that_agrees_is_answered_with_no_difference(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 900))
    assert follower.result == []
    assert Difference.objects.count() == 0
    assert (Snapshot.objects.get().account_id, Report.objects.count()) == (follower.account.id, 1)


def test_case_086_a_position_with_our_magic_is_adopted_as_the_copy_of_its_command(master: Desk, follower: Desk) -> None:
    master.buy(1)
    for _ in range(2):
        follower.tell(held(1, 900), applied=1)
    copy, report = only_copy(), Report.objects.get()
    assert (copy.state, copy.ticket) == ("open", 900)
    assert (report.flag, report.status, report.command_id) == ("from_snapshot", "filled", Command.objects.get().id)
    assert Command.objects.get().state == "done"


def test_the_report_that_comes_after_an_adoption_gives_it_its_figures(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.tell(held(1, 900), applied=1)
    follower.report(Command.objects.get().id, "filled", ticket=900, lots="0.1", price="1.10002", commission="-0.7")
    flags = list(Report.objects.order_by("id").values_list("flag", "repeated"))
    assert flags == [("from_snapshot", True), ("after_snapshot", False)]
    assert Command.objects.get().reason == ""
    assert only_copy().ticket == 900


def test_an_order_that_fills_on_after_a_book_has_shown_its_first_part_is_followed_whole(
    master: Desk, follower: Desk
) -> None:
    master.buy(1, "1")
    follower.tell(held(1, 900, "0.4"), applied=0)
    ordered = Command.objects.get().id
    assert (only_copy().state, only_copy().lots_open) == ("open", Decimal("0.4"))
    for status, lots, there in (
        ("partially_filled", "0.4", "0.4"),
        ("partially_filled", "0.7", "0.7"),
        ("partially_filled", "0.7", "0.7"),
        ("filled", "1", "1"),
    ):
        follower.report(ordered, status, ticket=900, lots=lots, price="1.1")
        assert (only_copy().lots_open, only_copy().lots_filled) == (Decimal(there), Decimal(there))
    flags = list(Report.objects.order_by("id").values_list("flag", "repeated"))
    assert flags == [
        ("from_snapshot", False), ("", True), ("", False), ("", True), ("", False),
    ]  # fmt: skip
    assert not OperatorAlert.objects.exists()
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    part = Command.objects.get(action="partial_close")
    assert (part.lots, part.lots_after) == (Decimal("0.5"), Decimal("0.5"))


@pytest.mark.parametrize("by", ["book", "report"])
def test_an_order_that_ends_with_its_first_part_is_told_when_it_is_over(master: Desk, follower: Desk, by: str) -> None:
    master.buy(1, "1")
    follower.tell(held(1, 900, "0.4"), applied=1)
    ordered = Command.objects.get()
    assert (ordered.state, OperatorAlert.objects.exists()) == ("working", False)
    if by == "book":
        time_passes(61)
        follower.tell(held(1, 900, "0.4"), applied=1)
    else:
        follower.report(ordered.id, "filled", ticket=900, lots="0.4", price="1.1")
    ordered.refresh_from_db()
    assert (ordered.state, only_copy().lots_open) == ("done", Decimal("0.4"))
    assert OperatorAlert.objects.get().code == "under_filled"


@pytest.mark.parametrize("rest", [False, True], ids=["the rest is gone", "the rest still works"])
def test_a_pending_order_that_ends_with_its_first_part_is_told_when_a_book_shows_no_more(
    master: Desk, follower: Desk, rest: bool
) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="1", price="1.05")
    placed = Command.objects.get()
    follower.report(placed.id, "placed", ticket=900, lots="1")
    time_passes(3600)
    follower.report(placed.id, "partially_filled", ticket=900, lots="0.4", price="1.05")
    book = [held(1, 900, "0.4")]
    works = [held(1, 901, "0.6", order_type="limit")] if rest else []
    follower.tell(*book, working_orders=works, applied=1)
    placed.refresh_from_db()
    assert placed.state == "working", "it may fill on for a minute"
    time_passes(61)
    follower.tell(*book, working_orders=works, applied=1)
    placed.refresh_from_db()
    assert (placed.state, only_copy().lots_open) == ("working" if rest else "done", Decimal("0.4"))
    assert OperatorAlert.objects.filter(code="under_filled").exists() is not rest


def test_what_was_filled_by_its_eas_own_word_fills_no_further(master: Desk, follower: Desk) -> None:
    (command,) = opened(master, follower, 1)
    follower.report(command.id, "partially_filled", ticket=900, lots="0.3", price="1.1")
    assert only_copy().lots_open == Decimal("0.1")


def test_case_087_a_foreign_position_is_shown_and_never_touched(master: Desk, follower: Desk) -> None:
    follower.tell(held(None, 77), {**held(None, 78), "magic": 12345})
    assert [item["kind"] for item in follower.result] == ["foreign", "foreign"]
    assert set(Difference.objects.values_list("severity", "state")) == {("ok", "open")}
    assert Command.objects.count() == 0
    follower.tell()
    assert set(Difference.objects.values_list("state", flat=True)) == {"gone"}


def test_a_masters_own_trades_are_no_difference(master: Desk) -> None:
    master.buy(1)
    master.tell(held(None, 1))
    assert master.result == []


def test_case_088_a_copy_that_is_gone_is_closed_and_not_opened_again(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell()
    copy = only_copy()
    assert (copy.state, copy.close_cause) == ("closed", "gone")
    assert copy.tombstoned_at is not None
    row = Difference.objects.get()
    assert (row.kind, row.state, row.severity) == ("missing", "adopted", "major")
    follower.tell()
    assert (Difference.objects.count(), Report.objects.filter(flag="from_snapshot").count()) == (1, 1)
    master.intend("close", 1)
    assert Command.objects.count() == 1


def test_a_copy_that_a_lagging_book_did_not_show_is_looked_for_again_soon_and_ends_with_its_master(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower, 1)
    follower.tell()
    master.intend("close", 1)
    account = BrokerAccount.objects.get(id=follower.account.id)
    assert account.snapshot_reason == "in_doubt"
    assert account.snapshot_due_at is not None
    waits = account.snapshot_due_at - Snapshot.objects.get(account=account).received_at
    assert timedelta(seconds=14) < waits < timedelta(seconds=20)
    follower.tell(held(1, 900))
    close = Command.objects.get(action="close")
    assert (close.state, close.lots_after) == ("queued", Decimal(0))
    assert BrokerAccount.objects.get(id=follower.account.id).snapshot_reason == "schedule"


def test_case_088_absence_before_the_terminals_history_begins_proves_nothing(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(history_from="2099-01-01T00:00:00Z")
    assert only_copy().state == "open"
    assert (Difference.objects.get().kind, Difference.objects.get().state) == ("missing", "open")
    follower.tell(held(1, 900))
    assert Difference.objects.get().state == "gone"


def test_the_stop_loss_that_closed_a_gone_copy_is_booked_when_it_is_told(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell()
    follower.report(None, "closed", cause="manual", ticket=900, profit="12.5", lots="0.1")
    booked = Report.objects.get(profit__isnull=False)
    assert not booked.repeated
    assert only_copy().state == "closed"


def test_case_089_a_partial_close_by_hand_keeps_the_lineage(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, lots="1")
    follower.tell(held(1, 950, "0.4", parent_ticket=900))
    copy = only_copy()
    assert (copy.state, copy.ticket, copy.tombstoned_at) == ("open", 950, None)
    assert (str(copy.lots_open), str(copy.lots_decided)) == ("0.40000000", "0.40000000")
    row = Difference.objects.get()
    assert (row.kind, row.state, row.expected, row.actual) == ("wrong_lots", "adopted", "1", "0.4")
    follower.tell(held(1, 950, "0.4", parent_ticket=900))
    assert (Difference.objects.count(), Report.objects.count()) == (1, 2)


def test_a_partial_close_by_hand_may_be_repeated_on_one_ticket(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, lots="1")
    for remaining in ("0.6", "0.4", "0.4"):
        part = {"cause": "manual", "ticket": 900, "remaining_lots": remaining}
        follower.report(None, "closed", **part)
    assert (only_copy().state, str(only_copy().lots_open)) == ("open", "0.40000000")
    assert Report.objects.filter(repeated=True).count() == 1


@pytest.mark.parametrize("odd", [{"connected": False}, {"balance": None}])
def test_case_090_an_empty_book_without_a_broker_is_never_flat(
    master: Desk, follower: Desk, odd: dict[str, Any]
) -> None:
    opened(master, follower, 1)
    refused = follower.tell(**odd)
    assert refused.refusal is not None
    assert refused.refusal.code == "snapshot_unusable"
    assert only_copy().state == "open"
    assert due(follower)[0]
    assert Snapshot.objects.count() == 0


def test_case_091_what_changed_after_the_book_was_read_is_not_compared(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(age_ms=5000)
    assert (only_copy().state, follower.result) == ("open", [])


def test_case_091_what_the_book_does_not_know_yet_is_not_compared(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(applied=0)
    assert (only_copy().state, follower.result) == ("open", [])


def test_case_047_commands_that_flow_meanwhile_are_neither_lost_nor_compared(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    master.buy(2)
    follower.tell(held(1, 900), applied=1)
    assert follower.result == []
    second = Command.objects.get(seq=2)
    assert second.state == "queued"
    follower.report(second.id, "filled", ticket=901, lots="0.1")
    follower.tell(held(1, 900), held(2, 901), applied=2)
    assert follower.result == []
    assert list(Copy.objects.values_list("state", flat=True)) == ["open", "open"]


def test_case_092_the_same_book_twice_changes_nothing_the_second_time(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, 2)
    master.buy(3)
    book = [held(1, 900, "0.05"), held(3, 903), held(None, 70), held(9, 99)]
    follower.tell(*book)
    before = _everything()
    follower.tell(*book)
    assert _everything() == before


def _everything() -> list[Any]:
    models = (Command, Copy, Report, Difference)
    return [sorted(map(str, model._default_manager.values_list())) for model in models]


def test_case_094_the_same_hash_writes_no_rows(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 900), hash="abc")
    before = (_everything(), list(Snapshot.objects.values_list()))
    follower.send("SyncSnapshot", {"phase": "report", "same": True, "hash": "abc", "applied_server_seq": 1})
    assert (_everything(), list(Snapshot.objects.values_list())) == before
    assert due(follower) == (False, "schedule")


def test_case_094_the_same_as_something_else_is_refused(follower: Desk) -> None:
    refused = follower.send("SyncSnapshot", {"phase": "report", "same": True, "hash": "abc"})
    assert refused.refusal is not None
    assert refused.refusal.code == "snapshot_unusable"


def same(desk: Desk, **fields: Any) -> str:
    """Tell that nothing has changed; the code of the refusal, or ""."""
    told = desk.send("SyncSnapshot", {"phase": "report", "same": True, "applied_server_seq": 1000, **fields})
    return told.refusal.code if told.refusal else ""


def test_the_same_without_a_hash_says_nothing(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 900), hash="abc")
    opened(master, follower, 2)
    assert same(follower) == "snapshot_unusable"
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}


@pytest.mark.parametrize(
    ("reason", "code"),
    [("schedule", ""), ("session_start", ""), *((why, "snapshot_unusable") for why in ("on_request", "in_doubt"))],
)
def test_a_book_that_is_asked_for_whole_is_not_told_as_the_same(follower: Desk, reason: str, code: str) -> None:
    follower.tell(held(None, 7), hash="abc")
    BrokerAccount.objects.filter(id=follower.account.id).update(snapshot_reason=reason)
    assert same(follower, hash="abc") == code


def test_the_market_of_an_unchanged_book_is_todays(master: Desk, follower: Desk) -> None:
    Subscription.objects.update(repairs={"wrong_lots": "repair"})
    opened(master, follower, 1)
    quote = {"symbol": "EURUSD", "bid": "1.2", "ask": "1.2002"}
    follower.tell(held(1, 900, "0.3"), quotes=[quote], hash="abc")
    same(follower, hash="abc")
    assert (Difference.objects.get().reason, Command.objects.count()) == ("no_quote", 1)
    same(follower, hash="abc", quotes=[{**quote, "bid": "1.1"}])
    assert (Difference.objects.get().state, Command.objects.count()) == ("repairing", 2)


def test_the_same_book_is_compared_with_what_we_believe_by_now(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 900), hash="abc")
    Copy.objects.update(sl="1.05")
    follower.send(
        "SyncSnapshot", {"phase": "report", "same": True, "hash": "abc", "applied_server_seq": 1, "balance": "1"}
    )
    assert [item["kind"] for item in follower.result] == ["stops_drift"]


def stranger_of(account: BrokerAccount) -> Desk:
    """A pending session of the account, under a key that nobody has approved."""
    key = AuthKey.objects.create(account=account, fingerprint="unknown", key_hash="-", requested_at=database_now())
    return Desk(account, key, open_session(key))


def test_a_pending_sessions_book_is_kept_and_compared_with_nothing(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 900), hash="abc")
    stranger = stranger_of(follower.account)
    for _ in range(2):
        stranger.tell(held(7, 901), hash="xyz")
    stranger.tell(connected=False)
    assert [batch.replies for batch in stranger.batches] == [[], [], []]
    kept = Snapshot.objects.order_by("pending").values_list("hash", "pending", "session_id")
    assert list(kept) == [("abc", False, follower.session.id), ("xyz", True, stranger.session.id)]
    assert snapshot_request(follower.account.id, "schedule").hash == "abc"
    assert (Difference.objects.count(), only_copy().state) == (0, "open")


def test_case_147_a_late_report_has_the_account_reconciled(master: Desk, follower: Desk) -> None:
    master.buy(1)
    newer = follower.again()
    newer.hello(installation_id="a")
    newer.tell()
    follower.report(Command.objects.get().id, "filled", ticket=900, lots="0.1")
    assert Report.objects.get().late
    assert due(newer) == (True, "late_fact")


def test_case_053_a_second_report_with_other_figures_is_kept_and_flagged(master: Desk, follower: Desk) -> None:
    (command,) = opened(master, follower, 1)
    follower.report(command.id, "filled", ticket=900, lots="0.1", price="1.2")
    follower.report(command.id, "filled", ticket=900, lots="0.1", price="1.1")
    flags = list(Report.objects.order_by("id").values_list("flag", "repeated"))
    assert flags == [("", False), ("differs_from_first", True), ("", True)]
    alert = follower.account.alerts.get()
    assert (alert.code, alert.subject) == ("report_discrepancy", str(command.id))
    assert only_copy().ticket == 900


@pytest.mark.parametrize("cause", ["stop_loss", "take_profit", "stop_out", "manual"])
def test_case_152_what_closed_without_us_closes_the_copy_and_by_hand_for_good(
    master: Desk, follower: Desk, cause: str
) -> None:
    opened(master, follower, 1)
    follower.report(None, "closed", cause=cause, ticket=900, profit="-3")
    copy = only_copy()
    assert (copy.state, copy.close_cause) == ("closed", cause)
    assert (copy.tombstoned_at is not None) == (cause == "manual")


def test_case_152_a_part_closed_by_hand_is_not_put_back(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, lots="1")
    follower.report(None, "closed", cause="manual", ticket=900, new_ticket=950, lots="0.6", remaining_lots="0.4")
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    assert not Command.objects.filter(action="partial_close").exists(), "half of 1 is more than he has left"
    master.intend("partial_close", 1, ticket=2, lots="0.3", remaining_lots="0.2", new_ticket=3)
    partial = Command.objects.get(action="partial_close")
    assert (str(partial.lots_before), str(partial.lots_after)) == ("0.40000000", "0.20000000")


def test_the_market_that_a_book_shows_is_kept_for_the_settings_that_look_at_it(master: Desk, follower: Desk) -> None:
    Subscription.objects.update(deviation_points=15)
    follower.tell(quotes=[{"symbol": "EURUSD", "bid": "1.10010", "ask": "1.10020"}], age_ms=2000)
    quote = FollowerQuote.objects.get()
    assert (str(quote.ask), quote.at < Snapshot.objects.get().received_at) == ("1.1002000000", True)
    master.buy(1)
    assert Decision.objects.get().code == "price_deviation"


def test_a_detached_copy_is_no_difference(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    off: dict[str, Any] = {"state": SubscriptionState.OFF, "by": OPERATOR, "note": "he leaves", "detach": True}
    lifecycle.change_state(subscription_id=Subscription.objects.get().id, **off)
    follower.tell(held(1, 900))
    assert [item["kind"] for item in follower.result] == ["foreign"]
    assert list(Command.objects.values_list("action", flat=True)) == ["open"]
