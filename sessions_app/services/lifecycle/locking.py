"""The order of locks: keys and grants, then an account's turn, then its sessions, then accounts by their ids.

Every writer keeps it, so that no two of them wait for each other.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from sessions_app.domain.lifecycle import LIVING
from sessions_app.models import AuthKey, BrokerAccount, EaSession
from sessions_app.models.transactions import requires_transaction


@requires_transaction
def lock_keys_and_sessions(account_ids: Collection[str]) -> None:
    """Lock what accounts' sessions rest on, and the living sessions, inside the caller's transaction: whoever locks
    accounts and approves keys afterwards does this first, in the order that every writer keeps."""
    # All keys before the first session: whoever opens one has its key locked, and waits for the session.
    keys = AuthKey.objects.filter(account__account_id__in=account_ids).order_by("id")
    list(keys.select_for_update(of=("self",), no_key=True).values_list("id"))
    # In the order of ids: of two who take the turns of several accounts, none waits for the other in a circle.
    accounts = BrokerAccount.objects.filter(account_id__in=account_ids).order_by("id")
    for account_pk in accounts.values_list("id", flat=True):
        lock_living_sessions(account_pk)


@requires_transaction
def lock_living_sessions(account_pk: UUID) -> None:
    """Take the account's turn and lock its living sessions, inside the caller's transaction: before its own row."""
    take_turns(account_pk)
    list(locked_sessions().filter(account_id=account_pk, state__in=LIVING).order_by("id").values_list("id"))


def take_turns(account_pk: UUID) -> None:
    """Authorise an account's sessions one after the other: each must see the one that the turn before has left.

    The account's row cannot be that lock: a batch locks sessions before accounts. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # An advisory lock takes a signed number of 64 bits; the last bytes of a UUIDv7 are its random ones.
            turn = int.from_bytes(account_pk.bytes[-8:], "big", signed=True)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [turn])


def locked_sessions() -> QuerySet[EaSession]:
    """Sessions, locked against writers only: a batch may be writing rows that refer to them."""
    return EaSession.objects.select_for_update(no_key=True)


@requires_transaction
def lock_accounts(account_pks: Collection[UUID]) -> dict[UUID, BrokerAccount]:
    """Lock accounts in the order of their ids, which every writer keeps, inside the caller's transaction."""
    if not account_pks:
        return {}
    rows = BrokerAccount.objects.select_for_update(no_key=True).filter(id__in=account_pks).order_by("id")
    return {row.id: row for row in rows}
