"""No frame of the gateway is above 16 KiB: what is above never arrives, and the EA would ask for it for ever."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, get_origin, get_type_hints
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from eagateway.protocol import FRAME_TYPES
from orders.domain.reconciliation.comparison import Found
from orders.domain.wire.commands import MAX_COPY_NO, OrderCommand
from orders.domain.wire.intents import Action, OrderType, Side
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity, SnapshotPhase, SyncSnapshot
from orders.models import Strategy, Subscription
from orders.services.reconciliation import snapshots
from sessions_app import queries
from sessions_app.domain.decimals import Lots, Price
from sessions_app.domain.frames import payloads
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES, write_frame
from sessions_app.domain.frames.pages import pages
from sessions_app.domain.frames.payloads import InitAck, Payload
from sessions_app.domain.frames.registry import Sender
from sessions_app.domain.lifecycle import Reason
from sessions_app.domain.problems import PROBLEMS, Refused
from sessions_app.models import BrokerAccount
from sessions_app.transport.connection.exchanges import ExchangeConnection
from tests.integration.trading import Desk

ID: Final = UUID(int=2**128 - 1)
LONG: Final = "\u2603" * 5000
TOP: Final = 2**53 - 1
AT: Final = "2026-11-23T04:00:00.123Z"
LONGEST: Final = Lots("9999999.99999999")


def encoded(kind: str, payload: Payload) -> bytes:
    return write_frame(
        kind=kind, frame_id=ID, payload=payload, sent_at=datetime.now(UTC), seq=TOP, ack=TOP, resent=True
    )


def with_subscriptions(count: int, name: str) -> InitAck:
    """The InitAck of a master with so many subscriptions."""
    desk = Desk.open("srv:1")
    now, tenant = queries.database_now(), desk.account.tenant
    followers = [
        BrokerAccount(tenant=tenant, account_id=f"f:{n}", claimed_as=f"f:{n}", created_at=now) for n in range(count)
    ]
    BrokerAccount.objects.bulk_create(followers)
    strategies = [
        Strategy(tenant=tenant, name=f"{n:04}{name}"[:100], master=desk.account, created_at=now) for n in range(count)
    ]
    Strategy.objects.bulk_create(strategies)
    Subscription.objects.bulk_create(
        Subscription(strategy=strategy, follower=follower, created_at=now)
        for strategy, follower in zip(strategies, followers, strict=True)
    )
    desk.introduce()
    ((_, reply),) = desk.batches[-1].replies
    assert isinstance(reply, InitAck)
    return reply


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("count", "name"), [(3, "s"), (200, "s" * 56), (260, "s" * 56), (260, LONG)])
def test_a_master_with_many_subscriptions_gets_the_first_of_them_and_how_many_there_are(count: int, name: str) -> None:
    ack = with_subscriptions(count, name)
    assert len(encoded("InitAck", ack)) <= MAX_FRAME_BYTES
    assert (ack.role, ack.subscriptions_total) == ("master", count)
    told = [one.strategy[:4] for one in ack.subscriptions]
    assert told == [f"{n:04}" for n in range(len(told))]
    assert len(told) == 3 if count == 3 else 40 < len(told) < 200 or name == LONG


@pytest.mark.django_db(transaction=True)
def test_a_frame_above_the_limit_is_logged_and_what_follows_goes_out() -> None:
    desk = Desk.open("srv:1")
    connection = ExchangeConnection(standing=queries.standings([desk.session.id])[desk.session.id], resume_from=0)
    with capture_logs() as logs:
        connection.post("Idle", payloads.TestRequest(reply_by="x" * MAX_FRAME_BYTES))
        connection.post("Idle", payloads.Idle(top_seq=1))
    assert [json.loads(text)["payload"] for text in connection.collect()] == [{"top_seq": 1}]
    [line] = [line for line in logs if line["event"] == "socket.frame_too_long"]
    assert line["log_level"] == "error"
    assert "Idle" in line["error"]


# Every frame type of the server, as long as it can be -----------------------------------------------------------------


def init_acks() -> list[Payload]:
    with_them = [
        payloads.SubscriptionSummary(strategy=LONG[:100], role="follower", mode="m" * 32, state="s" * 32)
    ] * 300
    pace = payloads.HeartbeatPace(interval_seconds=TOP, timeout_seconds=TOP)
    limits = payloads.SessionLimits(frame_bytes=TOP, max_unacked_commands=TOP, intent_rate=TOP, resend_page=TOP)
    common = {"server_time": AT, "role": "follower", "capabilities": ["c" * 32] * 16, "heartbeat": pace}
    return [
        InitAck(**common, limits=limits, subscriptions=page, subscriptions_total=TOP)  # type: ignore[arg-type]
        for page in pages(with_them)
    ]


def results() -> list[Payload]:
    found = Found(
        kind=DifferenceKind.WRONG_LOTS,
        severity=DifferenceSeverity.CRITICAL,
        symbol=LONG[:64],
        expected=LONG[:255],
        actual=LONG[:255],
        copy_no=MAX_COPY_NO,
        ticket=TOP,
    )
    told = SyncSnapshot(phase=SnapshotPhase.REPORT, request_id=ID)
    return [
        snapshots._result(told, [found] * 10_000),
        SyncSnapshot(phase=SnapshotPhase.REQUEST, request_id=ID, hash="h" * 64),
    ]


def commands() -> list[Payload]:
    price = Price("99999999.9999999")
    command = OrderCommand(
        command_id=ID,
        action=Action.PARTIAL_CLOSE,
        copy_no=MAX_COPY_NO,
        magic=2**32,
        position_id=TOP,
        symbol=LONG[:64],
        side=Side.SELL,
        order_type=OrderType.MARKET,
        lots=LONGEST,
        price=price,
        deviation_points=TOP,
        sl=price,
        tp=price,
        expiry="e" * 64,
        valid_until=AT,
        lots_before=LONGEST,
        lots_after=LONGEST,
        comment=LONG[:64],
    )
    return [command]


def states() -> list[Payload]:
    return [
        payloads.SessionState(
            status="authenticated",
            reason=reason,
            next_step=problem.remediation,
            session_id=ID,
            epoch=ID,
            stored_seq=TOP,
            top_seq=TOP,
            recovered=False,
            retry_after_seconds=TOP,
        )
        for reason in Reason
        for problem in PROBLEMS.values()
    ]


def acks() -> list[Payload]:
    refused = [payloads.RefusedFrame(seq=TOP, id=ID, code="c" * 32, final=False)] * 1000
    return [payloads.Ack(ack=TOP, refused=page) for page in pages(refused)]


LONGEST_FRAMES: Final[Mapping[str, Callable[[], Sequence[Payload]]]] = {
    "SessionState": states,
    "TestRequest": lambda: [payloads.TestRequest(reply_by=AT)],
    "InitAck": init_acks,
    "HeartbeatAck": lambda: [payloads.HeartbeatAck(server_time=AT, epoch=ID, top_seq=TOP)],
    "OrderCommand": commands,
    "SyncSnapshot": results,
    "ErrorAlert": lambda: [Refused(code, "\x01" * 5000, path=LONG).alert() for code in PROBLEMS],
    "ShutdownNotice": lambda: [
        payloads.ShutdownNotice(reason=reason, message=LONG[:255], last_seq=TOP, reconnect_after_seconds=TOP)
        for reason in Reason
    ],
    "ResendRequest": lambda: [payloads.ResendRequest(from_=TOP, to=TOP)],
    "GapFill": lambda: [payloads.GapFill(next=TOP)],
    "Ack": acks,
    "Idle": lambda: [payloads.Idle(top_seq=TOP)],
}


def test_every_frame_type_of_the_gateway_is_tried() -> None:
    assert set(LONGEST_FRAMES) == {row.name for row in FRAME_TYPES.values() if row.sender is not Sender.EA}


@pytest.mark.parametrize("kind", LONGEST_FRAMES)
def test_no_frame_of_the_gateway_is_above_the_limit(kind: str) -> None:
    frames = LONGEST_FRAMES[kind]()
    assert frames
    for payload in frames:
        assert len(encoded(kind, payload)) <= MAX_FRAME_BYTES


def lists(row: Any) -> set[str]:
    return {
        f"{row.name}.{field}" for field, kind in get_type_hints(row.payload).items() if get_origin(kind) in (list, dict)
    }


def test_every_list_in_a_frame_of_the_gateway_is_cut_or_paged() -> None:
    """A new list here needs a bound, and its frame above an example at the bound."""
    found = set().union(*(lists(row) for row in FRAME_TYPES.values() if row.sender is not Sender.EA))
    of_eas_alone = {"SyncSnapshot.positions", "SyncSnapshot.working_orders", "SyncSnapshot.quotes"}
    fixed = {"InitAck.capabilities"}
    assert found - of_eas_alone - fixed == {"InitAck.subscriptions", "SyncSnapshot.differences", "Ack.refused"}
