"""What is old and over is deleted in bounded steps, and what anything still needs is not."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import pytest

from orders import queries as orders
from orders.models import Command, Copy, Decision, Difference, Intent, MasterPosition, Report, SubscriptionEvent
from orders.services.copies import retention
from orders.tasks import forget_history
from sessions_app import queries
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import EaSession, InboundFrame
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Fate
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations import retention as frames
from tests.integration.trading import OPERATOR, Desk, held, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
AGE: Final = timedelta(days=90)


@pytest.fixture(autouse=True)
def kept_for_90_days(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "history_retention": AGE}
    for module in (frames, retention):
        monkeypatch.setattr(module, "KEPT_NUMBERS", 1)
    for walk in (frames._frames, retention._copies, retention._decisions, retention._reports):
        walk._after = UUID(int=0)


class Floor:
    """A master and a follower; each trade is opened, reported and acknowledged."""

    def __init__(self) -> None:
        self.master, self.follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
        self.subscription = subscribe(self.master, self.follower)

    def open(self, number: int) -> Copy:
        self.master.buy(number)
        self._report("filled", number)
        return Copy.objects.get(position_id=number)

    def close(self, number: int) -> None:
        self.master.intend("close", number)
        self._report("closed", number)

    def trade(self, *numbers: int) -> None:
        for number in numbers:
            self.open(number)
            self.close(number)

    def _report(self, status: str, ticket: int) -> None:
        command = Command.objects.filter(account=self.follower.account).latest("seq")
        self.follower.report(command.id, status, ticket=ticket, lots="0.1", price="1.1", balance="1000")
        self.follower.send("Ack", {"ack": command.seq})


@pytest.fixture
def floor() -> Floor:
    return Floor()


def forget(after: timedelta = AGE + timedelta(minutes=1)) -> int:
    now = queries.database_now() + after
    return retention.forget(now=now) + frames.forget_frames(now=now)


def left() -> set[int]:
    """The positions whose copies are there."""
    return set(Copy.objects.values_list("position_id", flat=True))


def test_what_is_over_and_old_goes_and_what_lives_stays(floor: Floor) -> None:
    floor.trade(1, 2)
    living = floor.open(3)
    floor.trade(4)
    assert forget() > 0
    assert left() == {3, 4}  # 4: its close is the newest number
    assert set(Command.objects.values_list("copy__position_id", flat=True)) == {3, 4}
    assert set(Report.objects.values_list("copy__position_id", flat=True)) == {3, 4}
    assert set(Decision.objects.values_list("intent__position_id", flat=True)) == {3, 4}
    # The living one is led on as before.
    floor.close(3)
    living.refresh_from_db()
    assert living.state == "closed"
    assert Intent.objects.count() == 8
    assert MasterPosition.objects.count() == 4


def test_nothing_goes_before_its_time_or_without_an_age(floor: Floor, settings: Any) -> None:
    floor.trade(1, 2)
    stored = InboundFrame.objects.count()
    assert forget(AGE - timedelta(minutes=1)) == 0
    settings.GATEWAY = {**settings.GATEWAY, "history_retention": timedelta(0)}
    assert forget(timedelta(days=9999)) == 0
    assert forget_history() == 0
    assert left() == {1, 2}
    assert InboundFrame.objects.count() == stored == 8


def test_a_trade_that_a_terminal_repeats_is_known_when_its_copy_is_forgotten(floor: Floor) -> None:
    floor.trade(1, 2)
    forget()
    assert left() == {2}
    floor.master.buy(1)
    assert left() == {2}
    assert Intent.objects.latest("id").repeated


def test_while_the_master_has_the_position_a_copy_that_was_closed_by_hand_stays(floor: Floor) -> None:
    copy = floor.open(1)
    floor.follower.report(None, "closed", ticket=1, copy_no=copy.copy_no, cause="manual", price="1.1")
    floor.trade(2, 3)
    forget()
    assert left() == {1, 3}
    assert Copy.objects.get(position_id=1).tombstoned_at is not None
    floor.master.intend("close", 1)
    floor.trade(4)
    forget()
    assert left() == {4}


def test_a_number_that_is_not_acknowledged_stays(floor: Floor) -> None:
    floor.trade(1)
    floor.master.buy(2)
    command = Command.objects.latest("seq")
    floor.follower.report(command.id, "rejected", error_code=134)
    before = floor.follower.account
    before.refresh_from_db()
    assert before.acked_seq == command.seq - 1 if command.seq else False
    assert Copy.objects.get(position_id=2).state == "failed"
    forget()
    assert 2 in left()
    assert [frame.seq for frame in floor.follower.log(after=before.acked_seq)] == [command.seq]


def test_an_open_difference_and_what_a_person_has_done_stay(floor: Floor) -> None:
    floor.trade(1, 2, 3, 4)
    one, two = (Copy.objects.get(position_id=number) for number in (1, 2))
    now = queries.database_now()
    Difference.objects.create(
        account=floor.follower.account, copy=one, kind="extra", severity="major", state="open", subject="1",
        symbol="EURUSD", expected="", actual="", opened_at=now, seen_at=now,
    )  # fmt: skip
    SubscriptionEvent.objects.create(
        subscription=floor.subscription, copy=two, to_state="lifted", actor="anna", note="", at=now
    )
    forget()
    assert left() == {1, 2, 4}
    Difference.objects.update(state="gone", closed_at=now)
    retention._copies._after = UUID(int=0)
    forget()
    assert left() == {2, 4}
    assert not Difference.objects.exists()


def test_a_frame_that_comes_again_is_known_while_its_session_lives(floor: Floor) -> None:
    floor.trade(1, 2)
    newest = InboundFrame.objects.filter(session=floor.master.session).latest("seq")
    forget()
    assert InboundFrame.objects.filter(session=floor.master.session).get() == newest
    again = floor.master.arrival("OrderIntent", {"action": "close", "position_id": 2, "ticket": 2, "symbol": "EURUSD"})
    again.seq, again.frame_id, again.digest = newest.seq, newest.frame_id, bytes(newest.digest)
    batches.store(arrivals=[again])
    assert again.fate is Fate.REPEAT


def test_frames_of_an_ended_session_wait_for_a_later_one_that_is_old_too(floor: Floor) -> None:
    floor.trade(1)
    session = floor.master.session
    ending.close_session(session_id=session.id, reason=Reason.SHUTDOWN_BY_EA, actor=OPERATOR)
    forget()
    assert InboundFrame.objects.filter(session=session).count() == 1  # the newest
    later = floor.master.again()
    EaSession.objects.filter(id=later.session.id).update(authenticated_at=queries.database_now() + timedelta(days=1))
    forget()
    assert InboundFrame.objects.filter(session=session).count() == 1
    EaSession.objects.filter(id=later.session.id).update(authenticated_at=queries.database_now())
    forget()
    assert not InboundFrame.objects.filter(session=session).exists()


def test_an_ea_that_asks_from_the_beginning_is_told_of_forgotten_numbers_in_one_gap(floor: Floor) -> None:
    floor.trade(1, 2, 3)
    floor.open(4)
    floor.trade(5)
    forget()
    assert left() == {4, 5}
    frames_told = floor.follower.log()
    first = frames_told[0]
    assert (first.kind, first.seq, first.covers) == ("GapFill", 1, 6)
    assert msgspec.json.decode(first.payload)["next"] == 7
    assert [frame.seq for frame in frames_told] == [1, 7]
    assert frames_told[-1].last == 9
    # Also where all numbers that are asked for are gone, and with the same id each time.
    (page,) = orders.commands_after({floor.follower.account.id: (2, 4)}).values()
    assert [(frame.seq, frame.last) for frame in page.frames] == [(3, 4)]
    again = orders.commands_after({floor.follower.account.id: (0, 4)}).values()
    assert [frame.frame_id for page in again for frame in page.frames] == [page.frames[0].frame_id]
    # What is not written yet is no gap.
    assert orders.commands_after({floor.follower.account.id: (9, 200)}) == {}


def test_a_run_is_bounded_and_the_next_one_goes_on(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "SLICE", 2)
    monkeypatch.setattr(frames, "WINDOWS", 2)
    floor.trade(*range(1, 8))
    now = queries.database_now() + AGE + timedelta(minutes=1)
    seen = []
    for _ in range(3):
        retention.forget(now=now)
        seen.append(len(left()))
    assert seen == [3, 1, 1]


def test_a_book_that_shows_a_forgotten_copy_calls_a_person_and_opens_nothing(floor: Floor) -> None:
    copy = floor.open(1)
    floor.close(1)
    floor.trade(2)
    forget()
    assert left() == {2}
    before = Command.objects.count()
    floor.follower.tell(held(copy.copy_no, 1))
    assert floor.follower.result
    assert Command.objects.count() == before


def test_an_unknown_report_about_a_forgotten_command_is_refused_and_changes_nothing(floor: Floor) -> None:
    floor.trade(1, 2)
    forgotten = Command.objects.order_by("seq")[0].id
    forget()
    assert floor.follower.report(forgotten, "filled", ticket=1, lots="0.1").refusal is not None
    assert floor.follower.report(uuid4(), "filled", ticket=1, lots="0.1").refusal is not None
    assert left() == {2}
