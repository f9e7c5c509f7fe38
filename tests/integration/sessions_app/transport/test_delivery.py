"""What goes out to which link: the session in charge alone, without holes, and what a Hello acknowledges."""

import asyncio
import gc
import json
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from orders.models import Command
from sessions_app import queries
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import BrokerAccount, EaSession, OperatorAlert
from sessions_app.services.access import keys
from sessions_app.services.lifecycle import ending, promotion
from sessions_app.services.lifecycle.recovery import MAX_COPY_NO
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.outbound.command_logs import CommandLogs
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.runtime import Runtime
from tests.integration.trading import OPERATOR, Desk, open_session, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    subscribe(master, desk)
    EaSession.objects.filter(account=desk.account).update(settled_at=queries.database_now())
    BrokerAccount.objects.filter(id=desk.account.id).update(needs_snapshot=False, snapshot_due_at=None)
    return desk


def link(desk: Desk, *, resume_from: int = 0) -> ExchangeConnection:
    """The link of a desk's session, as it stands now."""
    standing = queries.standings([desk.session.id])[desk.session.id]
    return ExchangeConnection(standing=standing, resume_from=resume_from)


def numbers(connection: ExchangeConnection) -> list[int]:
    """The numbers of the commands that wait in its queue, which is emptied."""
    frames = [json.loads(text) for text in connection.collect()]
    return [frame["seq"] for frame in frames if frame["type"] == "OrderCommand"]


def in_a_loop(work: Callable[[], Awaitable[Any]]) -> None:
    """Run this, and everything that it has started, to the end."""

    async def run() -> None:
        await work()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    asyncio.run(run())


def delivering(*connections: Connection) -> Delivery:
    registry = Registry()
    for connection in connections:
        registry.add(connection)
    return Delivery(registry)


# Case 69: who is in charge --------------------------------------------------------------------------------------------


def taken_over(desk: Desk) -> Desk:
    """A newer session of the account, which is in charge from now on."""
    newer = desk.again()
    assert queries.fences([desk.account.id]) == {desk.account.id: 2}
    EaSession.objects.filter(id=newer.session.id).update(settled_at=queries.database_now())
    return newer


def test_a_command_of_a_newer_session_is_not_pushed_to_a_link_that_has_not_heard_of_it(
    master: Desk, follower: Desk
) -> None:
    former = link(follower)
    taken_over(follower)
    master.buy(1)

    async def settle() -> None:
        delivering(former).settle(master.batches[-1], [])

    in_a_loop(settle)
    assert former.standing.state == SessionStatus.CLOSED
    assert numbers(former) == []


def test_a_link_that_was_taken_over_reads_nothing_more_of_the_log(master: Desk, follower: Desk) -> None:
    former = link(follower)
    taken_over(follower)
    master.buy(1)

    async def catch_up() -> None:
        delivering(former).logs.pump(former, 1)

    in_a_loop(catch_up)
    assert numbers(former) == []


def test_of_two_links_the_newer_session_s_gets_the_command(master: Desk, follower: Desk) -> None:
    former = link(follower)
    newer = taken_over(follower).introduce()
    latter = link(newer)
    master.buy(1)

    async def settle() -> None:
        delivering(former, latter).settle(master.batches[-1], [])

    in_a_loop(settle)
    assert (numbers(former), numbers(latter)) == ([], [1])


# Numbers -------------------------------------------------------------------------------------------------------------


def test_a_page_that_was_read_before_a_call_confirmed_less_leaves_no_hole(master: Desk, follower: Desk) -> None:
    for position in range(1, 6):
        master.buy(position)
    connection = link(follower)
    delivery = delivering(connection)
    master.buy(6)  # of which the link has not heard

    async def lose_an_answer() -> None:
        delivery.logs.pump(connection)
        while connection.outbox.sent < 5:  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0)
        assert numbers(connection) == [1, 2, 3, 4, 5]
        read = delivery.logs.read

        async def read_late(*asked: Any) -> Any:
            page = await read(*asked)
            if connection.outbox.sent == 5:
                connection.rewind(2)  # the answer was lost, and the next call says so
            return page

        delivery.logs.read = read_late  # type: ignore[method-assign, assignment]
        delivery.logs.pump(connection, 6)

    in_a_loop(lose_an_answer)
    assert numbers(connection) == [3, 4, 5, 6]


