"""What lane cases read and set: plain functions over the deployment's rows, called by name through a `Clerk`."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from orders.services import provisioning
from sessions_app import queries
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.services import history as history_service
from sessions_app.services import keys, sessions
from sessions_app.services.history import Actor

OPERATOR = Actor("operator")


def provision(*, document: dict[str, Any]) -> None:
    provisioning.provision(document=document, by=Actor("conformance"))


def _account(account_id: str) -> BrokerAccount:
    return BrokerAccount.objects.get(account_id=account_id.lower())


def history(*, session_id: str) -> list[list[str]]:
    """The transitions of a session, oldest first: from, to, reason, actor."""
    events = SessionEvent.objects.filter(session_id=UUID(session_id)).order_by("at", "id")
    return [list(row) for row in events.values_list("from_state", "to_state", "reason", "actor")]


def count_sessions() -> int:
    return EaSession.objects.count()


def session(*, session_id: str) -> dict[str, Any]:
    """The columns of a session that say what it is worth."""
    wanted = ("state", "close_reason", "fence", "stored_seq")
    return dict(EaSession.objects.filter(id=UUID(session_id)).values(*wanted).get())


def decide(*, verb: str, account_id: str) -> None:
    """`approve`, `reject` or `revoke` the newest key of an account."""
    key = AuthKey.objects.filter(account=_account(account_id)).latest("requested_at")
    getattr(keys, verb)(key_id=key.id, by=OPERATOR, reason="conformance")


def close_and_roll_back(*, session_id: str) -> None:
    """End a session in a transaction that fails after its history row was written."""
    write = history_service.record

    def write_and_fail(**event: Any) -> None:
        write(**event)
        raise InterruptedError

    with suppress(InterruptedError), patch.object(history_service, "record", write_and_fail):
        sessions.close(session_id=UUID(session_id), reason=Reason.CLOSED_BY_OPERATOR, actor=OPERATOR)


def lapse(*, session_id: str) -> None:
    """Let a pending session's 24 hours be over, and sweep."""
    EaSession.objects.filter(id=UUID(session_id)).update(created_at=queries.database_now() - timedelta(hours=25))
    sessions.lapse_pending()
