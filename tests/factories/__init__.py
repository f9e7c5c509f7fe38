"""Rows for tests: one factory per model."""

from tests.factories.orders import (
    CommandFactory,
    CopyFactory,
    DecisionFactory,
    IntentFactory,
    MasterPositionFactory,
    ReportFactory,
    StrategyFactory,
    SubscriptionFactory,
)
from tests.factories.sessions import (
    AuthKeyFactory,
    BrokerAccountFactory,
    EaSessionFactory,
    GatewayProcessFactory,
    InboundFrameFactory,
    MemberFactory,
    OperatorAlertFactory,
    SessionEventFactory,
    TenantFactory,
    TerminalProfileFactory,
    UserFactory,
    grant,
)

__all__ = [
    "AuthKeyFactory",
    "BrokerAccountFactory",
    "CommandFactory",
    "CopyFactory",
    "DecisionFactory",
    "EaSessionFactory",
    "GatewayProcessFactory",
    "InboundFrameFactory",
    "IntentFactory",
    "MasterPositionFactory",
    "MemberFactory",
    "OperatorAlertFactory",
    "ReportFactory",
    "SessionEventFactory",
    "StrategyFactory",
    "SubscriptionFactory",
    "TenantFactory",
    "TerminalProfileFactory",
    "UserFactory",
    "grant",
]
