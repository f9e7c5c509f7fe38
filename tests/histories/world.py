"""The people and machines of one history, and its timeline."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from tests.histories import rows
from tests.histories.broker import Broker, Spec
from tests.histories.clock import Clock
from tests.histories.expectation import Terms
from tests.histories.faults import Kind
from tests.histories.follower import HASTY, FollowerTerminal
from tests.histories.gateway import Account, Gateway
from tests.histories.master import Master, MasterTerminal, Position
from tests.histories.trouble import Trouble

SYMBOLS: Final = ("EURUSD", "GBPUSD")
PLAIN: Final = Spec(Decimal("0.01"), Decimal("0.01"), Decimal(50))
COARSE: Final = Spec(Decimal("0.1"), Decimal("0.1"), Decimal(50))
SPECS: Final = (PLAIN, COARSE, Spec(Decimal("0.01"), Decimal("0.01"), Decimal("0.4")))
TICK: Final = 5.0
SLOW: Final = 6
BEAT: Final = 12
QUIET_AFTER: Final = 40.0
PENDING: Final = 0.6


@dataclass(frozen=True, slots=True)
class Listing:
    """What a terminal has told of its broker's symbols, and when."""

    at: float
    spec: Spec
    symbols: frozenset[str]


@dataclass(eq=False, slots=True)
class Follower:
    """A follower's account, his broker, and the installation that is in charge of it. `left`: what his own acts, or his
    broker's, have left of each magic number; `own_stops`: where he has set his own; `listings`: what
    his terminals have told of his broker's symbols.
    """

    name: str
    account: Account
    broker: Broker
    trouble: Trouble
    balance: Decimal
    terminal: FollowerTerminal
    all_symbols: frozenset[str]
    retired: list[FollowerTerminal] = field(default_factory=list)
    left: dict[int, Decimal] = field(default_factory=dict)
    own_stops: set[int] = field(default_factory=set)
    listings: list["Listing"] = field(default_factory=list)

    def listed(self, moment: float) -> list["Listing"]:
        """What the gateway knew of his broker from this moment on, the oldest first."""
        former = [item for item in self.listings if item.at <= moment][-1:]
        return former + [item for item in self.listings if item.at > moment]

    @property
    def terminals(self) -> list[FollowerTerminal]:
        return [*self.retired, self.terminal]


@dataclass(eq=False, slots=True)
class Subscribed:
    """One follower copies one master. `terms`, `states`: since when which ones are in force."""

    id: UUID
    master: Master
    follower: Follower
    all_terms: list[tuple[float, Terms]]
    states: list[tuple[float, str]] = field(default_factory=lambda: [(0.0, "active")])
    detached_at: float | None = None

    def was(self, state: str, since: float, until: float) -> bool:
        """Whether it was in this state at some time between these."""
        ends = [moment for moment, _ in self.states[1:]] + [float("inf")]
        return any(
            what == state and begun <= until and ended >= since
            for (begun, what), ended in zip(self.states, ends, strict=True)
        )

    @property
    def state(self) -> str:
        return self.states[-1][1]

    @property
    def terms(self) -> Terms:
        """Those of now."""
        return self.all_terms[-1][1]

    def decided_at(self, position: Position) -> float | None:
        """When the position's open was decided: as it was stored, or as its terminal's key was approved."""
        told = position.told_open
        if told is None or told.stored_at is None:
            return None
        return max(told.stored_at, self.master.terminal.account.approved_at)

    def terms_of(self, position: Position) -> Terms:
        """Those that a position was decided by: a copy stays as it was made."""
        moment = self.decided_at(position) or 0.0
        return [terms for since, terms in self.all_terms if since <= moment][-1]


