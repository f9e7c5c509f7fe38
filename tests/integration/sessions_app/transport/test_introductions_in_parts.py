"""InitRequests of brokers that list thousands of symbols: in parts, whole or not at all."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from eagateway_sdk.ids import uuid7

from orders.models import Command
from orders.services import mapping
from sessions_app import queries
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES
from sessions_app.models import BrokerAccount, TerminalProfile
from sessions_app.services.access import keys
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival
from sessions_app.transport.connection import chunks
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.rate_limits import RateLimits
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.runtime import Runtime
from tests.integration.trading import OPERATOR, Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


def full(number: int) -> dict[str, Any]:
    """A symbol with every field, as long as brokers have them."""
    return {
        "name": f"SYMBOL.{number:05}.ecn",
        "digits": 5,
        "contract_size": "100000",
        "lots_min": "0.01",
        "lots_step": "0.01",
        "lots_max": "500",
        "point": "0.00001",
        "tick_size": "0.00001",
        "tick_value": "0.91345",
        "stop_level": 20,
        "freeze_level": 10,
        "trade_mode": "full",
        "quote_currency": "USD",
    }


def in_parts(symbols: Sequence[dict[str, Any]], *, per_part: int = 45, **fields: Any) -> list[dict[str, Any]]:
    pages = [symbols[start : start + per_part] for start in range(0, len(symbols), per_part)]
    common = {"currency": "USD", "of": len(pages), "digest": str(uuid7()), **fields}
    return [{**common, "n": number, "symbols": list(page)} for number, page in enumerate(pages, start=1)]


class Shelf:
    """An ingest queue that lets a test store what waits in it."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []

    def put(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)


def say(desk: Desk, *payloads: dict[str, Any]) -> list[dict[str, Any]]:
    """Send InitRequests over a link of its own, store what comes through, and return the gateway's answers."""
    standing = queries.standings([desk.session.id])[desk.session.id]
    link = ExchangeConnection(standing=standing, resume_from=0)
    registry, shelf = Registry(), Shelf()
    registry.add(link)

    async def talk() -> None:
        delivery = Delivery(registry)
        door = Dispatcher(link, bounds=RateLimits(), delivery=delivery, ingest=shelf, heartbeats=Heartbeats())  # type: ignore[arg-type]
        for payload in payloads:
            frame = {"v": 1, "type": "InitRequest", "id": str(uuid7()), "payload": payload}
            text = msgspec.json.encode(frame)
            assert len(text) <= MAX_FRAME_BYTES
            await door.take(text)
        if shelf.arrivals:
            batch = await asyncio.to_thread(lambda: batches.store(arrivals=shelf.arrivals))
            delivery.settle(batch, shelf.arrivals)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    asyncio.run(talk())
    return [json.loads(text) for text in link.collect()]


def listed(desk: Desk) -> list[str]:
    profile = BrokerAccount.objects.get(id=desk.account.id).profile
    return [] if profile is None else [symbol["name"] for symbol in profile.content["symbols"]]


def told(answers: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [answer["payload"] for answer in answers if answer["type"] == kind]


def test_two_thousand_symbols_with_every_field_are_told_and_traded() -> None:
    desk, symbols = Desk.open("srv:1"), [full(number) for number in range(2000)]
    answers = say(desk, *in_parts(symbols, balance="1000", equity="1000"))
    assert len(told(answers, "InitAck")) == 1
    assert told(answers, "ErrorAlert") == []
    assert BrokerAccount.objects.get(id=desk.account.id).profile.content["symbols"] == symbols  # type: ignore[union-attr]
    master = Desk.open("srv:2").introduce("SYMBOL.01999.ecn")
    subscribe(master, desk)
    master.buy(1, symbol="SYMBOL.01999.ecn")
    assert Command.objects.get().symbol == "SYMBOL.01999.ecn"


def test_one_frame_is_whole_by_itself_as_ever() -> None:
    desk = Desk.open("srv:1")
    answers = say(desk, {"currency": "USD", "symbols": [full(1)]})
    assert len(told(answers, "InitAck")) == 1
    assert listed(desk) == ["SYMBOL.00001.ecn"]


@pytest.mark.parametrize("lost", [0, 2, 4])
def test_a_set_with_a_lost_part_changes_nothing_and_its_sender_is_told_once(lost: int) -> None:
    desk = Desk.open("srv:1").introduce("EURUSD")
    parts = in_parts([full(number) for number in range(5)], per_part=1)
    answers = say(desk, *parts[:lost], *parts[lost + 1 :])
    assert listed(desk) == ["EURUSD"]
    # A set whose last part is lost waits for it.
    expected = [] if lost == 4 else [("parts_incomplete", True, "same_frame_after")]
    alerts = told(answers, "ErrorAlert")
    assert [(one["code"], one["retryable"], one["retry"]["policy"]) for one in alerts] == expected


def test_a_set_that_comes_again_after_a_loss_is_taken() -> None:
    desk, symbols = Desk.open("srv:1"), [full(number) for number in range(3)]
    first, second = in_parts(symbols, per_part=1), in_parts(symbols, per_part=1)
    say(desk, first[0], first[2], *second)
    assert len(listed(desk)) == 3


def test_a_set_whose_last_part_does_not_come_is_told_by_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "PATIENCE_SECONDS", -1.0)
    desk = Desk.open("srv:1")
    [part, *_] = in_parts([full(1), full(2)], per_part=1)
    link = ExchangeConnection(standing=queries.standings([desk.session.id])[desk.session.id], resume_from=0)

    async def wait() -> None:
        runtime = Runtime()
        door = runtime.attach(link, recovered=True)
        await door.take(msgspec.json.encode({"v": 1, "type": "InitRequest", "id": str(uuid7()), "payload": part}))
        await runtime._sweep()
        await runtime._sweep()
        await runtime.drain()

    asyncio.run(wait())
    answers = [json.loads(text) for text in link.collect()]
    assert [alert["code"] for alert in told(answers, "ErrorAlert")] == ["parts_incomplete"]


