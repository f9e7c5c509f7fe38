"""What lane cases read and set: plain functions over the deployment's rows, called by name through a `Clerk`."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
from argon2 import PasswordHasher
from django.db import connection, transaction
from django.db.models import F

from orders.domain.states.denials import SENTENCES, Code
from orders.domain.wire.intents import OrderIntent
from orders.domain.wire.reports import ExecutionReport
from orders.models import Command, Copy, Decision, Intent, Report
from orders.services.provisioning import deployment
from sessions_app import queries
from sessions_app.domain.decimals import decode_hook
from sessions_app.domain.frames.envelope import digest
from sessions_app.domain.frames.payloads import Payload, StatusHeartbeat
from sessions_app.domain.lifecycle import KeyState, Reason, SessionStatus
from sessions_app.models import AuthKey, BrokerAccount, EaSession, InboundFrame, OperatorAlert, SessionEvent
from sessions_app.models.fields import new_id
from sessions_app.services.access import keys, oauth_clients
from sessions_app.services.ingest.ports import Arrival
from sessions_app.services.lifecycle import ending, expiry, opening, promotion
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import history as history_service
from sessions_app.services.operations.history import Actor
from tests.concurrency.hands import at_once, store
from tests.conformance import wander as walk

OPERATOR = Actor("operator")


def provision(*, document: dict[str, Any]) -> None:
    deployment.provision(document=document, by=Actor("conformance"))


def _account(account_id: str) -> BrokerAccount:
    return BrokerAccount.objects.get(account_id=account_id.lower())


def history(*, session_id: str) -> list[list[str]]:
    """The transitions of a session, oldest first: from, to, reason, actor."""
    events = SessionEvent.objects.filter(session_id=UUID(session_id)).order_by("at", "id")
    return [list(row) for row in events.values_list("from_state", "to_state", "reason", "actor")]


def count_sessions(*, prefix: str) -> int:
    """How many sessions accounts have whose ids begin so."""
    return EaSession.objects.filter(account__account_id__startswith=prefix).count()


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
        ending.close_session(session_id=UUID(session_id), reason=Reason.CLOSED_BY_OPERATOR, actor=OPERATOR)


def lapse(*, session_id: str) -> None:
    """Let a pending session's 24 hours be over, and sweep."""
    EaSession.objects.filter(id=UUID(session_id)).update(created_at=queries.database_now() - timedelta(hours=25))
    ending.lapse_pending()


def wander(*, account_id: str, walks: int, steps: int) -> dict[str, Any]:
    return walk.wander(account_id=account_id, walks=walks, steps=steps)


# Keys ----------------------------------------------------------------------------------------------------------------


def asked(*, account_id: str) -> dict[str, int]:
    """How many approval requests wait for an account, and the sessions that wait with them."""
    waiting = AuthKey.objects.filter(account=_account(account_id), state=KeyState.PENDING)
    return {"requests": waiting.count(), "sessions": EaSession.objects.filter(key__in=waiting).count()}


def decide_at_once(*, account_id: str) -> list[str]:
    """Approve and reject the newest key in one instant: what was decided, and what the loser was told."""
    key = AuthKey.objects.filter(account=_account(account_id)).latest("requested_at")
    verbs: list[Callable[..., object]] = [keys.approve, keys.reject]
    told = at_once(*(partial(verb, key_id=key.id, by=OPERATOR, reason="conformance") for verb in verbs))
    key.refresh_from_db()
    return [key.state, *(str(error) for error in told if isinstance(error, Exception))]


def columns(*, session_id: str) -> list[str]:
    """Every value of a session's row, and of its key's, as text."""
    row = EaSession.objects.select_related("key").get(id=UUID(session_id))
    return [str(value) for source in (row, row.key) for value in vars(source).values()]


def addresses(*, session_id: str) -> dict[str, str]:
    row = EaSession.objects.get(id=UUID(session_id))
    key = AuthKey.objects.get(sessions__id=row.id)
    return {"session": row.remote_address, "key": key.requested_from}


