"""What the decisions of a batch rest on, read in a fixed number of statements, however many followers there are."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Expression, F, FloatField, Func, Q, QuerySet, Sum, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from orders.domain.decision.inputs import MarketQuote, Rules, Terminal
from orders.domain.decision.settings import SETTINGS
from orders.domain.sizing.modes import AGELESS
from orders.domain.sizing.rounding import notional
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.commands import copy_number
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderIntent, lineage
from orders.models import (
    Copy,
    FillWait,
    FollowerQuote,
    Intent,
    MasterPosition,
    Subscription,
)
from orders.services import mapping
from orders.services.command_log import UNUSED, CommandLog, send_for_log
from sessions_app import queries
from sessions_app.models import BrokerAccount
from sessions_app.models.light import Fetch, fetch
from sessions_app.models.statements import Answer, Place, Statement, together

_log = structlog.get_logger(__name__)
_NONE, _ONE = Decimal(0), Decimal(1)
_ON_ITS_WAY = frozenset({CopyState.HELD, CopyState.ORDERED})


@dataclass(slots=True)
class Subscribed:
    """What a batch reads of one subscription each time. Its settings come with it as rules, which are kept.

    `mark`: whatever is written to the row changes it (see `_mark`).
    """

    id: UUID
    follower_id: UUID
    state: str
    version: int
    mark: str
    master_id: UUID
    relay_copies: bool
    strategy: str


def followers_of(masters: Collection[UUID]) -> set[UUID]:
    """The accounts whose logs these masters' intents may write."""
    flowing = Subscription.objects.filter(strategy__master__among=masters).exclude(state=SubscriptionState.OFF)
    return set(flowing.values_list("follower_id", flat=True))


@dataclass(frozen=True, slots=True)
class Asked:
    """What every batch of intents reads, sent together with the lock of its followers and behind it.

    `masters`: their accounts, read and not locked: nobody writes their logs here. `positions`: by their first ticket or
    by the one that they have now, for a terminal may know only the latter. `firsts`: the intents that have decided.
    """

    log: Callable[[datetime], CommandLog]
    masters: Answer[BrokerAccount]
    subscriptions: Answer[Subscribed]
    positions: Answer[MasterPosition]
    copies: Answer[Copy]
    firsts: Answer[tuple[Any, ...]]


def ask(masters: Collection[UUID], intents: Sequence[OrderIntent]) -> Asked:
    """Lock the followers, then read everything; the subscriptions too, for someone may just have paused one.

    The lock comes before every read that decisions rest on: else two masters could both pass one follower's limit.
    """
    named = {ticket for intent in intents for ticket in lineage(intent)}
    with together():
        return Asked(
            log=send_for_log(followers_of=masters),
            masters=_MASTERS.send(masters=masters),
            subscriptions=_SUBSCRIPTIONS.send(masters=masters).of(_subscribed),
            positions=_POSITIONS.send(masters=masters, tickets=named),
            copies=_COPIES.send(masters=masters, tickets=named),
            firsts=_FIRSTS.send(masters=masters, tickets={intent.ticket for intent in intents}),
        )


def _flowing() -> "QuerySet[Subscription, Any]":
    rows = Subscription.objects.filter(strategy__master__among=Place("masters"))
    rows = rows.exclude(state=SubscriptionState.OFF).order_by("id").annotate(mark=_mark())
    columns = ("id", "follower_id", "state", "version", "mark")
    return rows.values_list(*columns, "strategy__master_id", "strategy__relay_copies", "strategy__name")


def _mark() -> Expression:
    """What tells one state of a row from every other one, whoever has written it, and is cheap to read."""
    if connection.vendor == "postgresql":
        # The transaction that wrote the row; a lock does not change it.
        return RawSQL(f'"{Subscription._meta.db_table}"."xmin"::text', ())  # noqa: S611 - a column of every table
    return Func(*(F(row.name) for row in SETTINGS.rows), function="json_array", output_field=TextField())


def _positions() -> "QuerySet[MasterPosition]":
    named = Q(position_id__among=Place("tickets")) | Q(ticket__among=Place("tickets"))
    return MasterPosition.objects.filter(named, account__among=Place("masters"))


def _copies() -> "QuerySet[Copy]":
    rows = Copy.objects.filter(subscription__strategy__master__among=Place("masters"))
    return rows.filter(position_id__among=Place("tickets")).exclude(subscription__state=SubscriptionState.OFF)


