"""Change of the vault's keys: everything that is sealed is wrapped anew, in small transactions, while all runs on."""

from collections.abc import Callable, Iterator
from typing import Final

from django.db import transaction

from sessions_app.services.access import second_factors, vault

_SLICE: Final = 200
_TABLES: Final[dict[str, Callable[..., int]]] = {
    "second factors": second_factors.rewrap_all,
    "secrets of tenants": vault.rewrap_all,
}


def rotate() -> Iterator[tuple[str, int]]:
    """Wrap what rests on an older key with the newest; what each table had. Stopped, it goes on where it was.

    :raises VaultClosed, KeyMissing, Unreadable: what came before stays done
    """
    for name, rewrap_all in _TABLES.items():
        count = 0
        # Until nothing is found: a short slice need not be the last one, for rows that somebody sealed anew while it
        # waited for their locks are missing in it.
        while done := _slice(rewrap_all):
            count += done
        yield name, count


def _slice(rewrap_all: Callable[..., int]) -> int:
    with transaction.atomic():
        return rewrap_all(limit=_SLICE)