def weaken(*, account_id: str, material: str) -> str:
    """Store the key's hash with the parameters of an older release; the hash."""
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(material)
    AuthKey.objects.filter(account=_account(account_id)).update(key_hash=weak)
    return weak


def key_hash(*, account_id: str) -> str:
    return AuthKey.objects.get(account=_account(account_id)).key_hash


def register_client(*, account_id: str, client_id: str) -> dict[str, str]:
    """An OAuth client that may serve an account; its id and its secret."""
    account, now = _account(account_id), queries.database_now()
    if account.tenant is None:
        raise LookupError(account_id)
    made = oauth_clients.register(tenant_id=account.tenant.id, client_id=client_id, by=OPERATOR, now=now)
    with transaction.atomic():
        oauth_clients.grant_accounts(client=made.client, accounts=[account], by=OPERATOR, reason="conformance", now=now)
    return {"client_id": made.client.client_id, "secret": made.secret}


# Logs ----------------------------------------------------------------------------------------------------------------


def acked_seq(*, account_id: str) -> int:
    return _account(account_id).acked_seq


def lose_commands(*, account_id: str, above: int) -> None:
    """Take an account's log back to a number, as a database restored from a backup would."""
    account = _account(account_id)
    Report.objects.filter(command__account=account, command__seq__gt=above).delete()
    Command.objects.filter(account=account, seq__gt=above).delete()
    BrokerAccount.objects.filter(id=account.id).update(next_seq=above + 1, acked_seq=above)


def alerts(*, account_id: str) -> list[str]:
    """What operators have been called for about an account."""
    return list(OperatorAlert.objects.filter(account=_account(account_id)).values_list("code", flat=True))


def age_frames(*, account_id: str, days: int) -> None:
    """Let everything that an account has sent be so many days older."""
    back = timedelta(days=days)
    account = _account(account_id)
    InboundFrame.objects.filter(account=account).update(received_at=F("received_at") - back)
    Intent.objects.filter(account=account).update(
        received_at=F("received_at") - back, occurred_at=F("occurred_at") - back
    )


def repeat_of(*, frame_id: str) -> str:
    """The frame id of the intent that another one repeats."""
    first = Intent.objects.select_related("repeat_of").get(frame_id=UUID(frame_id)).repeat_of
    return str(first.frame_id) if first is not None else ""


def store_at_once(*, session_id: str, payload: dict[str, Any], seq: int, writers: int) -> dict[str, Any]:
    """Store one OrderIntent by several gateways' writers in one instant."""
    arrivals = _copies_of_one_arrival(session_id, payload, seq, writers)
    at_once(*(partial(store, [arrival]) for arrival in arrivals))
    return {
        "fates": [arrival.fate.value for arrival in arrivals],
        "refusals": [arrival.refusal.code for arrival in arrivals if arrival.refusal],
        "intents": Intent.objects.filter(frame_id=arrivals[0].frame_id).count(),
    }


def _copies_of_one_arrival(session_id: str, payload: dict[str, Any], seq: int, count: int) -> list[Arrival]:
    session = EaSession.objects.get(id=UUID(session_id))
    raw, frame_id = msgspec.json.encode(payload), new_id()
    arrivals = [_arrival(session, "OrderIntent", raw, OrderIntent, seq=seq) for _ in range(count)]
    for arrival in arrivals:
        arrival.frame_id = frame_id
    return arrivals


def _arrival(session: EaSession, kind: str, raw: bytes, payload: type[Payload], *, seq: int | None) -> Arrival:
    return Arrival(
        session_id=session.id,
        account_pk=session.account_id,
        fence=session.fence,
        kind=kind,
        frame_id=new_id(),
        seq=seq,
        payload=msgspec.json.decode(raw, type=payload, dec_hook=decode_hook),
        digest=digest(kind, raw),
        heard=monotonic(),
    )