class World:
    """`lines`: the timeline."""

    def __init__(self, clock: Clock, rng: random.Random, kinds: Collection[Kind]) -> None:
        self.clock, self.rng, self.kinds = clock, rng, kinds
        self.lines: list[str] = []
        self.gateway = Gateway(clock, rng)
        self.masters: list[Master] = []
        self.master_accounts: dict[Master, Account] = {}
        self.former_masters: list[MasterTerminal] = []
        self.followers: list[Follower] = []
        self.subscriptions: list[Subscribed] = []
        self.watchers: list[Any] = []
        self.broken: list[str] = []
        self._due = rows.Due()
        self._names = 0
        self._ticks = 0

    def say(self, who: str, what: str) -> None:
        self.lines.append(f"{self.clock.seconds:8.2f}  {who:<14} {what}")

    # Making --------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        rng = self.rng
        two = Kind.TWO_MASTERS in self.kinds
        for number in range(2 if two else rng.choice((1, 1, 2))):
            self._add_master(number)
        for number in range(rng.choice((1, 2, 2, 3))):
            self._add_follower(number)
        for follower in self.followers:
            chosen = [master for master in self.masters if two or rng.random() < 0.8] or [self.masters[0]]
            for master in chosen:
                self._subscribe(master, follower)
        self.clock.after(TICK, self._tick)
        self.clock.advance(3)

    def _add_master(self, number: int) -> None:
        name = f"master-{number + 1}"
        account = self._admit(f"broker-a:{100 + number}")
        # The tickets of two brokers may be the same numbers.
        first = 7_000 if self.rng.random() < 0.5 else 7_000 + 5_000 * number
        broker = Broker(self.clock, PLAIN, set(SYMBOLS), first=first, new_tickets=self.rng.random() < 0.6)
        terminal = self._master_terminal(name, account, broker)
        master = Master(self.clock, broker, terminal)
        self.masters.append(master)
        self.master_accounts[master] = account
        terminal.start()

    def _admit(self, name: str) -> Account:
        pending = Kind.LATE_APPROVALS in self.kinds and self.rng.random() < PENDING
        if pending:
            self.say("desk", f"has not approved the key of {name} yet")
        return self.gateway.admit(name, pending=pending)

    def _master_terminal(self, name: str, account: Account, broker: Broker) -> MasterTerminal:
        made = MasterTerminal(
            self._installation(name),
            clock=self.clock,
            rng=self.rng,
            gateway=self.gateway,
            account=account,
            broker=broker,
        )
        made.log = lambda what: self.say(made.name, what)
        made.twice = 0.3 if Kind.INTENTS_TWICE in self.kinds else 0.0
        return made

    def new_master_terminal(self, master: Master) -> MasterTerminal:
        """A fresh installation for a master; the former one is gone."""
        self.former_masters.append(master.terminal)
        return self._master_terminal("master-new", self.master_accounts[master], master.broker)

    def _add_follower(self, number: int) -> None:
        rng, name = self.rng, f"follower-{number + 1}"
        account = self._admit(f"broker-b:{200 + number}")
        spec = rng.choice((PLAIN, PLAIN, COARSE))
        if Kind.LEGS in self.kinds and rng.random() < 0.7:
            spec = Spec(spec.lots_min, spec.lots_step, Decimal("0.4"))
        suffix = rng.choice(("", "", ".x"))
        symbols = {symbol + suffix for symbol in SYMBOLS}
        broker = Broker(self.clock, spec, symbols, first=90_000 + 20_000 * number, new_tickets=rng.random() < 0.6)
        trouble = Trouble(self.clock, random.Random(rng.random()), self.kinds)
        balance = rng.choice((Decimal(250_000), Decimal(1_000_000), Decimal(3_000_000)))
        follower = Follower(name, account, broker, trouble, balance, None, frozenset(symbols))  # type: ignore[arg-type]
        follower.terminal = self.new_terminal(follower)
        self.followers.append(follower)
        follower.terminal.start()

    def new_terminal(self, follower: Follower) -> FollowerTerminal:
        """Another installation at a follower, with a ledger of its own."""
        made = FollowerTerminal(
            self._installation(follower.name), clock=self.clock, rng=self.rng, gateway=self.gateway,
            account=follower.account, broker=follower.broker,
        )  # fmt: skip
        made.log = lambda what: self.say(made.name, what)
        made.trouble, made.balance = follower.trouble, str(follower.balance)
        made.twice = 0.2 if Kind.REPORTS_TWICE in self.kinds else 0.0
        made.shuffled = 0.25 if Kind.REPORTS_SHUFFLED in self.kinds else 0.0
        made.loses = 0.2 if Kind.REPORTS_LOST in self.kinds else 0.0
        made.window = HASTY if Kind.HASTY_NOT_FOUND in self.kinds else made.window
        made.slow = Kind.SLOW_ANSWERS in self.kinds
        made.on_own_act = follower.left.__setitem__
        made.on_introduced = lambda: follower.listings.append(
            Listing(self.clock.seconds, follower.broker.spec, frozenset(follower.broker.symbols))
        )
        return made

    def _installation(self, name: str) -> str:
        self._names += 1
        return f"{name}.{self._names}"

    def _subscribe(self, master: Master, follower: Follower) -> None:
        rng = self.rng
        has_suffix = any("." in symbol for symbol in follower.broker.symbols)
        terms = Terms(
            reverse=rng.random() < 0.15, force_min=rng.random() < 0.4,
            suffix=".x" if has_suffix else "", max_age=rng.choice((60, 60, 60, 300)),
            max_lots=Decimal("0.75") if rng.random() < 0.2 else None,
            **rng.choice(_MODES),
        )  # fmt: skip
        account = self.master_accounts[master]
        made = rows.subscribe(account.row, follower.account.row, self.clock.now, **_settings(terms))
        self.subscriptions.append(Subscribed(made, master, follower, [(0.0, terms)]))
        self.say(follower.name, f"copies {account.row.account_id}: {terms}, {follower.broker.spec}")

    def change_terms(self, sub: Subscribed) -> None:
        """A person at the desk lets it copy otherwise from now on."""
        rng = self.rng
        other = rng.choice((
            {"max_lots": rng.choice((None, Decimal("0.2"), Decimal("0.75")))},
            {"reverse": not sub.terms.reverse},
            rng.choice([mode for mode in _MODES if mode["mode"] == sub.terms.mode or rng.random() < 0.5] or _MODES),
        ))  # fmt: skip
        terms = replace(sub.terms, **{**(_PLAIN_MODE if "mode" in other else {}), **other})
        if terms == sub.terms:
            return
        rows.change_settings(sub.id, **_settings(terms))
        sub.all_terms.append((self.clock.seconds, terms))
        self.say("desk", f"{sub.follower.name} copies by other terms: {terms}")

    # Time ----------------------------------------------------------------------------------------------------------

    def terminals(self) -> list[MasterTerminal | FollowerTerminal]:
        return [*(master.terminal for master in self.masters), *(follower.terminal for follower in self.followers)]

    def _tick(self) -> None:
        """Heartbeats, and the sweep: every half minute, or sooner when a row says that its time has come."""
        self._ticks += 1
        if self._ticks % BEAT == 0:
            self.gateway.beat({item.link: item.funds() for item in self.terminals() if item.connected and item.link})
            for item in self.terminals():
                item.connect()
        slow = self._ticks % SLOW == 0
        if slow or self._due.is_anything(self.clock.now):
            self.gateway.sweep()
        if slow or self.clock.seconds - self.gateway.active_at < QUIET_AFTER:
            for watcher in self.watchers:
                watcher.look()
        self.clock.after(TICK, self._tick)


