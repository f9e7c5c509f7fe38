"""The real services behind a wire of ours: frames go through the real decoding and the ingest batch, commands come from
the real log. What a gateway process does around its sockets (push, ask for snapshots, sweep) is done here, in one
thread.
"""

import itertools
import random
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, Final, Protocol, cast
from unittest.mock import patch
from uuid import UUID

import msgspec
from django.db.models import DateTimeField, Value

from sessions_app import doorbell, queries
from sessions_app.domain.frames.envelope import read_envelope
from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.payloads import Ack, Hello
from sessions_app.domain.lifecycle import LIVING, KeyState, Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, Tenant
from sessions_app.models.statements import Answer, Statement
from sessions_app.services.access import keys
from sessions_app.services.ingest import batches, beats, ports
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.services.lifecycle import ending, expiry, opening, promotion, resuming, snapshot_requests
from sessions_app.services.operations.history import EA, GATEWAY, Actor
from sessions_app.transport.inbound.decoding import read_arrival
from tests.histories.clock import Clock

INTERVAL: Final = 30
TIMEOUT: Final = 90
ASK_AGAIN: Final = 30.0
DESK: Final = Actor("desk")
NOW: Final = float("inf")
"""Heard at this moment of the monotonic clock: received at the very moment of the batch."""


class Terminal(Protocol):
    """What a link tells its terminal."""

    name: str

    def receive(self, seq: int, frame_id: UUID, kind: str, payload: dict[str, Any]) -> None: ...
    def asked(self, request: dict[str, Any]) -> None: ...
    def ended(self, reason: str) -> None: ...
    def promoted(self) -> None: ...


@dataclass(slots=True)
class Frame:
    """One frame of a terminal. `seq` None: not numbered (yet)."""

    kind: str
    payload: dict[str, Any]
    frame_id: UUID
    seq: int | None = None
    born: float = 0.0
    stored_at: float | None = None


@dataclass(eq=False, slots=True)
class Link:
    """One link of a session. `sent`: the top of the command log that was pushed here; `alive`: it stands."""

    terminal: Terminal
    token: str
    standing: queries.Standing
    sent: int
    resumed: bool
    alive: bool = True
    asked_at: float = float("-inf")
    busy_until: float = 0.0

    @property
    def ready(self) -> bool:
        return self.introduced and not self.standing.needs_snapshot

    @property
    def introduced(self) -> bool:
        return self.alive and self.standing.state == SessionStatus.AUTHENTICATED and self.standing.initialised


@dataclass(slots=True)
class Account:
    """A broker account with its key. `approved_at`: when a person approved it; infinity while it is pending."""

    row: BrokerAccount
    key: AuthKey
    approved_at: float = 0.0
    tokens: dict[UUID, str] = field(default_factory=dict)

    @property
    def pk(self) -> UUID:
        return self.row.id


class _Clocked:
    """A statement whose last column is the database's clock, with ours in its place."""

    def __init__(self, clock: Clock, build: Callable[[], Any]) -> None:
        self._clock, self._statement = clock, _compiled(build)

    def read(self, **values: Any) -> list[Any]:
        return self.send(**values).read()

    def send(self, **values: Any) -> Answer[Any]:
        return self._statement.send(**values).of(lambda rows: [(*row[:-1], self._clock.now) for row in rows])


@cache
def _compiled(build: Callable[[], Any]) -> Statement:
    """Once in a process, not in each history."""
    return Statement(build)