def command(*, command_id: str) -> dict[str, Any]:
    row = Command.objects.get(id=UUID(command_id))
    return {"state": row.state, "reason": row.reason, "seq": row.seq, "reports": row.reports.count()}


def denials(*, account_id: str, follower: str) -> list[str]:
    """The codes of the decisions for one follower, in the order of the master's intents; of what was copied none."""
    concerned = Decision.objects.filter(intent__account=_account(account_id), subscription__follower=_account(follower))
    decisions = concerned.exclude(code="")
    return list(decisions.order_by("intent__received_at", "intent_id").values_list("code", flat=True))


def set_next_copy_no(*, account_id: str, to: int) -> None:
    BrokerAccount.objects.filter(id=_account(account_id).id).update(next_copy_no=to)


# Pending sessions ----------------------------------------------------------------------------------------------------


def approve_and_promote_at_once(*, session_id: str) -> None:
    """Approve a session's key in the instant of a heartbeat that promotes it."""
    session = EaSession.objects.get(id=UUID(session_id))
    key = AuthKey.objects.get(sessions__id=session.id)
    approval = partial(keys.approve, key_id=key.id, by=OPERATOR, reason="conformance")
    at_once(approval, *(partial(promotion.promote_session, session_id=session.id) for _ in range(2)))
    promotion.promote_session(session_id=session.id)


def fill_pending(*, session_id: str, upto: int) -> None:
    """Let a pending session have stored frames up to a number."""
    session = EaSession.objects.get(id=UUID(session_id))
    frames = [
        InboundFrame(
            account_id=session.account_id,
            session=session,
            frame_id=new_id(),
            seq=seq,
            kind="ErrorAlert",
            digest=b"-",
            quarantined=True,
            received_at=queries.database_now(),
        )
        for seq in range(session.stored_seq + 1, upto + 1)
    ]
    InboundFrame.objects.bulk_create(frames)
    EaSession.objects.filter(id=session.id).update(stored_seq=upto)


def count_frames(*, session_id: str) -> int:
    return InboundFrame.objects.filter(session_id=UUID(session_id)).count()


# Several sessions at once --------------------------------------------------------------------------------------------


def authenticated_sessions(*, account_id: str) -> int:
    return EaSession.objects.filter(account=_account(account_id), state=SessionStatus.AUTHENTICATED).count()


def fences(*, account_id: str) -> list[int]:
    """The fences of an account's sessions, in the order in which they were authenticated."""
    rows = EaSession.objects.filter(account=_account(account_id), fence__gt=0)
    return list(rows.order_by("authenticated_at").values_list("fence", flat=True))


def _open(account_id: str) -> EaSession:
    """A new authenticated session of the account's approved key."""
    key = AuthKey.objects.filter(account=_account(account_id), state=KeyState.APPROVED).latest("requested_at")
    request = opening.Request(auth_method="account_session_key", platform="sdk")
    return opening.open_session(key=key, request=request).session


def race_expiry(*, account_id: str, times: int) -> list[dict[str, Any]]:
    """Let a heartbeat and the expiry of its session fall into one instant; who won, so many times."""
    return [_race_once(account_id) for _ in range(times)]


def _race_once(account_id: str) -> dict[str, Any]:
    session = _open(account_id)
    EaSession.objects.filter(id=session.id).update(deadline_at=queries.database_now() - timedelta(milliseconds=1))
    beat = _arrival(session, "StatusHeartbeat", b'{"balance":"1000"}', StatusHeartbeat, seq=None)
    at_once(partial(store, [beat]), expiry.expire_overdue)
    session.refresh_from_db()
    transitions = SessionEvent.objects.filter(session=session).count()
    return {"state": session.state, "beat": beat.fate.value, "transitions": transitions}


