"""What another terminal may have executed: set aside at Hello, cleared up by a snapshot, never sent again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from eagateway_sdk.ids import uuid7

from orders.models import Command, Copy, Difference, Report
from orders.services.copies import backlog
from sessions_app.models import BrokerAccount, EaSession, OperatorAlert
from sessions_app.queries import database_now, standings
from sessions_app.services.ingest.ports import Fate
from tests.integration.trading import Desk, held, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    """A follower whose first terminal, `a`, has said Hello."""
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk, max_age_seconds=3600)
    return desk


def only_command(desk: Desk) -> Command:
    return Command.objects.get(account=desk.account)


def frames_of(desk: Desk) -> list[tuple[int, str]]:
    return [(frame.seq, frame.kind) for frame in desk.log()]


def end_of_doubt_passed(desk: Desk) -> None:
    """As if the former terminal had been silent for long enough."""
    # a second ago: when a book was read is reckoned back from two clocks, and may come out a moment before this one
    passed = database_now() - timedelta(seconds=1)
    Command.objects.filter(account=desk.account, state="unknown").update(absent_from=passed)


def fill(desk: Desk, command: Command, ticket: int = 900) -> None:
    desk.report(command.id, "filled", ticket=ticket, lots=str(command.lots), price="1.1", balance="1000")


def test_case_072_a_command_of_another_installation_is_withheld_until_a_snapshot(master: Desk, follower: Desk) -> None:
    master.buy(1)
    other = follower.again()
    other.hello(installation_id="b")
    command = only_command(follower)
    assert (command.state, command.reason) == ("unknown", "in_doubt")
    former = EaSession.objects.get(id=follower.session.id)
    assert command.absent_from is not None
    assert former.closed_at is not None
    assert command.absent_from == former.closed_at + timedelta(seconds=60)
    assert frames_of(follower) == [(1, "GapFill")]


def test_case_072_its_magic_number_at_the_broker_proves_the_fill_at_once(master: Desk, follower: Desk) -> None:
    master.buy(1)
    other = follower.again()
    other.hello(installation_id="b")
    other.tell(held(1, 900))
    command = only_command(follower)
    assert (command.state, command.reason) == ("done", "from_snapshot")
    copy = Copy.objects.get()
    assert (copy.state, copy.ticket, str(copy.lots_open.normalize() if copy.lots_open else "")) == ("open", 900, "0.1")


def test_case_072_its_absence_counts_only_a_minute_later_and_then_it_is_ordered_anew(
    master: Desk, follower: Desk
) -> None:
    master.buy(1)
    other = follower.again()
    other.hello(installation_id="b")
    other.tell()
    assert only_command(follower).state == "unknown"
    end_of_doubt_passed(follower)
    other.tell()
    first, second = Command.objects.filter(account=follower.account).order_by("seq")
    assert (first.state, first.reason) == ("void", "not_executed")
    assert (second.state, second.attempt, second.copy_id, second.seq) == ("queued", 2, first.copy_id, 2)
    assert frames_of(follower) == [(1, "GapFill"), (2, "OrderCommand")]
    other.tell(applied=1)
    assert Command.objects.count() == 2


def test_case_072_an_open_past_its_validity_is_missed_and_an_operator_is_told(master: Desk, follower: Desk) -> None:
    master.buy(1)
    other = follower.again()
    other.hello(installation_id="b")
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    end_of_doubt_passed(follower)
    other.tell()
    command = only_command(follower)
    assert (command.state, command.reason, command.copy.state) == ("expired", "missed", "failed")
    assert OperatorAlert.objects.get().code == "command_missed"


def test_an_open_in_doubt_whose_close_followed_is_not_ordered_anew(master: Desk, follower: Desk) -> None:
    master.buy(1)
    other = follower.again()
    other.hello(installation_id="b")
    master.intend("close", 1)
    end_of_doubt_passed(follower)
    other.tell(applied=1)
    opened, closed = Command.objects.filter(account=follower.account).order_by("seq")
    assert (opened.state, opened.reason, closed.state) == ("void", "not_wanted", "queued")


def test_case_072_a_close_in_doubt_is_decided_by_the_state_it_leads_to(master: Desk, follower: Desk) -> None:
    for position in (1, 2):
        master.buy(position)
    for number, command in enumerate(Command.objects.order_by("seq")):
        fill(follower, command, 900 + number)
    for position in (1, 2):
        master.intend("close", position)
    other = follower.again()
    other.hello(installation_id="b")
    end_of_doubt_passed(follower)
    other.tell(held(2, 901), age_ms=0)
    states = list(Command.objects.filter(action="close").order_by("seq").values_list("state", "attempt"))
    assert states == [("done", 1), ("void", 1), ("queued", 2)]
    assert list(Copy.objects.order_by("copy_no").values_list("state", flat=True)) == ["closed", "open"]


def test_a_close_in_doubt_is_ordered_anew_however_short_the_terminals_history(master: Desk, follower: Desk) -> None:
    master.buy(1)
    fill(follower, Command.objects.get())
    master.intend("close", 1)
    follower.report(Command.objects.get(action="close").id, "unknown", error_code=128)
    end_of_doubt_passed(follower)
    follower.tell(held(1, 900), history_from="2099-01-01T00:00:00Z")
    assert list(Command.objects.filter(action="close").order_by("seq").values_list("state", "attempt")) == [
        ("void", 1),
        ("queued", 2),
    ]


def test_a_book_that_misses_too_many_copies_has_nothing_ordered_anew(master: Desk, follower: Desk) -> None:
    for position in range(1, 7):
        master.buy(position)
    for number, command in enumerate(Command.objects.order_by("seq"), start=1):
        fill(follower, command, 900 + number)
    master.buy(7)
    other = follower.again()
    other.hello(installation_id="b")
    end_of_doubt_passed(follower)
    other.tell()
    assert (Command.objects.get(seq=7).state, Command.objects.count()) == ("unknown", 7)
    assert Difference.objects.filter(state="held").count() == 6
    other.tell(*[held(number, 900 + number) for number in range(1, 8)])
    assert (Command.objects.get(seq=7).state, Command.objects.count()) == ("done", 7)


def test_case_073_the_same_installation_gets_its_commands_at_once(master: Desk, follower: Desk) -> None:
    master.buy(1)
    BrokerAccount.objects.filter(id=follower.account.id).update(acked_seq=1)
    other = follower.again()
    other.hello(installation_id="a", ledger_head=1)
    assert frames_of(follower) == [(1, "OrderCommand")]


def test_case_073_the_same_installation_with_an_emptied_ledger_does_not(master: Desk, follower: Desk) -> None:
    master.buy(1)
    BrokerAccount.objects.filter(id=follower.account.id).update(acked_seq=1)
    follower.again().hello(installation_id="a", ledger_head=0)
    assert only_command(follower).state == "unknown"


def test_what_was_ordered_after_the_former_session_ended_is_sent_at_once(master: Desk, follower: Desk) -> None:
    other = follower.again()
    EaSession.objects.filter(id=follower.session.id).update(closed_at=database_now() - timedelta(seconds=10))
    master.buy(1)
    other.hello(installation_id="b")
    assert frames_of(follower) == [(1, "OrderCommand")]


def test_what_was_ordered_while_the_former_socket_may_not_know_its_end_is_in_doubt(
    master: Desk, follower: Desk
) -> None:
    other = follower.again()
    master.buy(1)
    other.hello(installation_id="b")
    assert only_command(follower).state == "unknown"


def test_a_session_that_never_said_hello_passes_the_doubt_on(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.again()
    follower.again().hello(installation_id="b")
    assert only_command(follower).state == "unknown"


def test_case_074_a_late_report_of_the_former_terminal_clears_its_command_up(master: Desk, follower: Desk) -> None:
    master.buy(1)
    other = follower.again()
    other.hello(installation_id="b")
    fill(follower, only_command(follower))
    assert only_command(follower).state == "done"
    assert Report.objects.get().late
    refused = follower.intend("close", 1)
    assert (refused.fate, refused.refusal and refused.refusal.code) == (Fate.REFUSED, "fenced")


def test_an_unknown_outcome_is_asked_about_and_never_sent_again(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.tell(applied=0)
    follower.report(only_command(follower).id, "unknown")
    assert frames_of(follower) == [(1, "GapFill")]
    standing = standings([follower.session.id])[follower.session.id]
    assert (standing.snapshot_due, standing.snapshot_reason) == (True, "unknown_outcome")


def test_case_157_an_executed_partial_close_without_its_report_closes_nothing_twice(
    master: Desk, follower: Desk
) -> None:
    master.buy(1, "1")
    fill(follower, only_command(follower))
    master.intend("partial_close", 1, lots="0.4", remaining_lots="0.6", new_ticket=2)
    other = follower.again()
    other.hello(installation_id="b")
    other.tell(held(1, 901, "0.6", parent_ticket=900))
    partial = Command.objects.get(action="partial_close")
    assert (partial.state, Command.objects.count()) == ("done", 2)
    copy = Copy.objects.get()
    assert (copy.state, copy.ticket, copy.lots_open) == ("open", 901, partial.lots_after)


# A new epoch --------------------------------------------------------------------------------------------------------


def known_id(desk: Desk) -> Any:
    return only_command(desk).frame_id


def test_case_042_an_ea_that_knows_more_than_we_do_begins_a_new_epoch(master: Desk, follower: Desk) -> None:
    master.buy(1)
    before = BrokerAccount.objects.get(id=follower.account.id)
    resumed = follower.hello(epoch=before.epoch, last_server_seq=7, installation_id="a", max_copy_no_seen=40)
    after = BrokerAccount.objects.get(id=follower.account.id)
    assert (resumed.recovered, resumed.resume_from, resumed.standing.needs_snapshot) == (False, 0, True)
    assert after.epoch != before.epoch
    assert (after.next_seq, after.acked_seq, after.next_copy_no) == (1, 0, 41)
    assert (after.needs_snapshot, after.snapshot_reason) == (True, "new_epoch")
    assert OperatorAlert.objects.get().code == "new_epoch"
    assert only_command(follower).state == "unknown"


def test_case_042_another_frame_under_the_eas_last_number_begins_a_new_epoch_too(master: Desk, follower: Desk) -> None:
    master.buy(1)
    epoch = BrokerAccount.objects.get(id=follower.account.id).epoch
    same = follower.hello(epoch=epoch, last_server_seq=1, last_server_id=known_id(follower), installation_id="a")
    assert (same.recovered, same.resume_from) == (True, 1)
    assert not follower.hello(epoch=epoch, last_server_seq=1, last_server_id=uuid7(), installation_id="a").recovered
    assert BrokerAccount.objects.get(id=follower.account.id).epoch != epoch


def test_case_042_commands_flow_again_after_the_snapshot(master: Desk, follower: Desk) -> None:
    epoch = BrokerAccount.objects.get(id=follower.account.id).epoch
    follower.hello(epoch=epoch, last_server_seq=7, installation_id="a")
    master.buy(1)
    follower.tell(applied=0)
    assert not BrokerAccount.objects.get(id=follower.account.id).needs_snapshot
    assert follower.session.id in follower.batches[-1].changed_sessions
    assert frames_of(follower) == [(1, "OrderCommand")]


def test_a_book_read_before_the_new_epoch_began_releases_no_command(master: Desk, follower: Desk) -> None:
    epoch = BrokerAccount.objects.get(id=follower.account.id).epoch
    follower.hello(epoch=epoch, last_server_seq=7, installation_id="a")
    early = follower.tell(age_ms=60_000)
    assert (early.refusal.code if early.refusal else "") == "snapshot_unusable"
    after = BrokerAccount.objects.get(id=follower.account.id)
    assert (after.needs_snapshot, after.snapshot_reason) == (True, "new_epoch")
    follower.tell(applied=0)
    assert not BrokerAccount.objects.get(id=follower.account.id).needs_snapshot


def test_an_eas_last_number_may_be_the_end_of_a_gap(master: Desk, follower: Desk) -> None:
    master.buy(1)
    fill(follower, only_command(follower))
    (gap,) = follower.log()
    epoch = BrokerAccount.objects.get(id=follower.account.id).epoch
    resumed = follower.hello(epoch=epoch, last_server_seq=1, last_server_id=gap.frame_id, installation_id="a")
    assert resumed.recovered


def test_case_043_numbers_of_another_epoch_are_ignored_and_a_snapshot_is_asked_for(
    master: Desk, follower: Desk
) -> None:
    follower.tell()
    epoch = BrokerAccount.objects.get(id=follower.account.id).epoch
    resumed = follower.hello(epoch=uuid7(), last_server_seq=900, installation_id="a")
    account = BrokerAccount.objects.get(id=follower.account.id)
    assert (resumed.recovered, resumed.resume_from, account.epoch) == (False, 0, epoch)
    assert (resumed.standing.snapshot_due, account.snapshot_reason, account.needs_snapshot) == (
        True,
        "new_epoch",
        False,
    )


def test_a_strangers_hello_cannot_begin_a_new_epoch(follower: Desk) -> None:
    before = BrokerAccount.objects.get(id=follower.account.id)
    EaSession.objects.filter(id=follower.session.id).update(state="pending")
    resumed = follower.hello(epoch=before.epoch, last_server_seq=900, max_copy_no_seen=900)
    after = BrokerAccount.objects.get(id=follower.account.id)
    assert resumed.recovered, "whether a claim is true is nothing that a stranger may try out"
    assert (after.epoch, after.next_copy_no, after.needs_snapshot) == (before.epoch, before.next_copy_no, False)


def test_copy_numbers_that_an_ea_has_seen_are_not_given_again(master: Desk, follower: Desk) -> None:
    follower.hello(installation_id="a", max_copy_no_seen=12)
    master.buy(1)
    assert Copy.objects.get().copy_no == 13
    follower.hello(installation_id="a", max_copy_no_seen=2**53 - 1)
    assert BrokerAccount.objects.get(id=follower.account.id).next_copy_no == 14


def test_copy_numbers_that_a_book_shows_are_not_given_again(master: Desk, follower: Desk) -> None:
    follower.tell(held(12, 900), held(3, 901))
    master.buy(1)
    assert Copy.objects.get().copy_no == 13
    follower.tell(held(7, 900), applied=0)
    assert BrokerAccount.objects.get(id=follower.account.id).next_copy_no == 14


def test_a_doubt_names_how_many_commands_it_set_aside(master: Desk, follower: Desk) -> None:
    for position in (1, 2):
        master.buy(position)
    now: datetime = database_now()
    with transaction.atomic():
        assert backlog.doubt(follower.account.id, now - timedelta(hours=1), now) == 0
        assert backlog.doubt(follower.account.id, now, now) == 2


def test_a_book_tells_of_a_close_whose_report_was_lost(master: Desk, follower: Desk) -> None:
    master.buy(1)
    fill(follower, only_command(follower))
    master.intend("close", 1)
    close = Command.objects.get(action="close")
    follower.tell(applied=2)
    assert Command.objects.get(id=close.id).state == "queued", "its report may be on its way"
    time_passes(61)
    follower.tell(applied=1)
    assert Command.objects.get(id=close.id).state == "queued", "the book is from before it"
    follower.tell(applied=2)
    close.refresh_from_db()
    assert (close.state, close.reason, Copy.objects.get().state) == ("done", "from_snapshot", "closed")


def test_a_stop_whose_report_was_lost_and_that_does_not_stand_is_set_again(master: Desk, follower: Desk) -> None:
    master.buy(1)
    fill(follower, only_command(follower))
    master.intend("modify", 1, sl="1.05")
    time_passes(61)
    follower.tell(held(1, 900), applied=2)
    states = Command.objects.filter(action="modify").order_by("seq").values_list("state", "attempt")
    assert list(states) == [("void", 1), ("queued", 2)]
