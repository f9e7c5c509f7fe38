"""What is traded: one table per file."""

from orders.models.command import Command
from orders.models.copy import Copy
from orders.models.decision import Decision
from orders.models.difference import Difference
from orders.models.difference_event import DifferenceEvent
from orders.models.fill_wait import FillWait
from orders.models.follower_quote import FollowerQuote
from orders.models.intent import Intent
from orders.models.master_position import MasterPosition
from orders.models.report import Report
from orders.models.snapshot import Snapshot
from orders.models.strategy import Strategy
from orders.models.subscription import Subscription
from orders.models.subscription_event import SubscriptionEvent
from orders.models.subscription_version import SubscriptionVersion

__all__ = [
    "Command",
    "Copy",
    "Decision",
    "Difference",
    "DifferenceEvent",
    "FillWait",
    "FollowerQuote",
    "Intent",
    "MasterPosition",
    "Report",
    "Snapshot",
    "Strategy",
    "Subscription",
    "SubscriptionEvent",
    "SubscriptionVersion",
]