def fall_silent(*, account_id: str, at_least: int) -> list[str]:
    """Let many sessions, most of those that live, be overdue in one instant; their ids."""
    tenant = _account(account_id).tenant
    living = EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).count()
    now = queries.database_now()
    ids = []
    for _ in range(max(at_least, 2 * living)):
        name = f"silent-{new_id()}:1"
        account = BrokerAccount.objects.create(tenant=tenant, account_id=name, claimed_as=name, created_at=now)
        key = AuthKey.objects.create(
            account=account,
            fingerprint=name,
            key_hash="-",
            requested_at=now,
            state=KeyState.APPROVED,
            decided_at=now,
            decided_as="operator",
        )
        request = opening.Request(auth_method="account_session_key", platform="sdk")
        ids.append(opening.open_session(key=key, request=request).session.id)
        EaSession.objects.filter(id=ids[-1]).update(deadline_at=now + timedelta(hours=1))  # not one by one
    EaSession.objects.filter(id__in=ids).update(deadline_at=queries.database_now())
    return [str(pk) for pk in ids]


def count_living(*, session_ids: list[str]) -> int:
    return EaSession.objects.filter(id__in=session_ids, state=SessionStatus.AUTHENTICATED).count()


def open_alerts(*, code: str) -> int:
    return OperatorAlert.objects.filter(code=code, acknowledged_at__isnull=True).count()


# Books ---------------------------------------------------------------------------------------------------------------


def copy_of(*, command_id: str) -> dict[str, Any]:
    row = Command.objects.select_related("copy").get(id=UUID(command_id)).copy
    return {"state": row.state, "close_cause": row.close_cause, "tombstoned": row.tombstoned_at is not None}


def books(*, account_id: str) -> dict[str, Any]:
    """What we believe of an account's terminal: its copies, its reports, its commands."""
    account = _account(account_id)
    copies = Copy.objects.filter(account=account).order_by("copy_no")
    columns = ("copy_no", "state", "ticket", "lots_open", "lots_decided", "close_cause")
    return {
        "copies": [[str(value) for value in row] for row in copies.values_list(*columns)],
        "reports": Report.objects.filter(account=account).count(),
        "commands": Command.objects.filter(account=account).count(),
    }


# Faults --------------------------------------------------------------------------------------------------------------


def fail_on_position(*, position_id: int) -> None:
    """Let the database refuse every intent about a position, as a bug in a handler would."""
    name = f"fail_on_{position_id}"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON orders_intent WHEN NEW.position_id = {int(position_id)}"
                " BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END"
            )
            return
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'a fault of the test' USING ERRCODE = '22000'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON orders_intent FOR EACH ROW"
            f" WHEN (NEW.position_id = {int(position_id)}) EXECUTE FUNCTION {name}()"
        )


# Who was late --------------------------------------------------------------------------------------------------------


def report_late(*, session_id: str, command_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Store a report and an intent of a session that has been preempted, as what was still queued for it."""
    session = EaSession.objects.get(id=UUID(session_id))
    told = {"command_id": command_id, "status": "filled", "ticket": 71, "lots": "0.10"}
    report = _arrival(
        session, "ExecutionReport", msgspec.json.encode(told), ExecutionReport, seq=session.stored_seq + 1
    )
    intent = _arrival(session, "OrderIntent", msgspec.json.encode(payload), OrderIntent, seq=session.stored_seq + 2)
    for arrival in (report, intent):
        ring_after_commit(store([arrival]))
    row = Report.objects.get(frame_id=report.frame_id)
    return {
        "report": {"fate": report.fate.value, "flagged": row.late, "command": command(command_id=command_id)["state"]},
        "intent": intent.refusal.code if intent.refusal else "",
    }


def age_session(*, session_id: str, hours: int) -> None:
    """Let the last heartbeat of a session be so long ago."""
    EaSession.objects.filter(id=UUID(session_id)).update(
        last_heartbeat_at=queries.database_now() - timedelta(hours=hours)
    )


def tenants_of(*, prefix: str) -> int:
    """How many accounts whose ids begin so belong to a tenant, which can see them."""
    return BrokerAccount.objects.filter(account_id__startswith=prefix, tenant__isnull=False).count()


def sentence_of(*, code: str) -> str:
    """What the page says of a denial."""
    return SENTENCES[Code(code)]
