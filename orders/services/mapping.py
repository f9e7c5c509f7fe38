"""From rows to the values that decisions look at."""

from collections.abc import Collection, Hashable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from orders.domain.copies.legs import Leg
from orders.domain.copies.positions import Position, PositionState
from orders.domain.decision.filters import FilterMistake, Filters, read_filters
from orders.domain.decision.inputs import Rules, Terminal
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.decision.terminals import read_terminal
from orders.domain.sizing.modes import Funds
from orders.domain.sizing.rounding import KeptSpec, SymbolSpec
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import DROPS, OrderType, Side
from orders.models import Copy, MasterPosition, Subscription
from sessions_app import queries
from sessions_app.models import BrokerAccount

_NONE: Final = Decimal(0)
_log = structlog.get_logger(__name__)
_TERMINALS_KEPT: Final = 4096
Symbols = Mapping[str, SymbolSpec]
Terminals = Mapping[UUID, Terminal]
_SYMBOLS_KEPT: Final = 500_000  # of 0.6 KiB each
_terminals: dict[UUID, Terminal] = {}
_alike: WeakValueDictionary[bytes, Terminal] = WeakValueDictionary()
_RULES_KEPT: Final = 4096
_rules: dict[Hashable, Rules] = {}


def terminals(profile_ids: Iterable[UUID | None]) -> Terminals:
    """These terminals by profile id; a profile never changes, so each is read once per process.

    The answer is the caller's own: what several threads share may be emptied at any moment.
    """
    wanted = {profile for profile in profile_ids if profile is not None}
    known = {profile: found for profile in wanted if (found := _terminals.get(profile)) is not None}
    missing = wanted - known.keys()
    if missing:
        read = _read(missing)
        _make_room(read)
        _terminals.update(read)
        known |= read
    return known


def _read(profiles: Collection[UUID]) -> dict[UUID, Terminal]:
    """Terminals that have told the same are one object: its symbols are kept once, and decided for once."""
    read = {}
    for profile, digest, content in queries.profile_contents(profiles):
        terminal = _alike.get(digest)
        if terminal is None:
            terminal = _alike[digest] = _terminal(profile, content)
        read[profile] = terminal
    return read


def _terminal(profile: UUID, content: Mapping[str, Any]) -> Terminal:
    """One without symbols if it cannot be read: one account's terminal must not stop the others' trades."""
    try:
        return read_terminal(content)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is one account's own
        _log.exception("terminal.unreadable", profile=str(profile))
        return Terminal()


def symbols(known: Terminals, profile: UUID | None) -> Symbols:
    """The symbols of a terminal, by name; none where it has told none."""
    terminal = known.get(profile) if profile is not None else None
    return terminal.symbols if terminal is not None else {}


def _make_room(read: Mapping[UUID, Terminal]) -> None:
    """Forget the terminals that were read first: which of them is used least would cost more to know than to read it
    again. Brokers list up to 2,000 symbols, so it is their number that is bounded, too.
    """
    # A copy of the list: other threads add and remove meanwhile.
    kept = list(_terminals.items())
    symbols = sum(len(terminal.symbols) for terminal in (*read.values(), *(known for _, known in kept)))
    count = len(kept) + len(read)
    for profile, terminal in kept:
        if count <= _TERMINALS_KEPT and symbols <= _SYMBOLS_KEPT:
            return
        _terminals.pop(profile, None)
        count, symbols = count - 1, symbols - len(terminal.symbols)


def rules(row: Subscription) -> Rules:
    """What a subscription says about copying, with what its strategy does. Equal ones are one object, which is read
    once: a thousand followers with the same settings are the rule.
    """
    columns = row.__dict__
    content = [columns[item.name] for item in SETTINGS.rows]
    # What is no value, the JSON of filters and maps, is compared by how it is written.
    name = (
        row.state,
        row.strategy.relay_copies,
        *(repr(one) if isinstance(one, dict | list) else one for one in content),
    )
    found = _rules.get(name)
    if found is None:
        settings = row.settings
        found = Rules(
            state=SubscriptionState(row.state),
            settings=settings,
            filters=_filters(row.id, settings),
            relay_copies=row.strategy.relay_copies,
        )
        # What many threads share may be emptied at any moment; it is read again then.
        if len(_rules) >= _RULES_KEPT:
            _rules.clear()
        _rules[name] = found
    return found


def _filters(subscription_id: UUID, settings: Settings) -> Filters | None:
    """None if they cannot be read: one subscription's settings must not stop the master's trade for the others."""
    try:
        return read_filters(settings.filters)
    except FilterMistake as mistake:
        _log.error(
            "subscription.filters_unreadable",
            subscription_id=str(subscription_id),
            path=mistake.path,
            error=str(mistake),
        )
        return None


def funds(account: BrokerAccount, terminal: Terminal | None) -> Funds:
    """An account's funds as last told."""
    currency = terminal.currency if terminal else None
    return Funds(currency, account.balance, account.equity, account.free_margin, account.funds_at)


def position(row: MasterPosition) -> Position:
    """A master's position."""
    return Position(
        state=PositionState(row.state),
        ticket=row.ticket,
        lots=row.lots,
        sl=row.sl or _NONE,
        tp=row.tp or _NONE,
        price=row.price,
        expiry=row.expiry,
    )


def position_row(row: MasterPosition | None, key: tuple[UUID, int], value: Position) -> MasterPosition:
    """The row of a master's position, as it shall be."""
    row = row or MasterPosition(account_id=key[0], position_id=key[1])
    row.state, row.ticket, row.lots, row.price = value.state, value.ticket, value.lots, value.price
    row.sl, row.tp, row.expiry = value.sl, value.tp, value.expiry
    return row


def leg(copy: Copy) -> Leg:
    """One copied leg."""
    return Leg(
        leg=copy.leg,
        state=CopyState(copy.state),
        symbol=copy.symbol,
        side=Side(copy.side),
        order_type=OrderType(copy.order_type),
        lots=copy.lots_decided or _NONE,
        tombstoned=copy.tombstoned_at is not None,
        reverse=copy.reverse,
        lifted=copy.lifted_at is not None,
        lots_ordered=copy.lots_opened or _NONE,
        master_lots=copy.master_lots,
        filled=bool(copy.lots_filled),
        dropped=_is_dropped(copy),
        kept=_kept(copy),
        filling=copy.state == CopyState.OPEN and (copy.lots_open or _NONE) < (copy.lots_decided or _NONE),
    )


def _is_dropped(copy: Copy) -> bool:
    pending = copy.order_type != OrderType.MARKET and not copy.lots_filled
    return pending and copy.state == CopyState.CLOSED and copy.close_cause in DROPS


def _kept(copy: Copy) -> KeptSpec | None:
    """The spec that the copy was made by; None for copies from before specs were kept."""
    if copy.lots_step is None or copy.lots_min is None or copy.digits is None:
        return None
    return KeptSpec(copy.lots_step, copy.lots_min, copy.digits, copy.tick_size)