def _firsts() -> "QuerySet[Intent, Any]":
    columns = ("account_id", "ticket", "action", "remaining_lots", "id")
    first = Intent.objects.filter(account__among=Place("masters"), ticket__among=Place("tickets"), repeated=False)
    # Each half in the words of its index: one that asks for both at once reads all that the master ever did. Stops may
    # be moved to and fro: a modify is compared with the latest state, not with the first of its kind.
    ends = first.exclude(action__in=[Action.MODIFY, Action.PARTIAL_CLOSE])
    parts = first.filter(action=Action.PARTIAL_CLOSE)
    return ends.values_list(*columns).union(parts.values_list(*columns), all=True)


_MASTERS: Final = Fetch(lambda: BrokerAccount.objects.filter(id__among=Place("masters")), without=UNUSED)
_SUBSCRIPTIONS: Final = Statement(_flowing)
_POSITIONS: Final = Fetch(_positions)
_COPIES: Final = Fetch(_copies)
_FIRSTS: Final = Statement(_firsts)


def _subscribed(rows: Iterable[tuple[Any, ...]]) -> list[Subscribed]:
    return [Subscribed(*row) for row in rows]


def by_master(rows: Iterable[Subscribed], locked: Collection[UUID]) -> dict[UUID, list[Subscribed]]:
    """Subscriptions by master; what was stored since the followers were locked comes with the next batch."""
    found: dict[UUID, list[Subscribed]] = defaultdict(list)
    for row in rows:
        if row.follower_id in locked:
            found[row.master_id].append(row)
    return dict(found)


_RULES_KEPT: Final = 100_000
_kept: dict[tuple[Any, ...], Rules] = {}


def rules(subscriptions: Sequence[Subscribed]) -> dict[UUID, Rules]:
    """What the subscriptions say; one that cannot be read is left out, and its decisions fail on their own.

    It is kept by each state of their rows, so that settings are read once, and not with every trade.
    """
    found = {item.id: rules for item in subscriptions if (rules := _kept.get(_name(item))) is not None}
    # Nearly always all are known: nobody is asked for twice.
    if missing := [item for item in subscriptions if item.id not in found] if len(found) < len(subscriptions) else []:
        found |= _read_rules(missing)
    return found


def _name(item: Subscribed) -> tuple[Any, ...]:
    return (item.id, item.version, item.mark, item.state, item.relay_copies)


def _read_rules(missing: Sequence[Subscribed]) -> dict[UUID, Rules]:
    found: dict[UUID, Rules] = {}
    wanted = [item.id for item in missing]
    with together():
        stored = _SETTINGS.send(subscriptions=wanted)
        marks = _MARKS.send(subscriptions=wanted)
    rows = {row.id: row for row in stored.read()}
    after: dict[UUID, str] = dict(marks.read())
    if len(_kept) + len(rows) > _RULES_KEPT:
        _kept.clear()
    for item in missing:
        try:
            row = rows[item.id]
            found[item.id] = mapping.rules(row)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is one subscription's own
            _log.exception("subscription.unreadable", subscription_id=str(item.id))
            continue
        # Changed since it was first read: a decision names the version that it rests on.
        item.version = row.version
        # The mark was read on both sides of the settings: unchanged, it is theirs.
        if after.get(item.id) == item.mark:
            _kept[_name(item)] = found[item.id]
    return found


def _settings() -> "QuerySet[Subscription]":
    return Subscription.objects.filter(id__among=Place("subscriptions"))


_SETTINGS: Final = Fetch(_settings, "strategy", without=frozenset({"created_at"}))
_MARKS: Final = Statement(lambda: _settings().annotate(mark=_mark()).values_list("id", "mark"))


def decided_on(accounts: Iterable[BrokerAccount]) -> dict[UUID, UUID | None]:
    """The pending session that decisions for an account rest on; None once one was authenticated."""
    pending = {account.profile_id: account.id for account in accounts if account.fence == 0 and account.profile_id}
    if not pending:
        return {}
    return {pending[profile]: session for profile, session in queries.profile_sessions(pending).items()}


def copies(
    rows: Sequence[Copy], subscriptions: Sequence[Subscribed], renamed: Collection[int]
) -> dict[tuple[UUID, int], dict[int, Copy]]:
    """The copies by subscription and position, with those of positions that were named by a later ticket."""
    mine = {item.id for item in subscriptions}
    if renamed:
        others = Copy.objects.filter(subscription__among=mine, position_id__among=renamed)
        rows = [*rows, *fetch(others)]
    found: dict[tuple[UUID, int], dict[int, Copy]] = defaultdict(dict)
    for copy in rows:
        if copy.subscription_id in mine:
            found[copy.subscription_id, copy.position_id][copy.leg] = copy
    return dict(found)


