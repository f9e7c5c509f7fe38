"""Goodbyes of both sides: what was sent is stored, both know the same last numbers, nobody waits for ever."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from eagateway_sdk.ids import uuid7
from websockets.exceptions import ConnectionClosed

from tests.e2e.gateway import Cast, Gateway, RawEa
from tests.e2e.servers import SERVERS

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
OPEN = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.10"}


@pytest.fixture(params=SERVERS)
def leaving_gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, server=request.param, HEARTBEAT_TIMEOUT_SECONDS="60", LOG_LEVEL="INFO").start()
    yield gateway
    gateway.end(signal.SIGKILL)


async def code_of(ea: RawEa) -> int:
    try:
        while True:
            await ea.socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


# The EA goes -------------------------------------------------------------------------------------------------------


async def test_case_096_what_is_missing_is_fetched_before_a_goodbye_is_answered(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    ids = [str(uuid7()) for _ in range(3)]
    await ea.send("OrderIntent", OPEN, seq=1, id=ids[0])
    await ea.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 3})
    asked = (await ea.hear("ResendRequest"))["payload"]
    assert asked == {"from": 2, "to": 3}
    for seq in (2, 3):
        order = {**OPEN, "position_id": seq, "ticket": seq}
        await ea.send("OrderIntent", order, seq=seq, id=ids[seq - 1], resent=True)
    answer = await ea.hear("ShutdownNotice")
    assert (answer["payload"]["phase"], answer["ack"]) == ("ack", 3)
    assert await ea.close_code() == 4410
    assert ea.seen[-1]["payload"]["reason"] == "shutdown_by_ea"


async def test_case_096_the_answer_tells_the_gateways_own_last_number(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    for position in (1, 2):
        await master.buy(position)
    await follower.commands(2)
    await follower.send("ShutdownNotice", {"reason": "terminal_closed"})
    assert (await follower.hear("ShutdownNotice"))["payload"]["last_seq"] == 2


async def test_case_100_what_never_comes_is_not_waited_for_longer_than_an_ea_may_take(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    began = time.monotonic()
    await ea.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 9})
    answer = await ea.hear("ShutdownNotice")
    assert (answer["payload"]["phase"], answer["ack"]) == ("ack", 0)
    assert await ea.close_code() == 4410
    assert time.monotonic() - began < 2.5


# The gateway goes --------------------------------------------------------------------------------------------------


async def full_house(cast: Cast, sockets: int) -> list[RawEa]:
    """One introduced master, and many sockets of pending sessions besides."""
    code = (
        "from sessions_app.models import BrokerAccount; from sessions_app.services.access import keys;"
        "from sessions_app.services.lifecycle import sessions;"
        "from django.utils import timezone;"
        f"account = BrokerAccount.objects.get(claimed_as={cast.names[1]!r});"
        "key = keys.enrol(account_id=account.account_id, claimed_as='x', fingerprint='f', key_hash='-', address='',"
        "now=timezone.now());"
        "ask = sessions.Request(auth_method='account_session_key', platform='sdk');"
        f"print(*(sessions.open_session(key=key, request=ask).token for _ in range({sockets})))"
    )
    done = cast.gateway.manage("shell", "-v", "0", "-c", code)
    others = [await RawEa.connect(cast.gateway, token) for token in done.stdout.split()[-sockets:]]
    for other in others:
        await other.hear("SessionState")
    return [await cast.ea(0), *others]


async def test_case_095_a_drain_acknowledges_what_was_in_work_and_ends_in_time(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, HEARTBEAT_TIMEOUT_SECONDS="60").start()
    cast = gateway.provision({})
    house = await full_house(cast, 200)
    master = house[0]
    for position in range(1, 51):
        await master.buy(position)
    began = time.monotonic()
    ending = asyncio.create_task(asyncio.to_thread(gateway.end, signal.SIGTERM))
    codes = await asyncio.gather(master.close_code(), *(code_of(item) for item in house[1:]))
    assert await ending == 0
    assert time.monotonic() - began < 5
    assert set(codes) == {4012}
    assert master.kinds().count("ShutdownNotice") == 1


async def test_case_097_an_ea_that_answers_is_not_kept_waiting_and_one_that_does_not_is_closed_anyway(
    leaving_gateway: Gateway,
) -> None:
    cast = leaving_gateway.provision({})
    master, silent = await cast.ea(0), await cast.ea(1)
    began = time.monotonic()
    ending = asyncio.create_task(asyncio.to_thread(leaving_gateway.end, signal.SIGTERM))
    notice = (await master.hear("ShutdownNotice"))["payload"]
    assert (notice["reason"], notice["reconnect"]) == ("shutdown_by_server", True)
    await master.send("ShutdownNotice", {"reason": notice["reason"], "phase": "ack"})
    assert await silent.close_code() == 4012
    assert 1.5 < time.monotonic() - began < 5
    assert await ending == 0


async def test_case_098_frames_after_the_notice_are_ignored_and_counted(leaving_gateway: Gateway) -> None:
    master = await leaving_gateway.provision({}).ea(0)
    ending = asyncio.create_task(asyncio.to_thread(leaving_gateway.end, signal.SIGTERM))
    await master.hear("ShutdownNotice")
    await master.buy(1)
    await master.buy(2)
    await master.send("ShutdownNotice", {"reason": "shutdown_by_server", "phase": "ack"})
    assert await master.close_code() == 4012
    assert await ending == 0
    assert max(item.get("ack") or 0 for item in master.seen) == 0
    assert leaving_gateway.log_has('"frames": 2, "event": "socket.ignored_after_notice"')


# Maintenance -------------------------------------------------------------------------------------------------------


async def test_maintenance_sends_an_ea_away_once_keeps_its_session_and_lets_it_back_in(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, other = await cast.ea(0), await cast.ea(1)
    announcing = asyncio.create_task(asyncio.to_thread(maintain, cast, 0, seconds=600))
    notice = (await master.hear("ShutdownNotice"))["payload"]  # it is told before that process has ended
    assert (notice["reason"], notice["message"], notice["reconnect_after_seconds"]) == ("maintenance", "new disks", 30)
    await master.send("ShutdownNotice", {"reason": "maintenance", "phase": "ack"})
    assert await master.close_code() == 4012
    await announcing
    turned_away = await RawEa.connect(gateway, master.token)
    assert await turned_away.close_code() == 4013
    assert turned_away.seen[0]["payload"]["code"] == "maintenance"
    await asyncio.to_thread(maintain, cast, 0, seconds=0)
    back = await RawEa.connect(gateway, master.token)
    assert (await back.hear("SessionState"))["payload"]["status"] == "authenticated"
    await other.send("StatusHeartbeat", {})
    await other.hear("HeartbeatAck")
    assert "ShutdownNotice" not in other.kinds()


def maintain(cast: Cast, number: int, *, seconds: int) -> None:
    """Announce a window for an account from now on, or with no seconds cancel it."""
    code = (
        "from datetime import timedelta; from sessions_app.queries import database_now;"
        "from sessions_app.models import BrokerAccount, MaintenanceWindow;"
        "from sessions_app.services.operations import maintenance;"
        "from sessions_app.services.operations.history import Actor;"
        f"now, account = database_now(), BrokerAccount.objects.get(claimed_as={cast.names[number]!r});"
    )
    announce = (
        "maintenance.announce(by=Actor('olga'), plan=maintenance.Plan(reason='new disks', account_pk=account.id,"
        f"starts_at=now, ends_at=now + timedelta(seconds={seconds}), reconnect_after_seconds=30))"
    )
    cancel = "maintenance.cancel(by=Actor('olga'), window_id=MaintenanceWindow.objects.get(account=account).id)"
    done = cast.gateway.manage("shell", "-c", code + (announce if seconds else cancel))
    if done.returncode:
        raise RuntimeError(done.stderr)