class Gateway:
    """`raised`: what services have raised, with its traceback: nothing may."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock, self._rng = clock, rng
        self._links: list[Link] = []
        # PostgreSQL has a clock of its own, which knows nothing of ours.
        moment = DateTimeField()
        self._one_clock: list[Any] = [
            patch.object(queries, "database_now", lambda: clock.now),
            patch.object(queries, "send_for_clock", lambda: lambda: clock.now),
            patch.object(queries, "clock", lambda: Value(clock.now, output_field=moment)),
            # These are compiled once, with the database's clock in their last column.
            patch.object(batches, "_SESSIONS", _Clocked(clock, batches._lock_sessions)),
            patch.object(beats, "_LOCKED", _Clocked(clock, beats._sessions)),
            patch.object(queries, "_STANDINGS", _Clocked(clock, queries._standings)),
        ]
        for hand in self._one_clock:
            hand.start()
        self._stop_listening = doorbell.listen(self._ring)
        self._ids, self._keys = itertools.count(1), itertools.count(1)
        self.raised: list[str] = []
        self.refused: list[str] = []
        self.active_at = 0.0
        self.tenant = Tenant.objects.create(
            name="Histories", created_at=clock.now, heartbeat_interval=INTERVAL, heartbeat_timeout=TIMEOUT
        )

    def close(self) -> None:
        self._stop_listening()
        for hand in self._one_clock:
            hand.stop()

    def id(self) -> UUID:
        """The next id of a frame, the same in every run of a history."""
        return UUID(int=(0x0192 << 112) | (7 << 76) | (2 << 62) | next(self._ids))

    # Accounts and links --------------------------------------------------------------------------------------------

    def admit(self, name: str, *, pending: bool = False) -> Account:
        """A new account, its key approved long ago, for an approval costs as much as a trade; or `pending`."""
        now = self._clock.now
        row = BrokerAccount.objects.create(tenant=self.tenant, account_id=name, claimed_as=name, created_at=now)
        return Account(row, self._new_key(row, pending=pending), float("inf") if pending else 0.0)

    def _new_key(self, row: BrokerAccount, *, pending: bool = False) -> AuthKey:
        now = self._clock.now
        decided: dict[str, Any] = {
            "state": KeyState.APPROVED, "decided_at": now, "decided_as": "operator", "decision_reason": "known",
        }  # fmt: skip
        return AuthKey.objects.create(
            account=row,
            fingerprint=f"key {next(self._keys)}",
            key_hash="-",
            requested_at=now,
            **({} if pending else decided),
        )

    def approve(self, account: Account) -> None:
        """A person says yes to the account's key."""
        account.approved_at = self._clock.seconds
        keys.approve(key_id=account.key.id, by=DESK, reason="known")

    def give_key(self, account: Account) -> AuthKey:
        """Another key, approved beside the former one, which is returned."""
        former, account.key = account.key, self._new_key(account.row)
        return former

    def revoke(self, key: AuthKey) -> None:
        keys.revoke(key_id=key.id, by=DESK, reason="replaced")

    def connect(self, terminal: Terminal, account: Account, token: str | None, hello: Mapping[str, Any]) -> Link:
        """Resume the session of this token, or open one."""
        greeting = msgspec.convert(dict(hello), Hello, strict=False)
        resumed = resuming.resume(token=token, hello=greeting) if token else None
        again = resumed is not None and resumed.standing.state in LIVING
        if resumed is None or not again:
            request = opening.Request(auth_method="account_session_key", platform="sdk")
            token = opening.open_session(key=account.key, request=request).token
            resumed = resuming.resume(token=token, hello=greeting)
        link = Link(terminal, token or "", resumed.standing, resumed.resume_from, again)
        for other in self._links:
            if other.standing.session_id == link.standing.session_id:
                other.alive = False
        self._links.append(link)
        self._tend(link)
        return link

    def drop(self, link: Link | None) -> None:
        """The link is lost; its session stays until the heartbeat timeout."""
        if link is not None:
            link.alive = False

    # Up ------------------------------------------------------------------------------------------------------------

    def send(self, link: Link, frames: Sequence[Frame], *, ack: int | None = None) -> list[Arrival]:
        """Frames of one link in one batch, behind an acknowledgement."""
        return self.send_all([(link, frame) for frame in frames], acks=[] if ack is None else [(link, ack)])

    def send_all(self, sent: Sequence[tuple[Link, Frame]], acks: Sequence[tuple[Link, int]] = ()) -> list[Arrival]:
        """Frames of many links in one batch, as one writer takes them."""
        if acks or any(frame.seq is not None for _, frame in sent):
            self.active_at = self._clock.seconds
        arrivals = [self._ack(link, upto) for link, upto in acks]
        own = [self._arrival(link, frame) for link, frame in sent]
        self._store([*arrivals, *own])
        return own

    def _arrival(self, link: Link, frame: Frame) -> Arrival:
        payload = dict(frame.payload)
        if frame.seq is not None:
            payload["age_ms"] = max(0, round((self._clock.seconds - frame.born) * 1000))
        envelope = {"v": 1, "type": frame.kind, "id": str(frame.frame_id), "seq": frame.seq, "payload": payload}
        read = read_envelope(msgspec.json.encode(envelope))
        bound = ports.bound().frames[read.type]
        arrival = read_arrival(read, bound, cast(Any, SimpleNamespace(standing=link.standing)))
        arrival.heard, arrival.source = NOW, link
        return arrival

    def _ack(self, link: Link, upto: int) -> Arrival:
        standing = link.standing
        return Arrival(
            session_id=standing.session_id, account_pk=standing.account_pk, fence=standing.fence, kind="Ack",
            frame_id=self.id(), seq=None, payload=Ack(ack=upto), digest=b"", heard=NOW, source=link,
        )  # fmt: skip

    def _store(self, arrivals: Sequence[Arrival]) -> None:
        """As the ingest writer does: a batch that raises is tried frame by frame, and who fails alone is refused."""
        try:
            self._after_commit(batches.store(arrivals=arrivals), arrivals)
            return
        except Exception:  # noqa: BLE001 - whatever a service raises is a finding
            if len(arrivals) > 1:
                for arrival in arrivals:
                    self._store([arrival])
                return
            self._note_raised(f"{arrivals[0].kind} {arrivals[0].payload}")
        if arrivals[0].seq is not None:
            arrivals[0].payload, arrivals[0].refusal = None, Refused("poisoned")
            self._store(arrivals)

    def _note_raised(self, what: str) -> None:
        self.raised.append(f"{what}\n{traceback.format_exc(limit=-6)}")

    def _after_commit(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            if arrival.fate is Fate.REFUSED and arrival.refusal is not None:
                self.refused.append(f"{arrival.kind}: {arrival.refusal.code} {arrival.refusal} {arrival.payload}")
        touched = {
            arrival.session_id for arrival in arrivals if ports.bound().frames[arrival.kind].type.renews_standing
        }
        grown = {account: doorbell.News(top) for account, top in batch.tops.items()}
        self._ring(doorbell.Ring(frozenset(batch.changed_sessions | touched), grown))
        snapshot_requests.ask_for_books(batch=batch)
        for session_id in batch.promotable:
            promotion.promote_session(session_id=session_id)
        for session_id in batch.leaving:
            ending.close_session(session_id=session_id, reason=Reason.SHUTDOWN_BY_EA, actor=EA)
        for session_id in batch.expelled:
            ending.close_session(session_id=session_id, reason=Reason.PROTOCOL_ERROR, actor=GATEWAY, note="expelled")

    # Down ----------------------------------------------------------------------------------------------------------

    def _ring(self, news: doorbell.Ring) -> None:
        for link in [item for item in self._links if item.alive]:
            if link.standing.session_id in news.sessions:
                self._renew([link])
            elif news.accounts.get(link.standing.account_pk, doorbell.News(0)).top > link.sent:
                self._pump(link)

    def _renew(self, links: Sequence[Link]) -> None:
        standings = queries.standings([link.standing.session_id for link in links])
        for link in links:
            standing = standings.get(link.standing.session_id)
            if standing is not None and link.alive:
                promoted = link.standing.state != standing.state == SessionStatus.AUTHENTICATED
                link.standing = standing
                if promoted:
                    link.terminal.promoted()
                self._tend(link)

    def _tend(self, link: Link) -> None:
        """Bring a link up to its session's row."""
        if link.standing.state not in LIVING:
            link.alive = False
            link.terminal.ended(link.standing.close_reason)
            return
        if link.standing.top_seq > link.sent:
            self._pump(link)
        if link.introduced and link.standing.snapshot_due and self._clock.seconds >= link.asked_at + ASK_AGAIN:
            link.asked_at = self._clock.seconds
            request = ports.bound().snapshot_request(link.standing.account_pk, link.standing.snapshot_reason)
            asked = msgspec.to_builtins(request, enc_hook=str)
            self._later(link, lambda: link.terminal.asked(asked))

    def _pump(self, link: Link) -> None:
        if not link.ready:
            return
        account = link.standing.account_pk
        pages = ports.bound().commands_after({account: (link.sent, link.sent + 200)})
        for frame in pages[account].frames if account in pages else ():
            link.sent = max(link.sent, frame.last)
            self.active_at = self._clock.seconds
            self._push(link, frame)

    def _push(self, link: Link, frame: LogFrame) -> None:
        payload = msgspec.json.decode(frame.payload)
        self._later(link, lambda: link.terminal.receive(frame.seq, frame.frame_id, frame.kind, payload))

    def _later(self, link: Link, act: Any) -> None:
        """In the order of the link, a moment later, if it still stands."""
        link.busy_until = max(link.busy_until, self._clock.seconds) + self._rng.uniform(0.01, 0.2)
        self._clock.after(link.busy_until - self._clock.seconds, lambda: act() if link.alive else None)

    # The sweep -----------------------------------------------------------------------------------------------------

    def beat(self, funds: Mapping[Link, Mapping[str, Any]]) -> None:
        """One heartbeat of every link that stands."""
        beats = [(link, Frame("StatusHeartbeat", dict(told), self.id())) for link, told in funds.items()]
        if beats:
            self.send_all(beats)

    def sweep(self) -> None:
        """What each gateway process does every few seconds, from the rows alone."""
        for step in (expiry.expire_overdue, ports.bound().carry_out_due):
            try:
                step()
            except Exception:  # noqa: BLE001 - whatever a service raises is a finding
                self._note_raised(f"sweep {step.__name__}")
        self._links = [link for link in self._links if link.alive]
        self._renew(self._links)
