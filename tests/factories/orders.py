"""What is traded: rows as the services leave them."""

# factory-boy declares in untyped calls
# mypy: disallow-untyped-calls=False

from decimal import Decimal

import factory
from factory.django import DjangoModelFactory
from uuid_utils.compat import uuid4, uuid7

from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.differences import DifferenceState
from orders.domain.wire.intents import Action, OrderType, Side
from orders.domain.wire.reports import ReportStatus
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from orders.models import (
    Command,
    Copy,
    Decision,
    Difference,
    DifferenceEvent,
    FillWait,
    FollowerQuote,
    Intent,
    MasterPosition,
    Report,
    Snapshot,
    Strategy,
    Subscription,
    SubscriptionEvent,
    SubscriptionVersion,
)
from tests.factories.sessions import BrokerAccountFactory, EaSessionFactory, TenantFactory, now


class StrategyFactory(DjangoModelFactory[Strategy]):
    class Meta:
        model = Strategy

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"Strategy {n}")
    master = factory.SubFactory(BrokerAccountFactory, tenant=factory.SelfAttribute("..tenant"))
    created_at = factory.LazyFunction(now)


class SubscriptionFactory(DjangoModelFactory[Subscription]):
    class Meta:
        model = Subscription

    strategy = factory.SubFactory(StrategyFactory)
    follower = factory.SubFactory(BrokerAccountFactory, tenant=factory.SelfAttribute("..strategy.tenant"))
    created_at = factory.LazyFunction(now)


class IntentFactory(DjangoModelFactory[Intent]):
    """A master's market open of 0.10 lots EURUSD."""

    class Meta:
        model = Intent

    account = factory.SubFactory(BrokerAccountFactory)
    session = factory.SubFactory(
        EaSessionFactory, account=factory.SelfAttribute("..account"), closed=True, key__approved=True
    )
    frame_id = factory.LazyFunction(uuid7)
    action = Action.OPEN
    position_id = factory.Sequence(lambda n: 7000 + n)
    ticket = factory.SelfAttribute("position_id")
    symbol = "EURUSD"
    lots = Decimal("0.10")
    price = Decimal("1.08500")
    content = factory.LazyAttribute(
        lambda intent: {"action": intent.action, "ticket": intent.ticket, "symbol": intent.symbol, "side": "buy"}
    )
    occurred_at = factory.LazyFunction(now)
    received_at = factory.SelfAttribute("occurred_at")


class DecisionFactory(DjangoModelFactory[Decision]):
    """A copied decision; `denied="signal_too_old"` for a denial."""

    class Meta:
        model = Decision

    class Params:
        denied = ""

    subscription = factory.SubFactory(SubscriptionFactory)
    intent = factory.SubFactory(IntentFactory, account=factory.SelfAttribute("..subscription.strategy.master"))
    outcome = factory.LazyAttribute(lambda decision: Outcome.DENIED if decision.denied else Outcome.COPIED)
    code = factory.SelfAttribute("denied")
    steps = factory.LazyAttribute(
        lambda decision: [
            {"step": "subscription", "result": "ok", "state": "active"},
            {"step": "signal_age", "result": decision.denied or "ok", "age_seconds": 0.2, "limit_seconds": 60},
        ]
    )
    decided_at = factory.LazyFunction(now)


class CopyFactory(DjangoModelFactory[Copy]):
    class Meta:
        model = Copy

    subscription = factory.SubFactory(SubscriptionFactory)
    account = factory.SelfAttribute("subscription.follower")
    position_id = factory.Sequence(lambda n: 7000 + n)
    copy_no = factory.Sequence(lambda n: n + 1)
    state = CopyState.ORDERED
    symbol = "EURUSD"
    side = Side.BUY
    order_type = OrderType.MARKET
    lots_decided = Decimal("0.10")
    created_at = factory.LazyFunction(now)


class CommandFactory(DjangoModelFactory[Command]):
    """A queued open; `held=True` for one that waits for its follower's approval."""

    class Meta:
        model = Command

    class Params:
        held = factory.Trait(seq=None, state=CommandState.HELD, hold_no=factory.Sequence(lambda n: n + 1))

    decision = factory.SubFactory(DecisionFactory)
    account = factory.SelfAttribute("decision.subscription.follower")
    copy = factory.SubFactory(
        CopyFactory,
        subscription=factory.SelfAttribute("..decision.subscription"),
        position_id=factory.SelfAttribute("..decision.intent.position_id"),
    )
    action = Action.OPEN
    state = CommandState.QUEUED
    epoch = factory.LazyFunction(uuid4)
    seq = factory.Sequence(lambda n: n + 1)
    position_id = factory.SelfAttribute("decision.intent.position_id")
    symbol = "EURUSD"
    side = Side.BUY
    order_type = OrderType.MARKET
    lots = Decimal("0.10")
    lots_before = Decimal(0)
    lots_after = Decimal("0.10")
    occurred_at = factory.LazyFunction(now)
    received_at = factory.SelfAttribute("occurred_at")
    decided_at = factory.SelfAttribute("received_at")
    committed_at = factory.SelfAttribute("decided_at")


