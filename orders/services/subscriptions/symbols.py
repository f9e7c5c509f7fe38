"""What followers call a master's symbols by the settings and the terminals of now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from orders.domain.decision.settings import Settings
from orders.domain.decision.symbols import NO_AFFIXES, Affixes, map_symbol
from orders.domain.states.denials import Denied
from orders.models import Subscription
from orders.services import mapping
from sessions_app.models import BrokerAccount

Pair = tuple[UUID, str]
"""A subscription, and a symbol as its master calls it."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the follower calls it; or, without a name, what of its symbols may be meant, and what the map says, which
    its terminal has not told."""

    name: str = ""
    suggestions: Sequence[str] = ()
    mapped: str = ""


def named(rows: Collection[Subscription], wanted: Collection[Pair]) -> Mapping[Pair, Named]:
    """Each of these symbols, of subscriptions whose follower and master are read already."""
    by_id = {row.pk: row for row in rows}
    profiles = [profile for row in rows for profile in (row.follower.profile_id, row.strategy.master.profile_id)]
    terminals = mapping.terminals(profiles)
    return {pair: _named(by_id[pair[0]], pair[1], terminals) for pair in wanted if pair[0] in by_id}


def _named(row: Subscription, symbol: str, terminals: mapping.Terminals) -> Named:
    master, settings = row.strategy.master.profile_id, row.settings
    known = terminals.get(master) if master is not None else None
    try:
        spec = map_symbol(
            symbol,
            master=known.affixes if known is not None else NO_AFFIXES,
            follower=mapping.symbols(terminals, row.follower.profile_id),
            explicit=settings.symbol_map,
            wanted=Affixes(settings.prefix, settings.suffix),
        )
    except Denied as denied:
        return Named(suggestions=denied.evidence["suggestions"], mapped=settings.symbol_map.get(symbol, ""))
    return Named(spec.name)


def untold(follower: BrokerAccount, wanted: Settings) -> Sequence[tuple[str, str]]:
    """The pairs of a symbol map whose second name the follower's terminal has not told."""
    told = mapping.symbols(mapping.terminals([follower.profile_id]), follower.profile_id) if wanted.symbol_map else {}
    return [(symbol, name) for symbol, name in wanted.symbol_map.items() if name not in told]
