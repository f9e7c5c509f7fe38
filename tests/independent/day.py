"""One random day: a master and two followers trade through a gateway, and everything happens to them."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tests.independent.broker import ZERO, Broker, Position
from tests.independent.ea import SYMBOL, Disk, Ea
from tests.independent.expectation import Signal, differences

SETTLED: Final = 1.5
PATIENCE: Final = 90.0
SETTINGS: Final[Sequence[dict[str, Any]]] = (
    {},
    {"mode": "mirrored", "multiplier": "0.5"},
    {"mode": "mirrored", "multiplier": "3"},
    {"mode": "fixed_lots", "lots": "0.07"},
    {"mode": "balance_ratio"},
    {"mode": "balance_ratio", "multiplier": "1.7"},
)
OPEN, MODIFY, PART, CLOSE, CUT, RESTART, FORGET, HAND, HAND_PART, MASTER_RESTART, PHONE = range(11)
WEIGHTS: Final = (8, 3, 4, 4, 2, 2, 1, 1, 1, 1, 1)


@dataclass
class Desk:
    """One account: its broker, its terminal, and what any terminal of it was ever ordered to open."""

    account: str
    key: str
    broker: Broker
    settings: dict[str, Any]
    ea: Ea
    disks: list[Disk] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def opens(self) -> list[tuple[int, int, int]]:
        """(magic number, the master's position, attempt) of every opening order that any terminal of it received."""
        commands = [entry[0] for disk in self.disks for entry in disk.commands.values()]
        opens = [item for item in commands if item["action"] == "open"]
        return [(item["magic"], item["position_id"], item.get("attempt", 1)) for item in opens]

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way at this terminal, so that a hand may act without racing with it."""
        return self.ea.ready.is_set() and self.ea.disk.applied == self.ea.disk.have


class Day:
    """Everything of one seed. `accounts`: (name, key) of the master and his followers, provisioned with `settings`."""

    def __init__(self, seed: int, url: str, accounts: Sequence[tuple[str, str]]) -> None:
        self.seed, self._url = seed, url
        self._rng = random.Random(seed)
        self._began = time.monotonic()
        self.signals: dict[int, Signal] = {}
        self._tickets: dict[int, int] = {}
        self.log: list[str] = []
        settings = [{}, *settings_of(seed)]
        self.desks = [self._desk(*account, chosen) for account, chosen in zip(accounts, settings, strict=True)]
        self.master, *self.followers = self.desks

    def _desk(self, account: str, key: str, settings: dict[str, Any]) -> Desk:
        balance = Decimal(100000) * (1 if settings.get("mode") != "balance_ratio" else self._rng.choice((2, 5)))
        broker = Broker(account, random.Random(self._rng.random()), trouble=0.25, balance=balance)
        disk = Disk()
        ea = Ea(self._url, account, key, broker, disk, random.Random(self._rng.random()))
        return Desk(account, key, broker, settings, ea, [disk])

    # The day ------------------------------------------------------------------------------------------------------

    async def run(self, acts: int) -> list[str]:
        """Play it and wait for its end: what was wrong, a sentence each."""
        for desk in self.desks:
            desk.ea.start()
        try:
            for desk in self.desks:
                if not await desk.ea.is_ready(PATIENCE):
                    return [f"{desk.account} got no InitAck: {desk.ea.log[-5:]}"]
            await asyncio.sleep(0.5)
            for _ in range(acts):
                await self._act()
                await asyncio.sleep(self._rng.choice((0.0, 0.05, 0.3, 1.0)))
            return await self._end()
        finally:
            for desk in self.desks:
                desk.broker.stop()
                await desk.ea.kill()

    async def _end(self) -> list[str]:
        """Wait until every book is as it shall be, and stays so."""
        since, until = time.monotonic(), time.monotonic() + PATIENCE
        while time.monotonic() < until:
            await asyncio.sleep(0.1)
            if self._differences():
                since = time.monotonic()
            elif time.monotonic() - since > SETTLED and all(desk.idle for desk in self.followers):
                break
        found = self._differences()
        for desk in self.followers if found else ():
            await desk.ea.ask_commands()
        for desk in self.desks:
            found += desk.findings + desk.ea.findings
            twice = [magic & 0xFFFFFF for magic, most in desk.broker.peak.items() if magic and most > 1]
            found += [f"{desk.account}: copy {number} stood twice" for number in twice]
        return found

    def _differences(self) -> list[str]:
        return [
            f"{desk.account} ({desk.settings}): {text}"
            for desk in self.followers
            for text in differences(self.signals.values(), desk.settings, desk.broker, desk.opens)
        ]

    # Acts ---------------------------------------------------------------------------------------------------------

    async def _act(self) -> None:
        (act,) = self._rng.choices(range(len(WEIGHTS)), WEIGHTS)
        desk = self._rng.choice(self.followers)
        living = [signal for signal in self.signals.values() if signal.left]
        if act == OPEN or (act in (MODIFY, PART, CLOSE) and not living):
            self._open()
        elif act == MODIFY:
            self._modify(self._rng.choice(living))
        elif act == PART:
            self._part(self._rng.choice(living))
        elif act == CLOSE:
            self._close(self._rng.choice(living))
        elif act == CUT:
            self._note(f"the cable of {desk.account} is cut")
            await desk.ea.cut()
        elif act in (RESTART, FORGET):
            await self._restart(desk, forget=act == FORGET)
        elif act == MASTER_RESTART:
            await self._restart(self.master, forget=False)
        elif act == PHONE:
            await self._restart(self.master, forget=True, closed=self._rng.choice(living) if living else None)
        else:
            self._by_hand(desk, whole=act == HAND)

    async def _restart(self, desk: Desk, *, forget: bool, closed: Signal | None = None) -> None:
        """Kill it and start it again. `closed`: what its owner closes by phone meanwhile, which nobody tells."""
        await desk.ea.kill()
        # What a master has not told is not known to anybody but his files.
        forget = forget and not (desk is self.master and desk.ea.disk.outbox)
        self._note(f"{desk.account} restarts{', without its files' if forget else ''}")
        if closed is not None:
            self._note(f"{closed.position_id} is closed by phone")
            desk.broker.close_by_hand(self._tickets[closed.position_id])
            closed.left = ZERO
        desk.findings += desk.ea.findings
        desk.log += desk.ea.log
        down = self._rng.uniform(0, 1.5)
        disk = Disk() if forget else desk.ea.disk
        await asyncio.sleep(down)
        desk.disks += [disk] if forget else []
        desk.ea = Ea(self._url, desk.account, desk.key, desk.broker, disk, random.Random(self._rng.random()))
        desk.ea.start()

    def _by_hand(self, desk: Desk, *, whole: bool) -> None:
        held = [item for item in desk.broker.positions.values() if not item.filling]
        if not held or not desk.idle:
            return
        item = self._rng.choice(held)
        if whole:
            self._note(f"{desk.account} closes {item.ticket} by hand")
            desk.ea.tell_close(desk.broker.close_by_hand(item.ticket))
        elif item.lots > Decimal("0.02"):
            lots = (item.lots / 3).quantize(Decimal("0.01"))
            self._note(f"{desk.account} closes {lots} of {item.ticket} by hand")
            desk.ea.tell_part(item.ticket, lots, *desk.broker.take_by_hand(item.ticket, lots))

    # The master's -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        rng, broker = self._rng, self.master.broker
        lots = Decimal(rng.randint(1, 60)) / 100
        sl, tp = (Decimal("1.05"), Decimal("1.20")) if rng.random() < 0.5 else (ZERO, ZERO)
        side = rng.choice(("buy", "sell"))
        if side == "sell":
            sl, tp = tp, sl
        held = broker.place_by_hand(Position(0, str(SYMBOL["name"]), side, lots, sl, tp))
        self.signals[held.ticket] = Signal(held.ticket, side, lots, lots, sl, tp, broker.balance)
        self._tickets[held.ticket] = held.ticket
        self._intend("open", held.ticket, held.ticket, side=side, lots=str(lots), sl=str(sl), tp=str(tp), price="1.1")

    def _modify(self, signal: Signal) -> None:
        moved = Decimal(self._rng.randint(1, 99)) / 10000
        low, high = Decimal("1.05") + moved, Decimal("1.20") + moved
        signal.sl, signal.tp = (low, high) if signal.side == "buy" else (high, low)
        self.master.broker.set_by_hand(self._tickets[signal.position_id], signal.sl, signal.tp)
        self._intend("modify", signal.position_id, sl=str(signal.sl), tp=str(signal.tp))

    def _part(self, signal: Signal) -> None:
        if signal.left < Decimal("0.02"):
            return
        lots = Decimal(self._rng.randint(1, int(signal.left * 100) - 1)) / 100
        ticket = self._tickets[signal.position_id]
        left, new = self.master.broker.take_by_hand(ticket, lots)
        signal.left, self._tickets[signal.position_id] = left, new or ticket
        self._intend("partial_close", signal.position_id, ticket, lots=str(lots), remaining_lots=str(left),
                     new_ticket=new, price="1.1", profit="0")  # fmt: skip

    def _close(self, signal: Signal) -> None:
        lots = self.master.broker.close_by_hand(self._tickets[signal.position_id]).lots
        signal.left = ZERO
        self._intend("close", signal.position_id, lots=str(lots), price="1.1", profit="0", close_reason="manual")

    def _intend(self, action: str, position_id: int, ticket: int | None = None, **fields: Any) -> None:
        named = {"position_id": position_id, "ticket": ticket or self._tickets[position_id], "symbol": SYMBOL["name"]}
        money = {"balance": str(self.master.broker.balance), "equity": str(self.master.broker.balance)}
        self._note(f"master: {action} {position_id} {fields}")
        self.master.ea.durable("OrderIntent", {"action": action, **named, **fields, **money, "age_ms": 0})

    def _note(self, text: str) -> None:
        self.log.append(f"{time.monotonic() - self._began:6.1f} {text}")


def settings_of(seed: int) -> list[dict[str, Any]]:
    """The subscription settings of a seed's two followers."""
    return random.Random(-seed).sample(SETTINGS, 2)
