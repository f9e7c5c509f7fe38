"""Recordings made up for tests: any currency, size and mix of events, in the format of docs/recording.md.

The account is not a plausible trader; its events are only consistent: what is closed was open, and the lots add up.
"""

import gzip
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_LOTS = (1, 2, 10, 37, 100, 500, 1250)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to make. Shares are probabilities; `left_open` positions stay open at the end."""

    trades: int = 60
    left_open: int = 5
    currency: str = "JPY"
    money_decimals: int = 0
    symbols: tuple[str, ...] = ("USDJPY", "eurusd.", "nq100_m", "xauusd@", "US30", "mGBPUSD")
    balance_rows: int = 3
    summaries: int = 1
    twice: float = 0.05
    pending: float = 0.2
    partial: float = 0.1
    starting_balance: str | None = None
    packed: bool = False
    seed: int = 1


@dataclass(slots=True)
class _Maker:
    recipe: Recipe
    random: random.Random
    now: datetime = datetime(2015, 3, 1, tzinfo=UTC)
    ticket: int = 1_000_000
    events: list[dict[str, Any]] = field(default_factory=list)
    open: dict[int, dict[str, Any]] = field(default_factory=dict)
    opened: int = 0

    def add(self, ev: str, **fields: Any) -> None:
        self.events.append({"t": f"{self.now:%Y.%m.%d %H:%M:%S}", "ev": ev, **fields})

    def next_ticket(self) -> int:
        self.ticket += 1
        return self.ticket

    def money(self, low: float, high: float) -> str:
        return f"{self.random.uniform(low, high):.{self.recipe.money_decimals}f}"

    def amounts(self) -> dict[str, str]:
        zero = f"{0:.{self.recipe.money_decimals}f}"
        return {
            "commission": self.money(-5, 0),
            "taxes": zero,
            "swap": self.money(-2, 1),
            "profit": self.money(-500, 600),
        }

    def price(self, symbol: str) -> str:
        digits = _digits(symbol)
        return f"{self.random.uniform(1, 2) * (100 if digits <= 3 else 1):.{digits}f}"


def write_recording(folder: Path, recipe: Recipe) -> Path:
    """Write a recording into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "account.json").write_text(json.dumps(_account(recipe)))
    lines = "".join(json.dumps(event) + "\n" for event in make_events(recipe))
    if recipe.packed:
        (folder / "stream.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    else:
        (folder / "stream.jsonl").write_text(lines)
    return folder


def make_events(recipe: Recipe) -> list[dict[str, Any]]:
    """The events, some delivered twice."""
    maker = _Maker(recipe, random.Random(recipe.seed))
    for _ in range(recipe.balance_rows):
        maker.add("balance", ticket=maker.next_ticket(), amount=maker.money(1000, 5000))
    for _ in range(recipe.summaries):
        maker.add("summary", ticket=maker.next_ticket(), **maker.amounts(), comment="Summary trade result")
    while maker.opened < recipe.trades or len(maker.open) > recipe.left_open:
        _step(maker)
    twice = []
    for event in maker.events:
        twice += [event, event] if maker.random.random() < recipe.twice else [event]
    return twice


def _step(maker: _Maker) -> None:
    if maker.random.random() < 0.7:  # several events share one second
        maker.now += timedelta(seconds=maker.random.randint(0, 900))
    may_open = maker.opened < maker.recipe.trades
    if may_open and (not maker.open or maker.random.random() < 0.5):
        _open(maker)
    else:
        _change(maker, maker.random.choice(list(maker.open)))


def _open(maker: _Maker) -> None:
    symbol, ticket = maker.random.choice(maker.recipe.symbols), maker.next_ticket()
    side = maker.random.choice(["buy", "sell"])
    order = {
        "ticket": ticket,
        "type": side,
        "lots": _lots(maker.random.choice(_LOTS)),
        "symbol": symbol,
        "price": maker.price(symbol),
        "sl": maker.random.choice(["0.00000", maker.price(symbol)]),
        "tp": maker.random.choice(["0.00000", maker.price(symbol)]),
    }
    if maker.random.random() < maker.recipe.pending and not _placed(maker, order, side):
        return
    if ticket not in maker.open:
        maker.add("open", **order, magic=maker.random.choice([None, 77]))
        maker.open[ticket] = order
    maker.opened += 1


def _placed(maker: _Maker, order: dict[str, Any], side: str) -> bool:
    """Place it as a pending order; True when it became a position."""
    maker.add("place", **{**order, "type": f"{side} {maker.random.choice(['limit', 'stop'])}"})
    if maker.random.random() < 0.3:
        maker.add("cancel", ticket=order["ticket"], state="deleted")
        return False
    if maker.random.random() < 0.5:
        order["sl"] = maker.price(order["symbol"])
        fields = {name: order[name] for name in ("ticket", "symbol", "price", "sl", "tp")}
        maker.add("modify", **fields)
    maker.add("activate", **order, magic=None)
    maker.open[order["ticket"]] = order
    return True


def _change(maker: _Maker, ticket: int) -> None:
    order, chance = maker.open[ticket], maker.random.random()
    hundredths = round(float(order["lots"]) * 100)
    about = {"ticket": ticket, "symbol": order["symbol"], "price": order["price"]}
    if chance < 0.2:
        maker.add("modify", **about, sl=maker.price(order["symbol"]), tp=maker.price(order["symbol"]))
    elif chance < 0.2 + maker.recipe.partial and hundredths > 1:
        part, rest = maker.random.randint(1, hundredths - 1), maker.next_ticket()
        maker.add("partial_close", **about, lots=_lots(part), **maker.amounts(), new_ticket=rest)
        maker.open[rest] = {**maker.open.pop(ticket), "ticket": rest, "lots": _lots(hundredths - part)}
    else:
        comment = maker.random.choice(["", "[sl]", "[tp]", "so: 59.7%/15.0/25.2"])
        maker.add("close", **about, lots=order["lots"], **maker.amounts(), comment=comment)
        del maker.open[ticket]


def _lots(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"


def _digits(symbol: str) -> int:
    if "JPY" in symbol:
        return 3
    return 5 if "usd" in symbol.lower() and "xau" not in symbol.lower() else 2


def _account(recipe: Recipe) -> dict[str, Any]:
    spec = {"contract_size": "100000", "lots_min": "0.01", "lots_step": "0.01", "lots_max": "50"}
    return {
        "format": "recording/1",
        "currency": recipe.currency,
        "money_decimals": recipe.money_decimals,
        "leverage": 500,
        "starting_balance": recipe.starting_balance,
        "time_zone": "Europe/Helsinki",
        "symbols": {symbol: {"digits": _digits(symbol), **spec} for symbol in recipe.symbols},
    }
