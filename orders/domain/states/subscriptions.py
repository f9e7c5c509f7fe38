"""States of a subscription."""

from enum import StrEnum


class SubscriptionState(StrEnum):
    ACTIVE = "active"
    CLOSE_ONLY = "close_only"
    OFF = "off"
