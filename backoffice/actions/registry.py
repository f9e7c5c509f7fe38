"""All actions by their names, in the order in which pages link them."""

from collections.abc import Mapping
from typing import Final

from backoffice.actions import (
    accounts,
    alerts,
    approvals,
    copies,
    differences,
    grants,
    keys,
    maintenance,
    oauth_clients,
    policies,
    sessions,
    subscriptions,
    tenants,
    tokens,
)
from backoffice.actions.action import Action

_BY_NOUN: Final = (
    approvals, keys, accounts, sessions, grants, oauth_clients, policies, subscriptions, copies, differences, alerts,
    maintenance, tenants, tokens,
)  # fmt: skip
ACTIONS: Final[Mapping[str, Action]] = {action.name: action for noun in _BY_NOUN for action in noun.ACTIONS}
