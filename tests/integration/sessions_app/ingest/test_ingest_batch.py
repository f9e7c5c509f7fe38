"""The ingest batch's edges: numbers, ids and their scope, sessions that have ended, quarantine, expiry."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from orders.models import Command, Copy, Decision, Intent, Report
from sessions_app import queries
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, EaSession, InboundFrame, OperatorAlert, SessionEvent
from sessions_app.services.access import keys
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.services.lifecycle import ending, expiry, promotion
from sessions_app.services.operations.history import GATEWAY
from tests.integration.trading import OPERATOR, Desk, open_session, subscribe

pytestmark = pytest.mark.django_db

OPEN: dict[str, Any] = {
    "action": "open",
    "position_id": 1,
    "ticket": 1,
    "symbol": "EURUSD",
    "side": "buy",
    "lots": "0.1",
}
CLOSE: dict[str, Any] = {"action": "close", "position_id": 1, "ticket": 1, "symbol": "EURUSD"}


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce()


def stranger_of(desk: Desk) -> Desk:
    """A pending session of the same account under another key."""
    asked = {"fingerprint": f"stranger {uuid7()}", "key_hash": "-", "requested_at": queries.database_now()}
    key = AuthKey.objects.create(account=desk.account, **asked)
    return Desk(desk.account, key, open_session(key))


def store(*arrivals: Arrival) -> Batch:
    return batches.store(arrivals=arrivals)


def invalid(arrival: Arrival) -> Arrival:
    """As the reading leaves a frame whose payload breaks the schema."""
    arrival.payload, arrival.refusal = None, Refused("invalid", path="$.lots")
    return arrival


def stored_seq(desk: Desk) -> int:
    return EaSession.objects.values_list("stored_seq", flat=True).get(id=desk.session.id)


# Numbers and ids ----------------------------------------------------------------------------------------------------


def test_case_031_frames_of_one_batch_are_numbered_in_their_order(master: Desk) -> None:
    orders = [OPEN | {"position_id": n, "ticket": n} for n in (1, 2, 3)]
    batch = store(*(master.arrival("OrderIntent", order, seq=n) for n, order in enumerate(orders, start=1)))
    assert batch.stored_tops[master.session.id] == 3
    assert list(Intent.objects.order_by("id").values_list("position_id", flat=True)) == [1, 2, 3]


def test_case_033_a_stored_number_with_its_id_changes_nothing(master: Desk) -> None:
    first = master.send("OrderIntent", OPEN)
    again = master.send("OrderIntent", OPEN, seq=1, frame_id=first.frame_id)
    assert (again.fate, again.refusal, stored_seq(master)) == (Fate.REPEAT, None, 1)
    assert Intent.objects.count() == 1


def test_case_048_a_known_id_under_a_new_number_consumes_the_number_and_nothing_else(master: Desk) -> None:
    first = master.send("OrderIntent", OPEN)
    again = master.send("OrderIntent", OPEN, frame_id=first.frame_id)
    assert (again.fate, stored_seq(master), Intent.objects.count()) == (Fate.REPEAT, 2, 1)
    assert master.send("OrderIntent", CLOSE).fate is Fate.APPLY


def test_case_048_the_same_id_twice_in_one_batch_has_one_effect(master: Desk) -> None:
    frame_id = uuid7()
    first = master.arrival("OrderIntent", OPEN, seq=1, frame_id=frame_id)
    second = master.arrival("OrderIntent", OPEN, seq=2, frame_id=frame_id)
    store(first, second)
    assert (first.fate, second.fate, stored_seq(master)) == (Fate.APPLY, Fate.REPEAT, 2)


def test_case_049_the_same_id_with_another_body_in_one_batch_is_refused(master: Desk) -> None:
    frame_id = uuid7()
    first = master.arrival("OrderIntent", OPEN, seq=1, frame_id=frame_id)
    second = master.arrival("OrderIntent", CLOSE, seq=2, frame_id=frame_id)
    store(first, second)
    assert second.refusal is not None
    assert (second.refusal.code, stored_seq(master)) == ("id_reused", 2)
    assert OperatorAlert.objects.get().code == "frame_refused"
    assert InboundFrame.objects.count() == 1


def test_case_041_an_invalid_frame_consumes_its_number_and_is_refused_alike_when_repeated(master: Desk) -> None:
    first = invalid(master.arrival("OrderIntent", OPEN, seq=1))
    store(first, master.arrival("OrderIntent", CLOSE, seq=2))
    again = invalid(master.arrival("OrderIntent", OPEN, seq=1, frame_id=first.frame_id))
    store(again)
    assert (again.fate, again.refusal and again.refusal.code, stored_seq(master)) == (Fate.REPEAT, "invalid", 2)


def test_a_refused_frame_of_who_is_in_charge_calls_a_person_once(master: Desk) -> None:
    """What it told of is copied to nobody, and comes no more."""
    first = invalid(master.arrival("OrderIntent", OPEN, seq=1))
    stranger = invalid(stranger_of(master).arrival("OrderIntent", OPEN, seq=1))
    store(first, stranger)
    store(invalid(master.arrival("OrderIntent", OPEN, seq=1, frame_id=first.frame_id)))
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account_id, alert.times) == ("frame_refused", master.account.id, 1)
    assert alert.text.startswith("OrderIntent 1: $.lots: ")


def test_case_039_a_gap_fill_below_the_expected_number_is_ignored(master: Desk) -> None:
    for position in (1, 2, 3):
        master.buy(position)
    late = master.send("GapFill", {"next": 3, "reason": "void"}, seq=2)
    assert (late.fate, late.refusal, stored_seq(master)) == (Fate.REPEAT, None, 3)


def test_case_038_a_gap_fill_of_the_ea_consumes_the_numbers_it_names(master: Desk) -> None:
    master.send("GapFill", {"next": 5, "reason": "void"}, seq=1)
    assert stored_seq(master) == 4
    assert master.send("OrderIntent", OPEN, seq=5).fate is Fate.APPLY


# Sessions that have ended ------------------------------------------------------------------------------------------


def test_case_011_what_an_expired_session_could_not_store_comes_in_under_the_next_one(master: Desk) -> None:
    ending.close_session(session_id=master.session.id, reason=Reason.HEARTBEAT_TIMEOUT, actor=GATEWAY)
    late = master.send("OrderIntent", OPEN)
    assert late.refusal is not None
    assert (late.refusal.code, late.refusal.problem.final, stored_seq(master)) == ("session_closed", False, 0)
    again = master.again().send("OrderIntent", OPEN, frame_id=late.frame_id)
    assert (again.fate, again.refusal, Intent.objects.count()) == (Fate.APPLY, None, 1)


def test_case_069_frames_of_a_preempted_session_are_fenced_and_take_no_number(master: Desk) -> None:
    newer = master.again()
    late = master.send("OrderIntent", OPEN)
    assert late.refusal is not None
    assert (late.refusal.code, stored_seq(master), Intent.objects.count()) == ("fenced", 0, 0)
    assert newer.send("OrderIntent", OPEN, frame_id=late.frame_id).fate is Fate.APPLY


def test_case_147_a_report_of_a_former_session_is_stored_and_flagged_late(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    command = Command.objects.get()
    follower.again()
    follower.report(command.id, "filled", ticket=9, lots="0.10", balance="7")
    command.refresh_from_db()
    assert (Report.objects.get().late, command.state) == (True, "done")
    assert BrokerAccount.objects.get(id=follower.account.id).balance is None, "late figures are not the account's"


def test_a_report_of_a_session_that_was_never_in_charge_is_no_fact(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    stranger = stranger_of(follower)
    keys.reject(key_id=stranger.key.id, by=OPERATOR, reason="unknown")
    report = stranger.report(Command.objects.get().id, "closed", ticket=9)
    assert (report.refusal and report.refusal.code, Report.objects.count()) == ("session_closed", 0)


def test_frames_read_before_the_promotion_of_their_session_are_applied_after_it() -> None:
    master = Desk.open("srv:9", approved=False)
    waiting = master.arrival("OrderIntent", OPEN, seq=1)
    keys.approve(key_id=master.key.id, by=OPERATOR, reason="known")
    EaSession.objects.filter(id=master.session.id).update(last_heartbeat_at=queries.database_now())
    assert promotion.promote_session(session_id=master.session.id)
    store(waiting)
    assert (waiting.fate, waiting.refusal) == (Fate.APPLY, None)


# Quarantine --------------------------------------------------------------------------------------------------------


def test_case_148_a_strangers_ids_in_the_same_batch_leave_the_owners_frames_new(master: Desk) -> None:
    stranger, frame_id = stranger_of(master), uuid7()
    theirs = stranger.arrival("OrderIntent", OPEN, seq=1, frame_id=frame_id)
    ours = master.arrival("OrderIntent", OPEN, seq=1, frame_id=frame_id)
    store(theirs, ours)
    assert (theirs.fate, ours.fate) == (Fate.QUARANTINED, Fate.APPLY)


def test_case_148_a_strangers_invalid_frames_and_gap_fills_block_no_ids(master: Desk) -> None:
    stranger, first, second = stranger_of(master), uuid7(), uuid7()
    store(
        invalid(stranger.arrival("OrderIntent", OPEN, seq=1, frame_id=first)),
        stranger.arrival("GapFill", {"next": 4}, seq=2, frame_id=second),
    )
    assert master.send("OrderIntent", OPEN, frame_id=first).fate is Fate.APPLY
    assert master.send("OrderIntent", CLOSE, frame_id=second).fate is Fate.APPLY


def test_a_pending_session_may_reuse_an_id_only_for_the_same_frame() -> None:
    pending = Desk.open("srv:9", approved=False)
    first = pending.send("OrderIntent", OPEN)
    again = pending.send("OrderIntent", CLOSE, frame_id=first.frame_id)
    assert (again.refusal and again.refusal.code, stored_seq(pending)) == ("id_reused", 2)
    assert pending.send("OrderIntent", OPEN, frame_id=first.frame_id).fate is Fate.REPEAT


def test_what_was_refused_while_pending_stays_refused_after_the_promotion() -> None:
    pending = Desk.open("srv:9", approved=False)
    pending.send("StatusHeartbeat", {"balance": "1"})
    store(invalid(pending.arrival("OrderIntent", OPEN, seq=1)), pending.arrival("OrderIntent", CLOSE, seq=2))
    assert keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known").promoted == pending.session.id
    rows = InboundFrame.objects.order_by("seq").values_list("refusal", "quarantined", "content")
    assert list(rows) == [("invalid", False, None), ("", False, None)]
    assert Intent.objects.get().action == "close"


def test_case_064_a_pending_report_about_another_account_is_dropped_at_promotion(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    pending = Desk.open("srv:9", approved=False)
    pending.send("StatusHeartbeat", {})
    pending.report(Command.objects.get().id, "filled", ticket=9)
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    assert Report.objects.count() == 0
    assert InboundFrame.objects.get(session=pending.session).refusal == "not_your_command"


def test_case_063_telemetry_is_still_taken_when_a_pending_session_is_full(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "pending_frames": 1}
    pending = Desk.open("srv:9", approved=False)
    pending.send("OrderIntent", OPEN)
    over = [pending.arrival("OrderIntent", CLOSE, seq=seq) for seq in (2, 3)]
    store(*over)
    assert [arrival.fate for arrival in over] == [Fate.REFUSED, Fate.GAP]
    assert over[0].refusal is not None
    assert (over[0].refusal.code, over[0].refusal.retry_after, stored_seq(pending)) == ("session_full", 60, 1)
    assert pending.send("StatusHeartbeat", {"balance": "1"}).fate is Fate.APPLY


def test_all_sessions_of_an_unknown_key_share_one_room(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "pending_frames_per_key": 3}
    pending = Desk.open("srv:9", approved=False)
    again = pending.again()
    for desk in (pending, again):
        desk.send("OrderIntent", OPEN)
    # One that is refused is stored like any other.
    broken = again.arrival("OrderIntent", CLOSE, seq=2)
    broken.payload, broken.refusal = None, Refused("invalid")
    store(broken)
    assert (broken.fate, stored_seq(again)) == (Fate.REFUSED, 2)
    for desk, seq in ((pending, 2), (again, 3), (pending.again(), 1)):
        over = desk.arrival("OrderIntent", OPEN, seq=seq)
        store(over)
        assert over.refusal is not None
        assert over.refusal.code == "session_full"
    assert InboundFrame.objects.count() == 3
    assert Desk.open("srv:8", approved=False).send("OrderIntent", OPEN).fate is Fate.QUARANTINED


def test_two_sessions_of_an_unknown_key_in_one_batch_share_its_room(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "pending_frames_per_key": 3}
    pending = Desk.open("srv:9", approved=False)
    again = pending.again()
    arrivals = [desk.arrival("OrderIntent", OPEN, seq=seq) for seq in (1, 2) for desk in (pending, again)]
    store(*arrivals)
    assert [arrival.fate for arrival in arrivals] == [*[Fate.QUARANTINED] * 3, Fate.REFUSED]
    pending.seq = 2
    assert pending.send("OrderIntent", CLOSE).refusal is not None


# Outcomes that are not known ---------------------------------------------------------------------------------------


def test_an_unknown_outcome_that_is_searched_for_later_is_issued_again(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    first = Command.objects.get()
    follower.report(first.id, "unknown")
    Command.objects.update(absent_from=queries.database_now() - timedelta(seconds=1))
    follower.report(first.id, "unknown", found=False)
    follower.report(first.id, "unknown", found=False)
    attempts = list(Command.objects.order_by("seq").values_list("seq", "attempt", "state", "copy__copy_no"))
    assert attempts == [(1, 1, "void", 1), (2, 2, "queued", 1)]


def test_a_deposit_that_is_reported_twice_is_booked_once(master: Desk) -> None:
    for _ in range(2):
        master.report(None, "closed", cause="deposit_withdrawal", ticket=5, profit="500", balance="500")
    assert list(Report.objects.order_by("id").values_list("repeated", flat=True)) == [False, True]


def test_a_partial_close_keeps_one_copy_over_its_tickets(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    opened = Command.objects.get()
    follower.report(opened.id, "filled", ticket=9, lots="0.10")
    master.intend("partial_close", 1, lots="0.04", remaining_lots="0.06", new_ticket=2)
    part = Command.objects.get(action="partial_close")
    follower.report(part.id, "closed", ticket=9, new_ticket=10, lots="0.04", remaining_lots="0.06")
    master.send("OrderIntent", CLOSE | {"ticket": 2})
    last = Command.objects.get(action="close")
    assert [str(lots) for lots in (part.lots, part.lots_after, last.lots)] == ["0.04000000", "0.06000000", "0.06000000"]
    copy = Copy.objects.get()
    assert (copy.id, copy.ticket, copy.lots_open) == (last.copy_id, 10, last.lots)


# Liveness ----------------------------------------------------------------------------------------------------------


def test_a_pending_strangers_funds_do_not_become_the_accounts(follower: Desk) -> None:
    follower.send("StatusHeartbeat", {"balance": "1000"})
    stranger_of(follower).introduce().send("StatusHeartbeat", {"balance": "1"})
    account = BrokerAccount.objects.get(id=follower.account.id)
    assert account.balance == Decimal(1000)
    assert account.profile is not None
    assert account.profile.session_id == follower.session.id


def test_what_a_rejected_stranger_told_of_the_terminal_is_forgotten(master: Desk) -> None:
    stranger = Desk.open("srv:9", approved=False).introduce("GOLD")
    stranger.send("StatusHeartbeat", {"balance": "1"})
    owner = stranger_of(stranger).introduce("EURUSD")
    subscribe(master, owner)
    keys.reject(key_id=stranger.key.id, by=OPERATOR, reason="unknown")
    account = BrokerAccount.objects.select_related("profile").get(id=owner.account.id)
    assert account.profile is not None
    assert (account.profile.session_id, account.balance) == (owner.session.id, None)
    master.buy(1)
    assert Decision.objects.get().outcome == "copied"


def test_case_077_a_deadline_that_moved_meanwhile_saves_the_session(
    master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue = queries.database_now() - timedelta(seconds=1)
    stale = [(master.session.id, overdue)]
    monkeypatch.setattr(queries, "overdue_sessions", lambda now: stale)
    master.send("StatusHeartbeat", {})
    assert expiry.expire_overdue() == 0
    EaSession.objects.filter(id=master.session.id).update(deadline_at=overdue)
    assert expiry.expire_overdue() == 1
    event = SessionEvent.objects.get(session=master.session, to_state=SessionStatus.CLOSED)
    assert event.reason == Reason.HEARTBEAT_TIMEOUT
    late = master.send("StatusHeartbeat", {})
    assert (late.refusal and late.refusal.code) == "session_closed"
    assert EaSession.objects.get(id=master.session.id).state == SessionStatus.CLOSED


def test_case_014_a_pending_session_lapses_after_its_lifetime(settings: Any) -> None:
    pending = Desk.open("srv:9", approved=False)
    assert ending.lapse_pending() == 0
    settings.GATEWAY = {**settings.GATEWAY, "pending_lifetime": timedelta(seconds=-1)}
    assert (ending.lapse_pending(), ending.lapse_pending()) == (1, 0)
    assert EaSession.objects.get(id=pending.session.id).state == SessionStatus.LAPSED


def test_case_008_three_foreign_reports_in_one_batch_expel_their_session(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1)
    foreign = {"command_id": str(Command.objects.get().id), "status": "filled"}
    batch = store(*(master.arrival("ExecutionReport", foreign, seq=seq) for seq in (2, 3, 4)))
    assert batch.expelled == {master.session.id}
    assert Decision.objects.count() == 1
