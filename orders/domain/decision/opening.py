"""The steps of a decision on what adds exposure: open and place. The first that says no ends it."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from orders.domain.copies.legs import NONE, Order, outgrown
from orders.domain.copies.positions import PositionState
from orders.domain.decision.filters import check_filters
from orders.domain.decision.inputs import Case, Draft, Evidence, NothingToDo, Step, turned
from orders.domain.decision.settings import LatePolicy, MinLotsPolicy
from orders.domain.decision.symbols import map_symbol
from orders.domain.risk.limits import Trade, cap_lots, check_ceiling, check_guards
from orders.domain.sizing.modes import Basis, Mode, allocate
from orders.domain.sizing.rates import exchange_rate
from orders.domain.sizing.rounding import LOTS_BOUND, MAX_LEGS, notional, round_lots, round_price, split_legs
from orders.domain.states.denials import Code, Denied
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.commands import copy_number
from orders.domain.wire.intents import Action, OrderType, Side
from sessions_app.domain.decimals import plain
from sessions_app.domain.frames.envelope import rfc3339


def _subscription(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    if case.rules.state is not SubscriptionState.ACTIVE:
        raise Denied(Code.SUBSCRIPTION_CLOSE_ONLY, state=case.rules.state.value)
    return draft, {"state": case.rules.state.value}


def _position(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """Legs that are gone and whose tombstone a user has lifted do not stand against a new copy."""
    if case.position is not None and case.position.state is PositionState.CLOSED:
        raise Denied(Code.ALREADY_CLOSED, position_id=case.intent.position_id)
    # One leg closed by hand speaks for the whole position: the follower does not want it.
    if any(leg.tombstoned for leg in case.legs):
        raise Denied(Code.TOMBSTONED, position_id=case.intent.position_id)
    # A deal on a position that is open already: nothing of it is copied, whatever became of the position's own open.
    added = case.position is not None and case.position.state is PositionState.OPEN and not case.legs
    if outgrown(case.legs, case.intent.side, case.intent.lots) or (added and case.intent.action is Action.OPEN):
        raise Denied(Code.MASTER_NETTING_UNSUPPORTED, position_id=case.intent.position_id)
    # A master's EA that has lost its files tells its opens again.
    if any(leg.alive or not leg.lifted for leg in case.legs):
        raise NothingToDo(Code.ALREADY_COPIED, position_id=case.intent.position_id)
    return draft, {"position_id": case.intent.position_id}


def _origin(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """An order with the magic number of a copy of this very account is a copy itself; one of a netting account may be a
    part of a position.
    """
    if case.master.netting:
        raise Denied(Code.MASTER_NETTING_UNSUPPORTED)
    # Copies of copies may never end: A copies B, B copies A. A number alone proves nothing: our range is times of 2017.
    copied = copy_number(case.intent.magic) in case.own_copies
    evidence = {"magic": case.intent.magic, "relay_copies": case.rules.relay_copies}
    if copied and not case.rules.relay_copies:
        raise Denied(Code.COPY_NOT_RELAYED, **evidence)
    return draft, evidence if copied else {"magic": case.intent.magic}


def _filters(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    filters = case.rules.filters
    if filters is None:
        raise Denied(Code.FILTERS_UNREADABLE)
    return draft, check_filters(filters, case.intent, occurred_at=case.occurred_at, affixes=case.master.affixes)


def _account(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    # Without its symbols neither the name nor the lot step is known.
    if case.follower is None or not case.follower.symbols:
        raise Denied(Code.FOLLOWER_NOT_READY)
    # A netting account has one position a symbol: copies would melt into each other and into the follower's own.
    if case.follower.netting:
        raise Denied(Code.NETTING_UNSUPPORTED)
    # Such a broker closes the oldest position first: the close of another copy would end the wrong one.
    if case.follower.fifo:
        raise Denied(Code.FIFO_UNSUPPORTED)
    return draft, {"currency": case.follower.currency}


def _signal_age(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    age, limit = case.now - case.occurred_at, case.rules.max_age
    evidence: Evidence = {"age_seconds": round(age.total_seconds(), 3), "limit_seconds": int(limit.total_seconds())}
    if age <= limit:
        return draft, evidence
    # An old price is no price: who takes it pays the difference.
    if case.rules.settings.late_policy is not LatePolicy.PENDING_AT_MASTER_PRICE:
        raise Denied(Code.SIGNAL_TOO_OLD, **evidence)
    evidence |= {"late_policy": case.rules.settings.late_policy.value, "pending_until": rfc3339(_pending_until(case))}
    # A pending order needs a price to wait for.
    if case.now >= _pending_until(case) or not case.intent.price:
        raise Denied(Code.SIGNAL_TOO_OLD, **evidence)
    return replace(draft, late=True), evidence


def _pending_until(case: Case) -> datetime:
    """When the master's price is given up: this follows from the signal alone, however late it is decided."""
    return case.occurred_at + case.rules.max_age + case.rules.late_span


