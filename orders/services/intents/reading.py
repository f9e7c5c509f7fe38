"""What the decisions of a batch rest on, read in a fixed number of statements, however many followers there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Cast

from orders.domain.decision.inputs import MarketQuote, Rules, Terminal
from orders.domain.sizing.modes import AGELESS
from orders.domain.sizing.rounding import notional
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.commands import copy_number
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderIntent
from orders.models import (
    Copy,
    FillWait,
    FollowerQuote,
    Intent,
    Subscription,
)
from orders.services import mapping
from sessions_app import queries
from sessions_app.models import BrokerAccount
from sessions_app.models.light import fetch

_log = structlog.get_logger(__name__)
_NONE, _ONE = Decimal(0), Decimal(1)
_UNUSED = frozenset({"created_at"})
_ON_ITS_WAY = frozenset({CopyState.HELD, CopyState.ORDERED})


def following(masters: Collection[UUID]) -> "QuerySet[Subscription, UUID]":
    """The accounts whose logs these masters' intents may write, as a query, to be asked within another one."""
    flowing = Subscription.objects.filter(strategy__master__among=masters).exclude(state=SubscriptionState.OFF)
    return flowing.values_list("follower_id", flat=True)


def followers_of(masters: Collection[UUID]) -> set[UUID]:
    """The accounts whose logs these masters' intents may write."""
    return set(following(masters))


def subscriptions(masters: set[UUID], locked: set[UUID]) -> dict[UUID, list[Subscription]]:
    """By master; what was stored since the followers were locked comes with the next batch."""
    rows = Subscription.objects.filter(strategy__master__among=masters, follower__among=locked)
    found: dict[UUID, list[Subscription]] = defaultdict(list)
    for row in fetch(rows.exclude(state=SubscriptionState.OFF).order_by("id"), "strategy", without=_UNUSED):
        found[row.strategy.master_id].append(row)
    return dict(found)


def rules(subscriptions: Sequence[Subscription]) -> dict[UUID, Rules]:
    """What the subscriptions say; one that cannot be read is left out, and its decisions fail on their own."""
    found = {}
    for item in subscriptions:
        try:
            found[item.id] = mapping.rules(item)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is one subscription's own
            _log.exception("subscription.unreadable", subscription_id=str(item.id))
    return found


def decided_on(accounts: Iterable[BrokerAccount]) -> dict[UUID, UUID | None]:
    """The pending session that decisions for an account rest on; None once one was authenticated."""
    pending = {account.profile_id: account.id for account in accounts if account.fence == 0 and account.profile_id}
    if not pending:
        return {}
    return {pending[profile]: session for profile, session in queries.profile_sessions(pending).items()}


def first_intents(masters: set[UUID], tickets: set[int]) -> dict[tuple[UUID, int, str, Decimal | None], UUID]:
    """The intents that have decided, by what makes a later one their repeat."""
    columns = ("account_id", "ticket", "action", "remaining_lots", "id")
    first = Intent.objects.filter(account__among=masters, ticket__among=tickets, repeated=False)
    # Each half in the words of its index: one that asks for both at once reads all that the master ever did. Stops may
    # be moved to and fro: a modify is compared with the latest state, not with the first of its kind.
    ends = first.exclude(action__in=[Action.MODIFY, Action.PARTIAL_CLOSE])
    parts = first.filter(action=Action.PARTIAL_CLOSE)
    found = ends.values_list(*columns).union(parts.values_list(*columns), all=True)
    return {(account, ticket, action, left): pk for account, ticket, action, left, pk in found}


def copies(subscriptions: Sequence[Subscription], position_ids: set[int]) -> dict[tuple[UUID, int], dict[int, Copy]]:
    rows = Copy.objects.filter(subscription__among=[item.id for item in subscriptions], position_id__among=position_ids)
    found: dict[tuple[UUID, int], dict[int, Copy]] = defaultdict(dict)
    for copy in fetch(rows):
        found[copy.subscription_id, copy.position_id][copy.leg] = copy
    return dict(found)


def open_positions(
    subscriptions: Sequence[Subscription], rules: Mapping[UUID, Rules]
) -> dict[UUID, set[tuple[UUID, int]]]:
    """Copied positions by follower, for the followers with a limit on them."""
    # Counting reads every living copy of an account: only where a limit asks for it.
    known = [item for item in subscriptions if item.id in rules]
    limited = {item.follower_id for item in known if rules[item.id].limits.max_open_positions is not None}
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
        # A sum of floats: a ceiling of thirty times needs no last digit, and prices are texts in SQLite.
        worth = F("lots_decided") * Cast("price", FloatField())
        rows = Copy.objects.filter(account__among=priced, state__in=ALIVE, lots_decided__gt=0, price__isnull=False)
        sums = rows.values_list("account_id", "symbol").annotate(worth=Sum(worth, output_field=FloatField()))
        for account, symbol, amount in sums:
            found[account] += notional(told[account].get(symbol), Decimal(str(amount)), _ONE) or _NONE
    return dict(found)


def looks_at_ages(rules: Rules) -> bool:
    """Whether decisions by these rules depend on how old a terminal's figures are."""
    return rules.settings.looks_at_market or rules.settings.mode not in AGELESS


def quotes(subscriptions: Sequence[Subscription], rules: Mapping[UUID, Rules]) -> dict[UUID, dict[str, MarketQuote]]:
    """The followers' markets, for those whose settings look at them."""
    # Quotes change every second, and most subscriptions look at none.
    known = [item for item in subscriptions if item.id in rules]
    curious = {item.follower_id for item in known if rules[item.id].settings.looks_at_market}
    found: dict[UUID, dict[str, MarketQuote]] = defaultdict(dict)
    if curious:
        for row in FollowerQuote.objects.filter(account__among=curious):
            found[row.account_id][row.symbol] = MarketQuote(row.bid or _NONE, row.ask or _NONE, row.at)
    return dict(found)


def waited(copies: Mapping[tuple[UUID, int], Mapping[int, Copy]]) -> set[UUID]:
    """The copies that have been given their time already."""
    loaded = [copy.id for legs in copies.values() for copy in legs.values()]
    return set(FillWait.objects.filter(copy__among=loaded).values_list("copy_id", flat=True))
