"""Which strategies this build has, and which of them this deployment and a tenant offer."""

from collections.abc import Iterable, Mapping
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from sessions_app.auth.interface import Enrolling, Strategy
from sessions_app.domain.problems import Refused
from sessions_app.models import Tenant


def strategies() -> Mapping[str, Strategy]:
    """The strategies that the setting AUTH_STRATEGIES names, by their methods."""
    return _load(tuple(settings.AUTH_STRATEGIES))


@cache
def _load(paths: tuple[str, ...]) -> Mapping[str, Strategy]:
    loaded: Iterable[Strategy] = (import_string(path)() for path in paths)
    return {strategy.method: strategy for strategy in loaded}


def offered(tenant: Tenant | None = None) -> list[str]:
    """The methods that this deployment offers, narrowed by the tenant if there is one."""
    own = tenant.auth_methods if tenant is not None else None
    methods = [method for method in settings.GATEWAY["auth_methods"] if method in strategies()]
    return [method for method in methods if own is None or method in own]


def strategy_for(method: str, tenant: Tenant | None = None) -> Strategy:
    """The strategy that a request names, if it is offered.

    :raises Refused: `auth_method_unknown`
    """
    names = offered(tenant)
    if method not in names:
        raise Refused("auth_method_unknown", f"Expected one of: {', '.join(sorted(names))}", path="auth_method")
    return strategies()[method]


def takes_keys(tenant: Tenant | None) -> bool:
    """Whether a method is offered to this tenant's accounts whose keys wait for an approval."""
    return any(isinstance(strategies()[method], Enrolling) for method in offered(tenant))