def _symbol(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    spec = map_symbol(
        case.intent.symbol,
        master=case.master.affixes,
        follower=case.terminal.symbols,
        explicit=case.rules.settings.symbol_map,
        wanted=case.rules.affixes,
    )
    return replace(draft, spec=spec), {"master": case.intent.symbol, "follower": spec.name}


def _reverse(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """Which way round it is copied."""
    intent = case.intent
    told = replace(draft, side=intent.side or Side.BUY, order_type=intent.order_type, sl=intent.sl, tp=intent.tp)
    reverse = case.rules.settings.reverse
    told = turned(told) if reverse else told
    return told, {"reverse": reverse, "side": told.side.value}


def _price(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """How far the follower's market is from the master's price, in points, where both are known.

    A late open becomes a pending order here: which kind, the market says; where it is not known, a limit order, which
    never fills at a worse price than the master's.
    """
    spec, quote = draft.known_spec, case.quote(draft.known_spec.name)
    market = None if quote is None else quote.ask if draft.side is Side.BUY else quote.bid
    if draft.late:
        kind = draft.order_type if case.intent.action is Action.PLACE else _pending_type(case, draft, market)
        return replace(draft, order_type=kind), {"market": market, "pending": kind.value}
    limit, price = case.rules.settings.deviation_points, case.intent.price
    # A pending order waits for its price, wherever the market is.
    if limit is None or case.intent.action is Action.PLACE or not price or market is None:
        return draft, {"deviation_points": limit, "market": market}
    distance = abs(market - price).scaleb(spec.digits)
    evidence = {"deviation_points": limit, "market": market, "master_price": price, "distance_points": distance}
    if distance > limit:
        raise Denied(Code.PRICE_DEVIATION, **evidence)
    return draft, evidence


def _pending_type(case: Case, draft: Draft, market: Decimal | None) -> OrderType:
    price = case.intent.price or NONE
    # A limit never fills at a worse price than the master had; a stop may.
    if market is None:
        return OrderType.LIMIT
    waits_for_lower = price <= market
    return OrderType.LIMIT if waits_for_lower is (draft.side is Side.BUY) else OrderType.STOP


def _allocation(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    follower, sizing = case.terminal, case.rules.sizing
    rate = exchange_rate(case.master.currency, follower.currency, sources=case.master.symbols, targets=follower.symbols)
    basis = Basis(
        master_lots=case.intent.lots or NONE,
        master=case.master_funds,
        follower=case.follower_funds,
        rate=rate,
        now=case.now,
        stale_after=case.stale_after,
        master_spec=case.master.symbols.get(case.intent.symbol),
        follower_spec=draft.spec,
    )
    exact = allocate(sizing, basis)
    evidence = {
        "mode": sizing.mode.value,
        "master_lots": basis.master_lots,
        "multiplier": sizing.multiplier,
        **basis.told(sizing),
        "rate": None if rate is None else rate.value,
        "exact": exact,
    }
    return replace(draft, exact=exact), evidence


def _rounding(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    spec = draft.known_spec
    capped = cap_lots(draft.exact, case.rules.limits)
    lots = round_lots(capped, step=spec.lots_step)
    evidence: Evidence = {
        "exact": draft.exact,
        "max_lots": case.rules.limits.max_lots,
        "lots_step": spec.lots_step,
        "lots_min": spec.lots_min,
        "lots": lots,
    }
    # Rounding goes down, so small accounts may end at nothing.
    if lots < spec.lots_min or lots <= 0:
        lots = _least_lots(case, draft, evidence)
        evidence |= {"lots": lots, "forced_minimum": True}
    # No broker takes it, and no column holds it: the figures that led here are absurd.
    if lots >= LOTS_BOUND:
        raise Denied(Code.ABOVE_MAXIMUM_LOTS, **evidence)
    return replace(draft, lots=lots), evidence


def _least_lots(case: Case, draft: Draft, evidence: Evidence) -> Decimal:
    """The follower's minimum instead of less, if the policy says so and the risk stays within its multiple."""
    settings, least = case.rules.settings, draft.known_spec.lots_min
    if settings.min_lots_policy is MinLotsPolicy.DENY:
        raise Denied(Code.BELOW_MINIMUM_LOTS, **evidence)
    evidence |= {"max_risk_multiple": settings.max_risk_multiple}
    # The minimum may be a hundred times what the ratio asks for: that is another trade, not a rounding.
    if least > draft.exact * settings.max_risk_multiple or least > cap_lots(least, case.rules.limits):
        raise Denied(Code.BELOW_MINIMUM_LOTS, **evidence)
    return least


def _guards(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    evidence = check_guards(case.rules.limits, case.exposure)
    return draft, evidence | check_ceiling(_trade(case, draft), case.exposure, max_leverage=case.max_leverage)


def _trade(case: Case, draft: Draft) -> Trade:
    spec, theirs = draft.known_spec, case.master.symbols.get(case.intent.symbol)
    known = theirs is not None and theirs.contract_size > 0
    return Trade(
        lots=draft.lots,
        master_lots=case.intent.lots or NONE,
        notional=notional(spec, draft.lots, case.intent.price),
        equity=case.follower_funds.equity,
        currency=case.terminal.currency,
        chosen=case.rules.settings.mode is Mode.FIXED_LOTS,
        contracts=spec.contract_size / theirs.contract_size if known and theirs is not None else Decimal(1),
    )


def _opening_orders(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    spec, intent, settings = draft.known_spec, case.intent, case.rules.settings
    legs = split_legs(draft.lots, spec=spec, most=MAX_LEGS)
    # A position that is copied anew, after its tombstone was lifted, gets new legs: numbers are never used twice.
    first = max((leg.leg for leg in case.legs), default=0) + 1
    late_open = draft.late and intent.action is Action.OPEN
    until = _pending_until(case) if draft.late else case.occurred_at + case.rules.max_age
    orders = tuple(
        Order(
            leg=number,
            action=Action.PLACE if draft.late else intent.action,
            symbol=spec.name,
            side=draft.side,
            order_type=draft.order_type,
            lots=lots,
            lots_before=NONE,
            lots_after=lots,
            price=round_price(intent.price, spec=spec),
            # A pending order fills at the price that it names: there is nothing to deviate from.
            deviation_points=None if draft.late or intent.action is Action.PLACE else settings.deviation_points,
            sl=round_price(draft.sl, spec=spec),
            tp=round_price(draft.tp, spec=spec),
            # The order that stands in for a late open must not wait for ever.
            expiry=rfc3339(until) if late_open else intent.expiry or "",
            valid_until=until,
            reverse=settings.reverse,
        )
        for number, lots in enumerate(legs, start=first)
    )
    return replace(draft, orders=orders), {"legs": [plain(lots) for lots in legs]}


OPENING: Final[tuple[Step, ...]] = (
    _subscription,
    _position,
    _origin,
    _filters,
    _account,
    _signal_age,
    _symbol,
    _reverse,
    _price,
    _allocation,
    _rounding,
    _guards,
    _opening_orders,
)
