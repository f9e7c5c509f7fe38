"""What every terminal does: an outbox on its disk, a session, snapshots of its book, by docs/protocol.md."""

import hashlib
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from sessions_app.services.ingest.ports import Fate
from tests.histories.broker import Broker, Ticket
from tests.histories.clock import Clock
from tests.histories.gateway import Account, Frame, Gateway, Link

SPREAD: Final = Decimal("0.00010")
PREEMPTED: Final = "preempted"
NEVER_AGAIN: Final = frozenset({PREEMPTED, "key_revoked", "key_rejected", "account_suspended"})


class BaseTerminal:
    """One installation. Its outbox and counters are its disk: they outlive a crash, not `forget`.

    `stored`: the frames that the gateway has acknowledged as taken. `twice`, `shuffled`: chances of trouble.
    """

    def __init__(
        self, name: str, *, clock: Clock, rng: random.Random, gateway: Gateway, account: Account, broker: Broker
    ) -> None:
        self.name = name
        self.clock, self.rng, self.gateway, self.account, self.broker = clock, rng, gateway, account, broker
        self.outbox: list[Frame] = []
        self.stored: list[Frame] = []
        self.token: str | None = None
        self.link: Link | None = None
        self.running = self.online = False
        self.stopped = ""
        self.twice = self.shuffled = 0.0
        self.log: Callable[[str], None] = lambda _: None
        self.on_introduced: Callable[[], None] = lambda: None
        self.untold: set[int] = set()  # magic numbers of which a report was lost, until a book is told
        self._life = 0
        self._numbered = 0
        self._is_introduced = False

    # Life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.running = self.online = True
        self.stopped = ""
        self.connect()

    def crash(self) -> None:
        """The process is gone, with everything that it was about to do; its session stays until it is overdue."""
        self.running = False
        self._life += 1
        self.gateway.drop(self.link)
        self.link = None

    def lose_line(self) -> None:
        self.online = False
        self.gateway.drop(self.link)
        self.link = None

    def find_line(self) -> None:
        self.online = True
        self.connect()

    @property
    def connected(self) -> bool:
        return self.link is not None and self.link.alive

    def connect(self) -> None:
        """Resume, or open a session; say who we are; send what waits."""
        if not self.running or not self.online or self.connected or self.stopped:
            return
        self.link = self.gateway.connect(self, self.account, self.token, self.hello())
        new = not self.link.resumed
        self.token = self.link.token
        self.greeted()
        self._number_again(0 if new else self.link.standing.stored_seq, new=new)
        if new or not self._is_introduced:
            self._introduce()
        if new:
            self.gateway.beat({self.link: self.funds()})
        self.flush()

    def list_again(self) -> None:
        """What the broker lists has changed: told now, or when the line stands again."""
        self._is_introduced = False
        if self.link is not None and self.connected and self.running:
            self._introduce()

    def _introduce(self) -> None:
        self.gateway.send(cast(Link, self.link), [Frame("InitRequest", self.introduction(), self.gateway.id())])
        self._is_introduced = True
        self.on_introduced()

    def change_key(self) -> None:
        """A person has given it the account's other key: it opens a session of its own with it."""
        self.gateway.drop(self.link)
        self.link = self.token = None
        self.connect()

    def ended(self, reason: str) -> None:
        """The gateway says that the session has ended."""
        self.log(f"session ended: {reason}")
        self.link = None if reason not in NEVER_AGAIN else self.link
        if reason in NEVER_AGAIN:
            self.stopped = reason
            return
        self.token = None
        self.later(1.0, self.connect)

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """In so many seconds, unless this process has crashed by then."""
        life = self._life
        self.clock.after(seconds, lambda: act() if life == self._life and self.running else None)

    # Overridden ----------------------------------------------------------------------------------------------------

    def hello(self) -> dict[str, Any]:
        return {"installation_id": self.name}

    def greeted(self) -> None:
        """The session has begun or goes on."""

    def introduction(self) -> dict[str, Any]:
        spec = self.broker.spec
        symbols = [
            {"name": name, "digits": 5, "contract_size": "100000", "lots_min": str(spec.lots_min), "tick_value": "1",
             "lots_step": str(spec.lots_step), "lots_max": str(spec.lots_max), "tick_size": "0.00001",
             "quote_currency": "USD"}
            for name in sorted(self.broker.symbols)
        ]  # fmt: skip
        return {"currency": "USD", "symbols": symbols}

    def promoted(self) -> None:
        """The session's key was approved, and the session is in charge."""

    def funds(self) -> dict[str, Any]:
        return {"balance": "1000000", "equity": "1000000", "free_margin": "900000", "connected": True}

    def receive(self, seq: int, frame_id: UUID, kind: str, payload: dict[str, Any]) -> None:
        raise AssertionError(f"{self.name} is sent {kind}")

    def applied(self) -> int:
        return 0

    # The outbox ----------------------------------------------------------------------------------------------------

    def put(self, kind: str, payload: dict[str, Any]) -> Frame:
        """Write a frame down, and send it when the line stands."""
        frame = Frame(kind, payload, self.gateway.id(), born=self.clock.seconds)
        place = len(self.outbox)
        if self.shuffled and place and self.outbox[-1].seq is None and self.rng.random() < self.shuffled:
            place -= 1
        self.outbox.insert(place, frame)
        self.later(self.rng.uniform(0.01, 0.3) + (2.0 if self.rng.random() < self.shuffled else 0.0), self.flush)
        return frame

    def flush(self, ack: int | None = None) -> None:
        """Send everything that the gateway has not acknowledged."""
        link = self.link
        # Who was preempted finishes what it holds: its reports are facts.
        stands = link is not None and (link.alive or self.stopped == PREEMPTED)
        if link is None or not self.online or not self.running or not stands:
            return
        for frame in self.outbox:
            if frame.seq is None:
                self._numbered += 1
                frame.seq = self._numbered
        frames = self.outbox[:100]
        if not frames and ack is None:
            return
        for frame, arrival in zip(frames, self.gateway.send(link, frames, ack=ack), strict=True):
            self._hear(frame, arrival.fate, final=arrival.refusal is None or arrival.refusal.problem.final)

    def _hear(self, frame: Frame, fate: Fate, *, final: bool) -> None:
        if fate not in (Fate.APPLY, Fate.REPEAT, Fate.QUARANTINED) and not (fate is Fate.REFUSED and final):
            return
        if frame in self.outbox:
            self.outbox.remove(frame)
        if fate is not Fate.REFUSED:
            frame.stored_at = self.clock.seconds
            self.stored.append(frame)
        if self.rng.random() < self.twice:
            self.later(self.rng.uniform(0.2, 8.0), lambda: self._send_again(frame, self.link))

    def _send_again(self, frame: Frame, link: Link | None) -> None:
        """A lost acknowledgement: the same frame under its number; or a lost outbox: the same fact under another id."""
        if link is None or not link.alive:
            return
        # The stops before the last ones, told as news, would be another change.
        same = self.rng.random() < 0.5 or frame.payload.get("action") == "modify"
        if same and link is not self.link:
            return
        if same:
            self.gateway.send(link, [Frame(frame.kind, frame.payload, frame.frame_id, frame.seq, frame.born)])
        else:
            self.outbox.append(Frame(frame.kind, frame.payload, self.gateway.id(), born=frame.born))
            self.flush()

    def _number_again(self, stored: int, *, new: bool) -> None:
        if new:
            self._numbered = 0
        for frame in list(self.outbox):
            if not new and frame.seq is not None and frame.seq <= stored:
                self.outbox.remove(frame)
                frame.stored_at = self.clock.seconds
                self.stored.append(frame)
            elif new:
                frame.seq = None

    # Snapshots -----------------------------------------------------------------------------------------------------

    def asked(self, request: dict[str, Any]) -> None:
        self.later(self.rng.uniform(0.1, 1.0), lambda: self._tell_book(request))

    def _tell_book(self, request: dict[str, Any]) -> None:
        if self.link is None or not self.connected:
            return
        applied = self.applied()
        tickets = self.broker.tickets.values()
        positions = [self._shown(item) for item in tickets if not item.working]
        orders = [{**self._shown(item), "order_type": item.order_type} for item in tickets if item.working]
        quotes = [
            {"symbol": name, "bid": "1.10000", "ask": str(Decimal("1.10000") + SPREAD)}
            for name in sorted({item.symbol for item in tickets})
        ]
        content = hashlib.sha256(repr((positions, orders)).encode()).hexdigest()[:16]
        told: dict[str, Any] = {
            "phase": "report", "request_id": request.get("request_id"), "hash": content, "quotes": quotes,
            "applied_server_seq": applied, "balance": self.funds()["balance"], "equity": self.funds()["equity"],
        }  # fmt: skip
        if request.get("hash") == content:
            told["same"] = True
        else:
            told |= {"positions": positions, "working_orders": orders}
        self.gateway.send(self.link, [Frame("SyncSnapshot", told, self.gateway.id())])
        self.untold.clear()

    def _shown(self, item: Ticket) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "ticket": item.number, "symbol": item.symbol, "side": item.side, "lots": str(item.lots),
            "price": str(item.price), "sl": str(item.sl), "tp": str(item.tp), "magic": item.magic,
        }  # fmt: skip
        return shown if item.parent is None else {**shown, "parent_ticket": item.parent}
