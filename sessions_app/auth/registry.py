"""Which strategies this build has, and which of them this deployment offers."""

from collections.abc import Mapping
from typing import Final

from django.conf import settings

from sessions_app.auth.account_session_key import AccountSessionKey
from sessions_app.auth.interface import Strategy
from sessions_app.domain.problems import Refused

_ALL: Final[tuple[Strategy, ...]] = (AccountSessionKey(),)
STRATEGIES: Final[Mapping[str, Strategy]] = {strategy.method: strategy for strategy in _ALL}


def strategy_for(method: str) -> Strategy:
    """The strategy that a request names, if the setting `auth_methods` offers it.

    :raises Refused: `auth_method_unknown`
    """
    offered = settings.GATEWAY["auth_methods"]
    if method not in STRATEGIES or method not in offered:
        raise Refused("auth_method_unknown", f"Expected one of: {', '.join(sorted(offered))}", path="auth_method")
    return STRATEGIES[method]