def test_a_full_window_is_waited_for_and_holds_up_nobody(
    master: Desk, follower: Desk, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that asked again and again without a page to read would never give the loop back."""
    settings.GATEWAY = {**settings.GATEWAY, "max_unacked_commands": 2}
    for number in range(1, 6):
        master.buy(number)
    connection, rounds = link(follower), Counter[str]()
    next_readers = CommandLogs._next_readers

    def counting(logs: CommandLogs) -> Any:
        rounds["reads"] += 1
        assert rounds["reads"] < 10, "it turns in a circle"
        return next_readers(logs)

    monkeypatch.setattr(CommandLogs, "_next_readers", counting)
    sent: list[list[int]] = []

    async def read() -> None:
        logs = delivering(connection).logs
        for acked in (0, 2, 4):
            connection.outbox.acknowledge(acked)
            logs.pump(connection, 5)
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
            sent.append(numbers(connection))

    in_a_loop(read)
    assert sent == [[1, 2], [3, 4], [5]]
    assert rounds["reads"] == 3


def test_what_a_hello_has_in_its_ledger_is_acknowledged(master: Desk, follower: Desk) -> None:
    for position in range(1, 4):
        master.buy(position)
    account = BrokerAccount.objects.get(id=follower.account.id)
    resumed = follower.hello(epoch=account.epoch, last_server_seq=2)
    connection = ExchangeConnection(standing=resumed.standing, resume_from=resumed.resume_from)

    async def attach() -> None:
        runtime = Runtime()
        runtime.attach(connection, recovered=resumed.recovered)
        await runtime.drain()

    in_a_loop(attach)
    assert BrokerAccount.objects.get(id=follower.account.id).acked_seq == 2
    states = dict(Command.objects.filter(account=follower.account).values_list("seq", "state"))
    assert states == {1: "received", 2: "received", 3: "queued"}


# The newest living session wins --------------------------------------------------------------------------------------


def test_an_older_session_of_the_same_key_does_not_preempt_the_newer_one() -> None:
    older = Desk.open("srv:7", approved=False)
    newer = older.again()
    for desk in (older, newer):
        desk.send("StatusHeartbeat", {"balance": "1"})
    keys.approve(key_id=older.key.id, by=OPERATOR, reason="known")
    older.send("StatusHeartbeat", {"balance": "1"})
    assert not promotion.promote_session(session_id=older.session.id)
    states = dict(EaSession.objects.values_list("id", "state"))
    assert states == {older.session.id: SessionStatus.PENDING, newer.session.id: SessionStatus.AUTHENTICATED}


def test_a_session_that_asked_and_went_does_not_keep_the_living_one_from_its_promotion() -> None:
    living = Desk.open("srv:7", approved=False)
    living.send("StatusHeartbeat", {"balance": "1"})
    open_session(living.key)  # never heard of
    keys.approve(key_id=living.key.id, by=OPERATOR, reason="known")
    living.session.refresh_from_db()
    assert living.session.state == SessionStatus.AUTHENTICATED


# Bounds over several links -------------------------------------------------------------------------------------------


def test_another_link_brings_no_fresh_bounds(follower: Desk) -> None:
    async def talk() -> None:
        runtime = Runtime()
        for connection in links:
            door = runtime.attach(connection, recovered=True)
            for _ in range(30):
                await door.take('{"v":1,"type":"Poll","id":"019a0000-0000-7000-8000-000000000001","payload":{}}')
        await runtime.drain()

    links = (link(follower), link(follower))
    in_a_loop(talk)
    refused = [sum(b'"throttled"' in text for text in connection.collect()) for connection in links]
    assert refused[0] == 0
    assert refused[1] >= 9


@pytest.mark.parametrize(("rate", "refused"), [(3000, False), (1, True)])
def test_intents_are_bounded_by_the_rate_of_their_account(master: Desk, rate: int, refused: bool) -> None:
    """300 at once: above what any account may send in a burst, and far below what the fast one may in a second."""
    BrokerAccount.objects.filter(id=master.account.id).update(intent_rate=rate)
    connection = link(master)

    async def talk() -> None:
        runtime = Runtime()
        door = runtime.attach(connection, recovered=True)
        for number in range(1, 301):
            payload = {"action": "close", "position_id": number, "ticket": number}
            frame = {"v": 1, "type": "OrderIntent", "id": str(uuid7()), "seq": number, "payload": payload}
            await door.take(json.dumps(frame))
        await runtime.drain()

    in_a_loop(talk)
    assert any(b'"throttled"' in text for text in connection.collect()) == refused


@pytest.mark.parametrize("kind", ["Hello", "Ack"])
def test_a_frame_that_means_nothing_is_bounded_too(kind: str) -> None:
    stranger = Desk.open("srv:9", approved=False)
    connection = link(stranger)

    async def talk() -> None:
        runtime = Runtime()
        door = runtime.attach(connection, recovered=True)
        body = {"v": 1, "type": kind, "id": "019a0000-0000-7000-8000-000000000001", "payload": {"ack": -1}}
        for _ in range(1100):
            await door.take(json.dumps(body))
        await runtime.drain()

    in_a_loop(talk)
    assert connection.lifecycle.close_code == 4429


def test_hellos_of_one_token_are_counted_before_anything_is_looked_up(settings: Any) -> None:
    async def greet() -> None:
        runtime = Runtime()
        for _ in range(settings.GATEWAY["hellos_per_minute"]):
            runtime.count_hello("token")
        with pytest.raises(Exception, match="Too many requests"):
            runtime.count_hello("token")
        runtime.count_hello(token_digest("another"))
        await runtime.drain()

    in_a_loop(greet)


def test_a_link_that_has_gone_leaves_nothing_in_memory(follower: Desk) -> None:
    links = [link(follower) for _ in range(3)]
    gone = [weakref.ref(connection) for connection in links]

    async def come_and_go() -> None:
        runtime = Runtime()
        while links:
            connection = links.pop()
            runtime.attach(connection, recovered=True)
            runtime.registry.remove(connection)
            connection.drop()
            del connection
        while others := asyncio.all_tasks() - {asyncio.current_task(), *runtime._tasks}:
            await asyncio.wait(others)  # what was begun for them ends
        del others
        gc.collect()
        assert [item() for item in gone] == [None] * 3
        await runtime.drain()

    in_a_loop(come_and_go)


def test_a_claim_to_have_seen_all_copy_numbers_calls_an_operator(follower: Desk) -> None:
    follower.hello(max_copy_no_seen=MAX_COPY_NO, installation_id="a")
    alert = OperatorAlert.objects.get()
    assert (alert.code, str(MAX_COPY_NO) in alert.text) == ("copy_numbers_low", True)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.KEY_REVOKED, "stop: the key or grant was revoked"),
        (Reason.KEY_REJECTED, "stop: the key was rejected"),
        (Reason.ACCOUNT_SUSPENDED, "stop: the account is suspended"),
        (Reason.PREEMPTED, "stop: another terminal serves this account"),
        (Reason.CLOSED_BY_OPERATOR, "open a new session"),
    ],
)
def test_an_ea_that_has_to_stop_is_told_so_with_what_a_person_has_to_do(
    follower: Desk, reason: Reason, words: str
) -> None:
    """4403 and 4409 stop an EA: told to open a new session, it would be refused for ever."""
    ending.close_session(session_id=follower.session.id, reason=reason, actor=OPERATOR)
    connection = link(follower)
    delivering(connection).tell_end(connection)
    [told] = [json.loads(text) for text in connection.collect()]
    assert (told["type"], told["payload"]["reason"]) == ("SessionState", reason.value)
    assert told["payload"]["next_step"].startswith(words)