@pytest.mark.parametrize(
    ("fault", "path"), [({"n": 3, "of": 2}, "$.n"), ({"digest": None}, "$.digest"), ({"of": 257}, "$.of")]
)
def test_a_part_that_says_nonsense_is_refused_with_its_field(fault: dict[str, Any], path: str) -> None:
    [part, *_] = in_parts([full(1), full(2)], per_part=1)
    [alert] = told(say(Desk.open("srv:1"), {**part, **fault}), "ErrorAlert")
    assert (alert["code"], alert["path"]) == ("invalid", path)


def test_a_pending_session_tells_its_symbols_in_parts_and_hears_of_a_loss_as_its_next_step() -> None:
    desk = Desk.open("srv:1", approved=False)
    parts = in_parts([full(number) for number in range(3)], per_part=1)
    [state] = told(say(desk, parts[0], parts[2]), "SessionState")
    assert (state["status"], state["retry_after_seconds"]) == ("pending", 1)
    assert "all parts again" in state["next_step"]
    say(desk, *parts)
    assert len(listed(desk)) == 3
    desk.send("StatusHeartbeat", {"balance": "1"})
    keys.approve(key_id=desk.key.id, by=OPERATOR, reason="known")
    assert queries.standings([desk.session.id])[desk.session.id].initialised


def test_the_same_terminal_with_other_money_in_other_parts_is_no_different_one() -> None:
    desk, symbols = Desk.open("srv:1"), [full(number) for number in range(6)]
    say(desk, *in_parts(symbols, per_part=2, balance="1", equity="2", free_margin="3"))
    say(desk, *in_parts(symbols, per_part=3, balance="4"))
    say(desk, {"currency": "USD", "symbols": symbols})
    assert TerminalProfile.objects.count() == 1


def test_a_list_that_differs_in_its_last_part_alone_is_another_one() -> None:
    desk, symbols = Desk.open("srv:1"), [full(number) for number in range(4)]
    say(desk, *in_parts(symbols, per_part=2))
    say(desk, *in_parts([*symbols[:3], full(99)], per_part=2))
    assert listed(desk)[-1] == "SYMBOL.00099.ecn"


def test_a_heartbeat_does_not_read_the_list_of_symbols() -> None:
    desk = Desk.open("srv:1").introduce()
    with CaptureQueriesContext(connection) as asked:
        desk.send("StatusHeartbeat", {"balance": "1"})
        desk.introduce()
    assert BrokerAccount.objects.get(id=desk.account.id).balance == 1
    reads = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert [sql for sql in reads if '"sessions_app_terminalprofile"' in sql]
    assert [sql for sql in reads if '"sessions_app_terminalprofile"."content"' in sql] == []


def test_decisions_read_a_long_list_once() -> None:
    desk = Desk.open("srv:1")
    say(desk, *in_parts([full(number) for number in range(2000)]))
    profile = BrokerAccount.objects.get(id=desk.account.id).profile_id
    assert profile is not None
    assert mapping.terminals([profile])[profile] is mapping.terminals([profile])[profile]