def open_positions(
    subscriptions: Sequence[Subscribed], rules: Mapping[UUID, Rules]
) -> dict[UUID, set[tuple[UUID, int]]]:
    """Copied positions by follower, for the followers with a limit on them."""
    # Counting reads every living copy of an account: only where a limit asks for it.
    known = ((item, rules.get(item.id)) for item in subscriptions)
    limited = {item.follower_id for item, said in known if said and said.limits.max_open_positions is not None}
    found: dict[UUID, set[tuple[UUID, int]]] = {account: set() for account in limited}
    if limited:
        # An order on its way counts although its close is on its way too: it may fill first.
        counted = Q(lots_decided__gt=0) | Q(state__in=_ON_ITS_WAY)
        rows = Copy.objects.filter(counted, account__among=limited, state__in=ALIVE)
        for account, subscription, position in rows.values_list("account_id", "subscription_id", "position_id"):
            found[account].add((subscription, position))
    return found


def max_leverage() -> Decimal | None:
    """How many times its equity a follower's positions may be worth; None: any number."""
    most = settings.GATEWAY["max_leverage"]
    return Decimal(most) if most else None


def own_copies(masters: set[UUID], intents: Iterable[OrderIntent]) -> dict[UUID, frozenset[int]]:
    """Which of the copy numbers that the magic numbers of these opens would be the masters' accounts have."""
    opens = (intent for intent in intents if intent.action in ADDS_EXPOSURE)
    numbers = {copy_number(intent.magic) for intent in opens} - {None}
    found: dict[UUID, set[int]] = defaultdict(set)
    if numbers:
        rows = Copy.objects.filter(account__among=masters, copy_no__in=numbers)
        for account, number in rows.values_list("account_id", "copy_no"):
            found[account].add(number or 0)
    return {account: frozenset(known) for account, known in found.items()}


def notionals(
    accounts: Mapping[UUID, BrokerAccount], followers: set[UUID], terminals: Mapping[UUID, Terminal]
) -> dict[UUID, Decimal]:
    """What the followers' copies are worth by now, at their opening prices, where their terminals tell the terms."""
    known = [(pk, accounts[pk].profile_id) for pk in followers if accounts[pk].equity]
    told = {pk: terminals[profile].symbols for pk, profile in known if profile is not None and profile in terminals}
    priced = {pk for pk, symbols in told.items() if any(notional(spec, _ONE, _ONE) for spec in symbols.values())}
    found: dict[UUID, Decimal] = defaultdict(Decimal)
    if priced:
        for account, symbol, amount in _WORTH.read(accounts=priced):
            found[account] += notional(told[account].get(symbol), Decimal(str(amount)), _ONE) or _NONE
    return dict(found)


def _worth() -> "QuerySet[Copy, Any]":
    # A sum of floats: a ceiling of thirty times needs no last digit, and prices are texts in SQLite.
    worth = F("lots_decided") * Cast("price", FloatField())
    alive = Copy.objects.filter(account__among=Place("accounts"), state__in=ALIVE)
    counted = alive.filter(lots_decided__gt=0, price__isnull=False).values_list("account_id", "symbol")
    return counted.annotate(worth=Sum(worth, output_field=FloatField()))


_WORTH: Final = Statement(_worth)


def looks_at_ages(rules: Rules) -> bool:
    """Whether decisions by these rules depend on how old a terminal's figures are."""
    return rules.settings.looks_at_market or rules.settings.mode not in AGELESS


def quotes(subscriptions: Sequence[Subscribed], rules: Mapping[UUID, Rules]) -> dict[UUID, dict[str, MarketQuote]]:
    """The followers' markets, for those whose settings look at them."""
    # Quotes change every second, and most subscriptions look at none.
    known = ((item, rules.get(item.id)) for item in subscriptions)
    curious = {item.follower_id for item, said in known if said and said.settings.looks_at_market}
    found: dict[UUID, dict[str, MarketQuote]] = defaultdict(dict)
    if curious:
        for row in FollowerQuote.objects.filter(account__among=curious):
            found[row.account_id][row.symbol] = MarketQuote(row.bid or _NONE, row.ask or _NONE, row.at)
    return dict(found)


def waited(copies: Mapping[tuple[UUID, int], Mapping[int, Copy]]) -> set[UUID]:
    """The copies that have been given their time already."""
    loaded = [copy.id for legs in copies.values() for copy in legs.values()]
    return set(FillWait.objects.filter(copy__among=loaded).values_list("copy_id", flat=True))
