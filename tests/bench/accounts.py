"""Whose accounts trade in the bench: names, and the document that provisions them."""

from collections.abc import Mapping
from typing import Any, Final

INTENTS_PER_SECOND: Final = 10_000


def groups(masters: int, followers: int) -> list[list[str]]:
    """Account names: of each master itself, then its followers."""
    return [
        [f"Bench-M:{number + 1}", *(f"Bench-F{number + 1}:{other + 1}" for other in range(followers))]
        for number in range(masters)
    ]


def document(masters: int, followers: int, keys_of: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What `provision` reads of them."""
    names = groups(masters, followers)
    accounts: list[dict[str, Any]] = [
        {"account_id": name, "intent_rate": INTENTS_PER_SECOND if name == group[0] else 20}
        for group in names
        for name in group
    ]
    if keys_of is not None:
        for account in accounts:
            account["keys"] = [{"key": keys_of[account["account_id"]], "approved": True}]
    strategies = [
        {"name": group[0], "master": group[0], "subscriptions": [{"follower": name} for name in group[1:]]}
        for group in names
    ]
    return {"tenants": [{"name": "Bench", "accounts": accounts, "strategies": strategies}]}
