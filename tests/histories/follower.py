"""A follower's EA, written from docs/protocol.md: a ledger on its disk, one order at a time for each copy, and no order
sent twice. What it cannot know it asks its broker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

from tests.histories.broker import NO_TICKET, REQUOTE, ZERO, Refusal, Ticket
from tests.histories.faults import Kind
from tests.histories.terminal import BaseTerminal
from tests.histories.trouble import OPENS, Fault, Trouble, share

SEARCH_WINDOW: Final = 60.0
HASTY: Final = 1.0
NO_ANSWER: Final = 128
RECEIVED, SENDING, ASKING, DONE = "received", "sending", "asking", "done"
Report = dict[str, Any]


@dataclass(slots=True)
class Entry:
    """One command in the ledger. `parts`: what is still to fill. `sent_at`: when the broker was called."""

    command: dict[str, Any]
    seq: int
    state: str = RECEIVED
    sent_at: float = 0.0
    told: list[Report] = field(default_factory=list)

    @property
    def action(self) -> str:
        return str(self.command["action"])

    @property
    def magic(self) -> int:
        return int(self.command["magic"])

    @property
    def copy_no(self) -> int:
        return int(self.command["copy_no"])

    def decimal(self, name: str) -> Decimal:
        return Decimal(self.command.get(name) or 0)


class FollowerTerminal(BaseTerminal):
    """`window`: for how long it searches before it says that its broker has nothing. `loses`: the chance that a report
    of something done is lost for good. `faults`: what it has seen of the gateway that no gateway may do.
    """

    trouble: Trouble

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.window, self.loses = SEARCH_WINDOW, 0.0
        self.slow = False
        self.balance = "1000000"
        self.ledger: dict[UUID, Entry] = {}
        self.last_seq, self.last_id = 0, ""
        self.epoch = ""
        self.top_copy_no = 0
        self.faults: list[str] = []
        self.on_own_act: Callable[[int, Decimal], None] = lambda magic, left: None
        self._busy: set[int] = set()
        self._acked = 0

    # Its disk ------------------------------------------------------------------------------------------------------

    def hello(self) -> dict[str, Any]:
        told: dict[str, Any] = {"installation_id": self.name, "max_copy_no_seen": self.top_copy_no}
        if self.epoch:
            told |= {"epoch": self.epoch, "last_server_seq": self.last_seq, "ledger_head": self.last_seq}
            if self.last_id:
                told["last_server_id"] = self.last_id
        return told

    def funds(self) -> dict[str, Any]:
        return {**super().funds(), "balance": self.balance, "equity": self.balance, "free_margin": self.balance}

    def greeted(self) -> None:
        self.promoted()
        # First what was sent: what stands behind it in its copy's order has to wait for it.
        for entry in self.ledger.values():
            if entry.state == SENDING and entry.copy_no not in self._busy:
                self._busy.add(entry.copy_no)
                self.later(0.5, partial(self._search, entry))
        for entry in self.ledger.values():
            self._next(entry.copy_no)

    def promoted(self) -> None:
        """Who waits for approval is told an epoch of his own, under which nothing comes: the true one follows."""
        told = str(self.link.standing.epoch) if self.link else ""
        if self.epoch and told != self.epoch:
            if self.last_seq:
                self.faults.append(f"a new epoch {told} after {self.epoch}")
            self.last_seq, self.last_id = 0, ""
        self.epoch = told

    def crash(self) -> None:
        super().crash()
        self._busy.clear()
        for entry in self.ledger.values():
            if entry.state == ASKING:
                entry.state = SENDING

    def applied(self) -> int:
        """The highest number up to which everything has been told."""
        open_ = [entry.seq for entry in self.ledger.values() if not entry.told]
        return min(open_) - 1 if open_ else self.last_seq

    # Commands ------------------------------------------------------------------------------------------------------

    def receive(self, seq: int, frame_id: UUID, kind: str, payload: dict[str, Any]) -> None:
        last = int(payload["next"]) - 1 if kind == "GapFill" else seq
        if last <= self.last_seq:
            return
        if seq > self.last_seq + 1:
            self.faults.append(f"number {seq} came after {self.last_seq}")
        self.last_seq, self.last_id = last, str(frame_id) if kind == "OrderCommand" else ""
        if kind == "OrderCommand":
            self._write_down(Entry(payload, seq))
        else:
            self._skip(seq, last)
        self.later(0.6, self._acknowledge)

    def _write_down(self, entry: Entry) -> None:
        command_id = UUID(entry.command["command_id"])
        if command_id in self.ledger:
            return
        others = [item for item in self.ledger.values() if item.copy_no == entry.copy_no and item.action in OPENS]
        if entry.action in OPENS and any(item.state != DONE for item in others):
            self.faults.append(f"a second opening of copy {entry.copy_no} while the first has no outcome")
        self.ledger[command_id] = entry
        self.top_copy_no = max(self.top_copy_no, entry.copy_no)
        self.log(f"got {_short(entry)}")
        self._next(entry.copy_no)

    def _skip(self, first: int, last: int) -> None:
        for entry in self.ledger.values():
            if first <= entry.seq <= last and entry.state == RECEIVED:
                entry.state = DONE

    def _acknowledge(self) -> None:
        if self.connected and self.last_seq > self._acked:
            self.flush()

    def flush(self, ack: int | None = None) -> None:
        """What waits goes out with the acknowledgement of what is in the ledger."""
        ack = self.last_seq if self.connected and self.last_seq > self._acked else None
        self._acked = self.last_seq if ack is not None else self._acked
        super().flush(ack)

    def _next(self, copy_no: int) -> None:
        """One order at a time for each copy, in the order of their numbers."""
        waiting = [item for item in self.ledger.values() if item.copy_no == copy_no and item.state == RECEIVED]
        if waiting and copy_no not in self._busy:
            self._busy.add(copy_no)
            self.later(self.rng.uniform(0.02, 0.4), lambda: self._execute(waiting[0]))

    def _execute(self, entry: Entry) -> None:
        if entry.state != RECEIVED:
            self._free(entry)
            return
        known = self._known_already(entry)
        if known is not None:
            self._finish(entry, known)
            return
        entry.state, entry.sent_at = SENDING, self.clock.seconds
        fault = self.trouble.draw(entry.action, self.broker) or Fault()
        if fault.timeout:
            self.log(
                f"broker gives no answer to {_short(entry)}, {'never' if fault.late is None else f'{fault.late:.1f} s'}"
            )
            if fault.late is not None:
                self.clock.after(fault.late, partial(self._carry_out, entry, fault))
            self.later(min(fault.late or 2.0, 2.0) * 0.9, lambda: self._unanswered(entry))
            return
        answer: list[Report] = []
        took = self.rng.uniform(1, 20) if self.slow and not self.trouble.calm else self.rng.uniform(0.03, 0.5)
        # The broker's side goes on whatever becomes of this process.
        self.clock.after(took, lambda: answer.append(self._carry_out(entry, fault)))
        self.later(took + 0.01, lambda: self._answered(entry, answer[0]))

    def _carry_out(self, entry: Entry, fault: Fault) -> Report:
        try:
            if fault.code:
                raise Refusal(fault.code)
            return _ACTS[entry.action](self, entry, fault)
        except Refusal as no:
            if no.code == REQUOTE:
                self.trouble.note(Kind.REQUOTES.value)
            return {"status": "rejected", "error_code": no.code}

    def _answered(self, entry: Entry, report: Report) -> None:
        if entry.state == SENDING:
            self._finish(entry, report)

    def _finish(self, entry: Entry, report: Report) -> None:
        entry.state = DONE
        self.tell(entry, report)
        self._free(entry)

    def _free(self, entry: Entry) -> None:
        self._busy.discard(entry.copy_no)
        self._next(entry.copy_no)

    # What nobody knows ---------------------------------------------------------------------------------------------

    def _unanswered(self, entry: Entry) -> None:
        entry.state = ASKING
        self.tell(entry, {"status": "unknown", "error_code": NO_ANSWER})
        self.later(min(self.window, 5.0), lambda: self._search(entry))

    def _search(self, entry: Entry) -> None:
        """Ask the broker: by magic number for what opens, by the state for the rest."""
        found = self._looked_up(entry)
        if found is not None:
            self._finish(entry, found)
        elif self.clock.seconds - entry.sent_at >= self.window:
            self._finish(entry, {"status": "unknown", "found": False})
        else:
            entry.state = ASKING
            self.later(min(self.window, 5.0), lambda: self._search(entry))

    def _looked_up(self, entry: Entry) -> Report | None:
        if entry.action in OPENS:
            report = self._opened_already(entry.magic)
            if report is None and any(
                change.magic == entry.magic and change.lots > 0 for change in self.broker.journal
            ):
                lots = sum((c.lots for c in self.broker.journal if c.magic == entry.magic and c.lots > 0), ZERO)
                return {"status": "filled", "lots": str(lots), "price": "1.10000", **self._ticket_of(entry)}
            return None if report is None else {name: report[name] for name in report if name != "already"}
        report = self._known_already(entry)
        if entry.action == "modify" and report is not None and report["status"] == "rejected":
            return report
        return None if report is None else {name: report[name] for name in report if name != "already"}

    def _ticket_of(self, entry: Entry) -> Report:
        return {"ticket": 2_000_000_000 + entry.copy_no}

    def _opened_already(self, magic: int) -> Report | None:
        for item in self.broker.held(magic):
            lots, price = str(self.broker.lots(magic)), str(item.price)
            return {"status": "filled", "already": True, "ticket": item.number, "lots": lots, "price": price,
                    "sl": str(item.sl), "tp": str(item.tp)}  # fmt: skip
        for item in self.broker.working(magic):
            return {"status": "placed", "already": True, "ticket": item.number, "lots": str(item.lots)}
        return None

    def _known_already(self, entry: Entry) -> Report | None:  # noqa: PLR0911 - one answer for each case
        """What needs no call of the broker: it is so already, it is too late, or there is nothing to act on."""
        held, working = self.broker.held(entry.magic), self.broker.working(entry.magic)
        if entry.action in OPENS:
            until = entry.command.get("valid_until")
            late = entry.state == RECEIVED and until and self.clock.now > datetime.fromisoformat(until)
            return self._opened_already(entry.magic) or ({"status": "expired"} if late else None)
        left = entry.decimal("lots_after")
        match entry.action:
            case "modify":
                return self._modified_already(entry, [*held, *working])
            case "close" | "partial_close" if not held and not working:
                return {"status": "closed", "already": True, "lots": "0", "remaining_lots": "0"}
            case "partial_close" if held and self.broker.lots(entry.magic) <= left:
                lots = str(self.broker.lots(entry.magic))
                return {"status": "closed", "already": True, "remaining_lots": lots, "ticket": held[0].number}
            case "cancel" if not held and not working:
                return {"status": "cancelled", "already": True}
            case "cancel" if held and left:
                lots = str(self.broker.lots(entry.magic))
                return {"status": "closed", "already": True, "remaining_lots": lots, "ticket": held[0].number}
        return None

    def _modified_already(self, entry: Entry, items: list[Ticket]) -> Report | None:
        if not items:
            return {"status": "rejected", "error_code": NO_TICKET}
        item, price = items[0], entry.command.get("price")
        moved = item.working and price is not None and Decimal(price) != item.price
        if (item.sl, item.tp) == (entry.decimal("sl"), entry.decimal("tp")) and not moved:
            return {
                "status": "modified",
                "already": True,
                "sl": str(item.sl),
                "tp": str(item.tp),
                "ticket": item.number,
            }
        return None

    # What the broker does ------------------------------------------------------------------------------------------

    def _open(self, entry: Entry, fault: Fault) -> Report:
        command = entry.command
        order = Ticket(
            number=0, symbol=command["symbol"], side=command["side"], lots=entry.decimal("lots"),
            price=Decimal(command.get("price") or "1.1"), sl=entry.decimal("sl"), tp=entry.decimal("tp"),
            magic=entry.magic, working=entry.action == "place", order_type=command.get("order_type", "market"),
        )  # fmt: skip
        if order.working:
            placed = self.broker.send(order)
            return {"status": "placed", "ticket": placed.number, "lots": str(placed.lots)}
        shares = {share(order.lots, part, self.broker.spec) for part in fault.parts} or {order.lots}
        parts = sorted(lots for lots in shares if lots <= order.lots) or [order.lots]
        ticket = self.broker.send(order, filled=parts[0])
        self._fill_later(entry, ticket, parts)
        return self._filled(ticket, "filled" if len(parts) == 1 else "partially_filled")

    def _fill_later(self, entry: Entry, ticket: Ticket, parts: Sequence[Decimal]) -> None:
        """All parts but the first one."""
        delay = 0.0
        for lots in parts[1:]:
            delay += self.rng.uniform(1, 8)
            self.clock.after(delay, partial(self._more, entry, ticket, lots, lots == parts[-1]))

    def _more(self, entry: Entry, ticket: Ticket, lots: Decimal, last: bool) -> None:
        grown = self.broker.fill_more(ticket.number, lots)
        if grown is not None and self.running:
            self.tell(entry, self._filled(grown, "filled" if last else "partially_filled"))

    def _filled(self, ticket: Ticket, status: str) -> Report:
        return {"status": status, "ticket": ticket.number, "lots": str(ticket.lots), "price": str(ticket.price),
                "sl": str(ticket.sl), "tp": str(ticket.tp)}  # fmt: skip

    def _modify(self, entry: Entry, _: Fault) -> Report:
        price = entry.command.get("price")
        for item in [*self.broker.held(entry.magic), *self.broker.working(entry.magic)]:
            level = None if price is None else Decimal(price)
            self.broker.modify(item.number, sl=entry.decimal("sl"), tp=entry.decimal("tp"), price=level)
            return {"status": "modified", "ticket": item.number, "sl": str(item.sl), "tp": str(item.tp)}
        raise Refusal(NO_TICKET)

    def _close(self, entry: Entry, _: Fault) -> Report:
        """Everything, or down to `lots_after` for a part; a working order is deleted, and left alone by a part."""
        part = entry.action == "partial_close"
        for order in self.broker.working(entry.magic):
            if part:
                raise Refusal(NO_TICKET)
            self.broker.delete(order.number)
            return {"status": "cancelled", "ticket": order.number}
        left = entry.decimal("lots_after") if part else ZERO
        # Somebody may have closed a part meanwhile: what is there remains.
        report: Report = {"status": "closed", "already": True, "remaining_lots": str(self.broker.lots(entry.magic))}
        for item in self.broker.held(entry.magic):
            off = item.lots if not part else min(item.lots, self.broker.lots(entry.magic) - left)
            if off <= 0:
                continue
            rest = self.broker.close(item.number, off)
            report = {"status": "closed", "ticket": item.number, "lots": str(off), "price": "1.10100", "profit": "1.00",
                      "remaining_lots": str(rest.lots if rest else 0)}  # fmt: skip
            if rest is not None and rest.number != item.number:
                report["new_ticket"] = rest.number
        return report

    def _cancel(self, entry: Entry, fault: Fault) -> Report:
        for order in self.broker.working(entry.magic):
            self.broker.delete(order.number)
            return {"status": "cancelled", "ticket": order.number}
        return self._close(entry, fault)

    # Telling -------------------------------------------------------------------------------------------------------

    def tell(self, entry: Entry, report: Report) -> None:
        """Write a command's report down; some that say that something was done are lost for good."""
        entry.told.append(report)
        lost = not self.trouble.calm and report["status"] in ("filled", "closed", "modified", "placed")
        if lost and self.rng.random() < self.loses:
            self.log(f"LOST report of {_short(entry)}: {report}")
            self.untold.add(entry.magic)
            return
        self.log(f"reports {_short(entry)}: {report}")
        command = entry.command
        named = {"command_id": command["command_id"], "command_seq": entry.seq, "copy_no": entry.copy_no}
        self.put(
            "ExecutionReport",
            {**named, "attempt": command.get("attempt", 1), **report, "balance": self.balance, "equity": self.balance},
        )

    def tell_fact(self, cause: str, ticket: Ticket, lots: Decimal, rest: Ticket | None) -> None:
        """Something happened without the gateway: the terminal saw it, if it runs."""
        self.on_own_act(ticket.magic, rest.lots if rest is not None else ZERO)
        report: Report = {
            "status": "closed", "cause": cause, "ticket": ticket.number, "lots": str(lots), "price": "1.09900",
            "remaining_lots": str(rest.lots if rest else 0), "profit": "-1.00", "copy_no": ticket.magic & 0xFFFFFF,
            "balance": self.balance, "equity": self.balance,
        }  # fmt: skip
        if rest is not None and rest.number != ticket.number:
            report["new_ticket"] = rest.number
        if not self.running or (not self.trouble.calm and self.rng.random() < self.loses):
            self.log(f"nobody tells {report}")
            return
        self.log(f"tells {report}")
        self.put("ExecutionReport", report)

    def tell_triggered(self, ticket: Ticket, parts: Sequence[Decimal]) -> None:
        """A working order of ours has filled, up to the first of these lots; the others follow."""
        for entry in self.ledger.values():
            if entry.magic == ticket.magic and entry.action == "place" and self.running:
                self._fill_later(entry, ticket, parts)
                self.tell(entry, self._filled(ticket, "filled" if ticket.lots == ticket.wanted else "partially_filled"))
                return


def _short(entry: Entry) -> str:
    command = entry.command
    wanted = {name: command[name] for name in ("lots", "lots_after", "sl", "tp") if command.get(name) is not None}
    named = f"#{entry.seq} {entry.action} copy {entry.copy_no} of {command['position_id']}"
    return f"{named} try {command.get('attempt', 1)} {wanted}"


_ACTS: Final[dict[str, Callable[[FollowerTerminal, Entry, Fault], Report]]] = {
    "open": FollowerTerminal._open,
    "place": FollowerTerminal._open,
    "modify": FollowerTerminal._modify,
    "close": FollowerTerminal._close,
    "partial_close": FollowerTerminal._close,
    "cancel": FollowerTerminal._cancel,
}
