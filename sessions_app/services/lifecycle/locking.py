"""The order of locks: the circle of strategies, keys, grants, accounts' turns by their numbers, sessions, rooms of keys
that wait, accounts; the rows of each by their ids.

Every writer keeps it, so that no two of them wait for each other. Rows that a transaction has made itself are nobody
else's yet. The tests watch it (tests/lock_order.py).
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from sessions_app.domain.lifecycle import LIVING
from sessions_app.models import AccountGrant, AuthKey, BrokerAccount, EaSession
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Answer, Place, Statement
from sessions_app.models.transactions import requires_transaction


@requires_transaction
def lock_keys_and_sessions(account_ids: Collection[str]) -> None:
    """Lock what accounts' sessions rest on, take their turns, and lock the living sessions, inside the caller's
    transaction: whoever locks accounts and approves keys afterwards does this first, in the order that every writer
    keeps."""
    # All keys before the first session: whoever opens one has its key locked, and waits for the session.
    keys = AuthKey.objects.filter(account__account_id__in=account_ids).order_by("id")
    list(keys.select_for_update(of=("self",), no_key=True).values_list("id"))
    grants = AccountGrant.objects.filter(account__account_id__in=account_ids).order_by("id")
    list(grants.select_for_update(of=("self",), no_key=True).values_list("id"))
    accounts = list(BrokerAccount.objects.filter(account_id__in=account_ids).values_list("id", flat=True))
    take_turns(*accounts)
    # By their ids, whosever they are, as a batch locks them.
    list(locked_sessions().filter(account_id__in=accounts, state__in=LIVING).order_by("id").values_list("id"))


@requires_transaction
def lock_living_sessions(account_pk: UUID) -> None:
    """Take the account's turn and lock its living sessions, inside the caller's transaction: before its own row."""
    take_turns(account_pk)
    list(locked_sessions().filter(account_id=account_pk, state__in=LIVING).order_by("id").values_list("id"))


_TURN: Final = Statement(lambda: ("SELECT pg_advisory_xact_lock(%s::bigint)", [Place("turn")]))
_LIVING: Final = Fetch(
    lambda: (
        locked_sessions()
        .filter(account__among=Place("accounts"), state__in=[state.value for state in sorted(LIVING)])
        .order_by("id")
    )
)


def send_turn_and_sessions(account_pk: UUID) -> Answer[EaSession]:
    """Take an account's turn and lock its living sessions, which the answer has; for what is sent together."""
    if connection.vendor == "postgresql":
        _TURN.send(turn=str(_turn(account_pk)))
    return _LIVING.send(accounts=[account_pk])


def _turn(account_pk: UUID) -> int:
    # An advisory lock takes a signed number of 64 bits; the last bytes of a UUIDv7 are its random ones.
    return int.from_bytes(account_pk.bytes[-8:], "big", signed=True)


def take_turns(*account_pks: UUID) -> None:
    """Authorise an account's sessions one after the other: each must see the one that the turn before has left.

    The account's row cannot be that lock: a batch locks sessions before accounts. SQLite has one writer anyway. Whoever
    takes the turns of several accounts takes them together, so that no two wait for each other in a circle.
    """
    if connection.vendor == "postgresql" and account_pks:
        turns = sorted({_turn(account_pk) for account_pk in account_pks})
        with connection.cursor() as cursor:
            # An array's items come in its order.
            cursor.execute("SELECT pg_advisory_xact_lock(turn) FROM unnest(%s::bigint[]) AS turn", [turns])


def locked_sessions() -> QuerySet[EaSession]:
    """Sessions, locked against writers only: a batch may be writing rows that refer to them."""
    return EaSession.objects.select_for_update(no_key=True)


_ACCOUNTS: Final = Fetch(
    lambda: BrokerAccount.objects.select_for_update(no_key=True).filter(id__among=Place("accounts")).order_by("id")
)


@requires_transaction
def send_for_lock(account_pks: Collection[UUID]) -> Answer[BrokerAccount]:
    """The same for what is sent together: the answer has the rows."""
    return _ACCOUNTS.send(accounts=account_pks)


@requires_transaction
def lock_accounts(account_pks: Collection[UUID]) -> dict[UUID, BrokerAccount]:
    """Lock accounts in the order of their ids, which every writer keeps, inside the caller's transaction."""
    if not account_pks:
        return {}
    rows = BrokerAccount.objects.select_for_update(no_key=True).filter(id__in=account_pks).order_by("id")
    return {row.id: row for row in rows}
