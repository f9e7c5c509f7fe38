"""Accounts that trade through the ingest batch itself: no socket, real rows."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import F
from eagateway_sdk.ids import uuid7

from orders.domain.wire.commands import magic_of
from orders.models import Command, Copy, Strategy, Subscription
from orders.services.copies import convergence
from sessions_app import queries
from sessions_app.domain.decimals import decode_hook, to_builtins
from sessions_app.domain.frames.envelope import digest
from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.models import AuthKey, BrokerAccount, EaSession, Tenant
from sessions_app.services.access import keys
from sessions_app.services.ingest import batches, ports
from sessions_app.services.ingest.ports import Arrival, Batch
from sessions_app.services.lifecycle import opening, resuming, snapshot_requests
from sessions_app.services.operations.history import Actor

OPERATOR = Actor("operator")
SYMBOL = {"digits": 5, "contract_size": "100000", "lots_min": "0.01", "lots_step": "0.01", "lots_max": "50"}


@dataclass(slots=True)
class Desk:
    """One account with its key and newest session; `send` is one frame in a batch of one."""

    account: BrokerAccount
    key: AuthKey
    session: EaSession
    seq: int = 0
    batches: list[Batch] = field(default_factory=list)

    @classmethod
    def open(cls, name: str, *, tenant: Tenant | None = None, approved: bool = True) -> "Desk":
        now = queries.database_now()
        tenant = tenant or Tenant.objects.get_or_create(name="Tenant", defaults={"created_at": now})[0]
        account = BrokerAccount.objects.create(tenant=tenant, account_id=name, claimed_as=name, created_at=now)
        key = AuthKey.objects.create(account=account, fingerprint=f"of {name}", key_hash="-", requested_at=now)
        if approved:
            keys.approve(key_id=key.id, by=OPERATOR, reason="known")
        return cls(account, key, open_session(key))

    def again(self) -> "Desk":
        """A newer session of the same key."""
        return Desk(self.account, self.key, open_session(self.key))

    def introduce(self, *names: str, **fields: Any) -> "Desk":
        symbols = [{"name": name, **SYMBOL} for name in names or ("EURUSD",)]
        self.send("InitRequest", {"currency": "USD", "symbols": symbols, **fields})
        return self

    def arrival(
        self, kind: str, payload: dict[str, Any], *, seq: int | None = None, frame_id: UUID | None = None
    ) -> Arrival:
        frame = ports.bound().frames[kind].type
        raw = msgspec.json.encode(payload)
        self.session.refresh_from_db(fields=["fence"])
        return Arrival(
            session_id=self.session.id,
            account_pk=self.account.id,
            fence=self.session.fence,
            kind=kind,
            frame_id=frame_id or uuid7(),
            seq=seq if frame.durable else None,
            payload=msgspec.json.decode(raw, type=frame.payload, dec_hook=decode_hook),
            digest=digest(kind, raw),
            heard=time.monotonic(),
            urgent=frame.urgent and self.session.fence > 0,
        )

    def send(
        self, kind: str, payload: dict[str, Any], *, seq: int | None = None, frame_id: UUID | None = None
    ) -> Arrival:
        """Store one frame, under the next number unless told; the arrival says what became of it."""
        if ports.bound().frames[kind].type.durable and seq is None:
            self.seq += 1
            seq = self.seq
        arrival = self.arrival(kind, payload, seq=seq, frame_id=frame_id)
        self.batches.append(batches.store(arrivals=[arrival]))
        snapshot_requests.ask_for_books(self.batches[-1])
        return arrival

    def intend(self, action: str, position_id: int, **fields: Any) -> Arrival:
        """An OrderIntent about EURUSD."""
        content = {"action": action, "position_id": position_id, "ticket": position_id, "symbol": "EURUSD", **fields}
        return self.send("OrderIntent", content)

    def buy(self, position_id: int, lots: str = "0.10", **fields: Any) -> Arrival:
        return self.intend("open", position_id, side="buy", lots=lots, price="1.10000", **fields)

    def report(self, command_id: UUID | None, status: str, **fields: Any) -> Arrival:
        named = {"command_id": str(command_id)} if command_id else {}
        return self.send("ExecutionReport", {"status": status, **named, **fields})

    def hello(self, **claims: Any) -> resuming.Resumed:
        """Say Hello with this session's token."""
        token = f"token of {self.session.id}"
        EaSession.objects.filter(id=self.session.id).update(token_hash=token_digest(token))
        return resuming.resume(token=token, hello=Hello(**claims))

    def tell(self, *positions: dict[str, Any], applied: int = 1000, **fields: Any) -> Arrival:
        """A whole snapshot with these positions."""
        book = {"phase": "report", "positions": list(positions), "applied_server_seq": applied, "balance": "1000"}
        return self.send("SyncSnapshot", {**book, **fields})

    def log(self, after: int = 0) -> list[LogFrame]:
        """The numbered frames of its account above a number, as a link reads them."""
        pages = ports.bound().commands_after({self.account.id: (after, after + 200)})
        return [frame for page in pages.values() for frame in page.frames]

    @property
    def result(self) -> list[dict[str, Any]]:
        """The differences that the last snapshot was answered with."""
        ((_, reply),) = self.batches[-1].replies
        found: list[dict[str, Any]] = to_builtins(reply).get("differences", [])
        return found


def held(copy_no: int | None, ticket: int, lots: str = "0.1", **fields: Any) -> dict[str, Any]:
    """One position of a book: ours by its magic number, or, without a copy number, somebody else's."""
    magic = {} if copy_no is None else {"magic": magic_of(copy_no)}
    return {"ticket": ticket, "symbol": "EURUSD", "side": "buy", "lots": lots, "price": "1.1", **magic, **fields}


def owes_no_book(desk: Desk) -> None:
    """Its terminal has told what it holds, as is asked for with each session."""
    BrokerAccount.objects.filter(id=desk.account.id).update(needs_snapshot=False, snapshot_due_at=None)


def is_asked_for_book(desk: Desk) -> bool:
    row = BrokerAccount.objects.get(id=desk.account.id)
    return row.snapshot_due_at is not None and row.snapshot_reason == SnapshotReason.IN_DOUBT


def open_session(key: AuthKey) -> EaSession:
    request = opening.Request(auth_method="account_session_key", platform="sdk")
    return opening.open_session(key=key, request=request).session


_MOMENTS = {
    Command: ("decided_at", "reported_at", "valid_until", "absent_from"),
    Copy: ("observed_at", "next_check_at", "unprotected_since", "repeated_at", "undelivered_at", "overdue_at"),
}


def time_passes(seconds: float) -> int:
    """Let everything that is written have happened so much earlier, and sweep; how many copies were due."""
    for model, columns in _MOMENTS.items():
        for column in columns:
            rows = model._default_manager.exclude(**{column: None})
            rows.update(**{column: F(column) - timedelta(seconds=seconds)})
    return convergence.carry_out()


def subscribe(master: Desk, follower: Desk, **settings: Any) -> Subscription:
    """`follower` copies `master`."""
    now: datetime = queries.database_now()
    strategy, _ = Strategy.objects.get_or_create(
        tenant=master.account.tenant,
        name=master.account.account_id,
        master=master.account,
        defaults={"created_at": now},
    )
    return Subscription.objects.create(strategy=strategy, follower=follower.account, created_at=now, **settings)
