"""What a link costs that comes back with what it knew: two statements, and nothing for the ingest queue."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from orders.models import Command
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.keys import token_digest
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.queries import Standing, database_now
from sessions_app.services.lifecycle import resuming
from sessions_app.services.lifecycle.resuming import Coming
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.inbound.resumes import Resumes
from sessions_app.transport.runtime import Runtime
from tests.factories import MaintenanceWindowFactory
from tests.integration.counting import Cost, counted
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def follower() -> Desk:
    """An EA that has said Hello and has three commands in its ledger."""
    master, desk = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, desk)
    desk.hello(installation_id="here")
    desk.tell()
    for position in (1, 2, 3):
        master.buy(position)
    desk.send("Ack", {"ack": 3})
    return desk


def token_of(desk: Desk) -> str:
    token = f"token of {desk.session.id}"
    EaSession.objects.filter(id=desk.session.id).update(token_hash=token_digest(token))
    return token


def known(desk: Desk, seq: int = 3, **claims: Any) -> Hello:
    """What an EA says that has everything up to a number."""
    last = Command.objects.get(account=desk.account, seq=seq).frame_id
    epoch = BrokerAccount.objects.get(id=desk.account.id).epoch
    told = {"epoch": epoch, "last_server_seq": seq, "last_server_id": last, "installation_id": "here"}
    return Hello(**{**told, **claims})


def resume(desk: Desk, hello: Hello) -> tuple[resuming.Resumed, Cost]:
    token = token_of(desk)
    with counted() as cost:
        resumed = resuming.resume(token=token, hello=hello)
    return resumed, cost


def test_who_comes_back_with_what_it_knew_costs_two_statements_and_no_model(follower: Desk) -> None:
    resumed, cost = resume(follower, known(follower))
    assert (cost.calls, cost.statements, cost.commits, dict(cost.instances)) == (2, 2, 1, {})
    assert (resumed.resume_from, resumed.recovered, resumed.standing.top_seq) == (3, True, 3)
    row = EaSession.objects.get(id=follower.session.id)
    assert (row.links, resumed.standing.links, row.ledger_head) == (2, 2, 3)


def test_nothing_is_read_or_queued_for_it_after_that(follower: Desk) -> None:
    resumed, _ = resume(follower, known(follower))
    # Nothing is to be asked of it: what a session's start asks was answered.
    assert not resumed.standing.snapshot_due
    connection = ExchangeConnection(standing=resumed.standing, resume_from=resumed.resume_from)
    queued: list[object] = []

    async def run() -> None:
        runtime = Runtime.current()
        runtime.ingest.put = queued.append  # type: ignore[assignment]
        before = asyncio.all_tasks()
        runtime.attach(connection, recovered=True)
        assert asyncio.all_tasks() == before, "nobody reads its log"
        await runtime.drain(0)

    asyncio.run(run())
    assert queued == []


def test_what_was_committed_while_a_link_came_back_reaches_it_at_once(follower: Desk) -> None:
    resumed, _ = resume(follower, known(follower))
    connection = ExchangeConnection(standing=resumed.standing, resume_from=resumed.resume_from)
    master = Desk.open("srv:3").introduce()
    subscribe(master, follower)

    async def run() -> None:
        runtime = Runtime.current()
        await asyncio.to_thread(master.buy, 9)
        runtime.delivery.settle(master.batches[-1], [])
        runtime.attach(connection, recovered=True)
        for _ in range(200):
            if connection.outbox.sent == 4:
                break
            await asyncio.sleep(0.01)
        runtime._tasks[0].cancel()  # the sweep would find it too, a second later
        assert connection.outbox.sent == 4
        await runtime.drain(0)

    asyncio.run(run())


def test_who_lacks_something_or_names_no_epoch_costs_no_more(follower: Desk) -> None:
    for hello, resume_from in ((known(follower, seq=1), 1), (Hello(installation_id="here", last_server_seq=2), 0)):
        resumed, cost = resume(follower, hello)
        assert (cost.calls, cost.commits) == (2, 1)
        assert (resumed.resume_from, resumed.recovered) == (resume_from, True)


@pytest.mark.parametrize("names_epoch", [True, False])
def test_what_has_grown_too_old_is_voided_before_it_is_sent(follower: Desk, names_epoch: bool) -> None:
    long_ago = database_now() - timedelta(minutes=5)
    hello = known(follower)
    Command.objects.filter(account=follower.account, seq=3).update(state="queued", valid_until=long_ago)
    resume(follower, hello)
    assert Command.objects.get(account=follower.account, seq=3).state == "queued"  # the EA has it
    resume(follower, known(follower, seq=2) if names_epoch else Hello(installation_id="here"))
    assert [*Command.objects.filter(account=follower.account).order_by("seq").values_list("state", flat=True)] == [
        "received", "received", "void"
    ]  # fmt: skip


# What is not the common case goes the long way ----------------------------------------------------------------------


def test_a_number_that_the_log_gave_to_another_frame_begins_a_new_epoch(follower: Desk) -> None:
    before = follower.account.epoch
    resumed, _ = resume(follower, known(follower, last_server_id=uuid7()))
    assert not resumed.recovered
    assert resumed.standing.epoch != before
    assert EaSession.objects.get(id=follower.session.id).links == 2


def test_an_ea_that_lacks_something_has_it_sent_again(follower: Desk) -> None:
    resumed, _ = resume(follower, known(follower, seq=1))
    assert (resumed.resume_from, resumed.recovered, resumed.standing.top_seq) == (1, True, 3)


def test_a_hello_without_an_epoch_has_the_log_sent_from_its_beginning(follower: Desk) -> None:
    resumed, _ = resume(follower, Hello(installation_id="here"))
    assert (resumed.resume_from, resumed.recovered) == (0, True)


def test_higher_copy_numbers_than_ours_are_kept_apart(follower: Desk) -> None:
    resume(follower, known(follower, max_copy_no_seen=500))
    assert BrokerAccount.objects.get(id=follower.account.id).next_copy_no == 501


def test_maintenance_turns_it_away(follower: Desk) -> None:
    hello = known(follower)
    MaintenanceWindowFactory.create(account=follower.account)
    with pytest.raises(Refused, match="Maintenance"):
        resume(follower, hello)
    assert EaSession.objects.get(id=follower.session.id).links == 1


def test_maintenance_of_another_account_does_not(follower: Desk) -> None:
    hello = known(follower)
    MaintenanceWindowFactory.create(account=Desk.open("srv:9").account)
    resumed, _ = resume(follower, hello)
    assert resumed.recovered


def test_an_ended_session_is_told_so(follower: Desk) -> None:
    hello = known(follower)
    follower.again()
    resumed, _ = resume(follower, hello)
    standing: Standing = resumed.standing
    assert (standing.state, standing.close_reason) == ("closed", "preempted")


# Many at once ---------------------------------------------------------------------------------------------------------


def greet(desk: Desk) -> Desk:
    desk.hello(installation_id="here")
    return desk


@pytest.mark.parametrize("eas", [1, 10, 100])
def test_all_that_come_back_at_once_cost_one_read_one_update_and_one_commit(eas: int) -> None:
    desks = [greet(Desk.open(f"srv:{number}")) for number in range(eas)]
    coming = [
        Coming(token_of(desk), Hello(epoch=desk.account.epoch, installation_id="here", ledger_head=number))
        for number, desk in enumerate(desks)
    ]
    with counted() as cost:
        resumed = resuming.resume_known(coming)
    assert (cost.calls, cost.commits, dict(cost.instances)) == (2, 1, {})
    assert [item and item.standing.session_id for item in resumed] == [desk.session.id for desk in desks]
    assert [EaSession.objects.get(id=desk.session.id).links for desk in desks] == [2] * eas
    assert [EaSession.objects.get(id=desk.session.id).ledger_head for desk in desks] == list(range(eas))


def test_each_of_them_is_judged_by_itself(follower: Desk) -> None:
    plain, other = greet(Desk.open("srv:7")), greet(Desk.open("srv:8"))
    coming = [
        Coming(token_of(plain), Hello(epoch=plain.account.epoch)),
        Coming("nobody's", Hello()),
        Coming(token_of(other), Hello(epoch=uuid7(), last_server_seq=3)),
        Coming(token_of(follower), known(follower)),
    ]
    resumed = resuming.resume_known(coming)
    assert [item and item.standing.session_id for item in resumed] == [
        plain.session.id, None, None, follower.session.id
    ]  # fmt: skip
    assert EaSession.objects.get(id=other.session.id).links == 1


def test_links_of_one_loop_that_come_at_once_are_answered_each_for_itself(follower: Desk) -> None:
    plain = greet(Desk.open("srv:7"))
    expected = [plain.session.id, follower.session.id]
    coming = [
        Coming(token_of(plain), Hello(epoch=plain.account.epoch)),
        Coming(token_of(follower), Hello()),
        Coming("nobody's", Hello()),
    ]

    async def run() -> list[Any]:
        resumes = Resumes()
        work = [resumes.resume(token=item.token, hello=item.hello) for item in coming]
        return await asyncio.gather(*work, return_exceptions=True)

    *served, refused = asyncio.run(run())
    assert [item.standing.session_id for item in served] == expected
    assert (type(refused), refused.code) == (Refused, "token_invalid")