def _settings(terms: Terms) -> dict[str, Any]:
    return {
        "mode": terms.mode, "multiplier": terms.multiplier, "lots": terms.lots, "reverse": terms.reverse,
        "fixed_master_base": terms.master_base, "fixed_follower_base": terms.follower_base,
        "max_lots": terms.max_lots, "min_lots_policy": "force_min" if terms.force_min else "deny",
        "max_age_seconds": terms.max_age, "suffix": terms.suffix,
    }  # fmt: skip


_PLAIN_MODE: Final[dict[str, Any]] = {
    "multiplier": Decimal(1), "lots": None, "master_base": None, "follower_base": None,
}  # fmt: skip
_MODES: Final[tuple[dict[str, Any], ...]] = (
    {"mode": "mirrored"},
    {"mode": "mirrored", "multiplier": Decimal(2)},
    {"mode": "mirrored", "multiplier": Decimal("0.5")},
    {"mode": "balance_ratio"},
    {"mode": "balance_ratio", "master_base": Decimal(1000), "follower_base": Decimal(330)},
    {"mode": "balance_ratio", "master_base": Decimal(1000), "follower_base": Decimal(2500)},
    {"mode": "fixed_lots", "lots": Decimal("0.3")},
    {"mode": "fixed_lots", "lots": Decimal("1.2")},
)