class ReportFactory(DjangoModelFactory[Report]):
    class Meta:
        model = Report

    command = factory.SubFactory(CommandFactory)
    account = factory.SelfAttribute("command.account")
    copy = factory.SelfAttribute("command.copy")
    session = factory.SubFactory(
        EaSessionFactory, account=factory.SelfAttribute("..account"), closed=True, key__approved=True
    )
    frame_id = factory.LazyFunction(uuid7)
    status = ReportStatus.FILLED
    ticket = factory.Sequence(lambda n: 9000 + n)
    lots = Decimal("0.10")
    price = Decimal("1.08510")
    received_at = factory.LazyFunction(now)


class MasterPositionFactory(DjangoModelFactory[MasterPosition]):
    class Meta:
        model = MasterPosition

    account = factory.SubFactory(BrokerAccountFactory)
    position_id = factory.Sequence(lambda n: 7000 + n)
    ticket = factory.SelfAttribute("position_id")
    state = "open"
    lots = Decimal("0.10")


class FillWaitFactory(DjangoModelFactory[FillWait]):
    """A working copy whose time runs."""

    class Meta:
        model = FillWait

    decision = factory.SubFactory(DecisionFactory, intent__action=Action.ACTIVATE)
    copy = factory.SubFactory(
        CopyFactory,
        subscription=factory.SelfAttribute("..decision.subscription"),
        position_id=factory.SelfAttribute("..decision.intent.position_id"),
        order_type=OrderType.LIMIT,
        state=CopyState.WORKING,
    )
    account = factory.SelfAttribute("copy.account")
    lots = Decimal("0.10")
    master_lots = Decimal("0.10")
    due_at = factory.LazyFunction(now)
    created_at = factory.LazyFunction(now)


class SubscriptionEventFactory(DjangoModelFactory[SubscriptionEvent]):
    class Meta:
        model = SubscriptionEvent

    subscription = factory.SubFactory(SubscriptionFactory)
    to_state = "active"
    actor = "olga"
    at = factory.LazyFunction(now)


class SubscriptionVersionFactory(DjangoModelFactory[SubscriptionVersion]):
    class Meta:
        model = SubscriptionVersion

    subscription = factory.SubFactory(SubscriptionFactory)
    number = 1
    settings = factory.LazyFunction(dict)
    actor = "olga"
    at = factory.LazyFunction(now)


class FollowerQuoteFactory(DjangoModelFactory[FollowerQuote]):
    class Meta:
        model = FollowerQuote

    account = factory.SubFactory(BrokerAccountFactory)
    symbol = "EURUSD"
    bid = Decimal("1.08500")
    ask = Decimal("1.08510")
    at = factory.LazyFunction(now)


class SnapshotFactory(DjangoModelFactory[Snapshot]):
    class Meta:
        model = Snapshot

    account = factory.SubFactory(BrokerAccountFactory)
    session = factory.SubFactory(
        EaSessionFactory, account=factory.SelfAttribute("..account"), closed=True, key__approved=True
    )
    content = factory.LazyFunction(dict)
    taken_at = factory.LazyFunction(now)
    received_at = factory.SelfAttribute("taken_at")


class DifferenceFactory(DjangoModelFactory[Difference]):
    """Stops of a copy that drifted."""

    class Meta:
        model = Difference

    copy = factory.SubFactory(CopyFactory)
    account = factory.SelfAttribute("copy.account")
    kind = DifferenceKind.STOPS_DRIFT
    severity = DifferenceSeverity.MINOR
    state = DifferenceState.OPEN
    copy_no = factory.SelfAttribute("copy.copy_no")
    subject = factory.LazyAttribute(lambda row: f"copy {row.copy_no}")
    symbol = "EURUSD"
    ticket = 900
    expected = "sl 1.05 tp 0"
    actual = "sl 0 tp 0"
    opened_at = factory.LazyFunction(now)
    seen_at = factory.SelfAttribute("opened_at")


class DifferenceEventFactory(DjangoModelFactory[DifferenceEvent]):
    class Meta:
        model = DifferenceEvent

    difference = factory.SubFactory(DifferenceFactory)
    to_state = DifferenceState.OPEN
    actor = "gateway"
    at = factory.LazyFunction(now)
