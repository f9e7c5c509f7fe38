"""The decisions of the approval desk: approve or reject a key that waits, revoke one that is approved."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backoffice.actions.action import OWN_WORDS, Action, Done, Place, Preview, Sent, counted, strong, unless
from backoffice.actions.forms import TenantForm, hours, tenant_choice
from backoffice.foreign import foreign
from backoffice.own_clock import clock_and_zone
from backoffice.permissions import DECIDE, REVOKE, SEE_KEYS
from backoffice.terminals import Terminal
from orders.domain.states.commands import CommandState
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command
from sessions_app.domain.lifecycle import LIVING, KeyState, SessionStatus
from sessions_app.models import AuthKey, EaSession
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.access.keys import AlreadyDecided, KeysNotTaken, TenantNeeded
from sessions_app.services.operations.history import Actor

_SOMEWHERE: Final = "an unknown address"


class ApprovalForm(TenantForm):
    """A reason; the tenant of an account that belongs to nobody yet; how long the account's other keys stay."""

    tenant = tenant_choice(
        empty_label="Choose whose account this becomes",
        error_messages={"required": "This account belongs to nobody yet: choose its tenant."},
    )
    overlap = hours("The account's other approved keys are revoked after it; empty: they stay valid.", required=False)
    field_order = ("tenant", "reason", "overlap")

    def __init__(self, data: Any = None, *, row: AuthKey) -> None:
        super().__init__(data, row=row)
        if row.account.tenant_id is not None:
            del self.fields["tenant"]
        approved = AuthKey.objects.filter(account_id=row.account_id, state=KeyState.APPROVED)
        if not approved.exclude(id=row.id).exists():
            del self.fields["overlap"]


def _approve(row: AuthKey, sent: Sent, by: Actor) -> Done:
    tenant, overlap = sent.get("tenant"), sent.get("overlap")
    done = keys.approve(
        key_id=row.id,
        by=by,
        reason=sent["reason"],
        tenant_id=tenant.id if tenant is not None else None,
        overlap=None if overlap is None else timedelta(hours=overlap),
    )
    then = "Its session is authenticated now" if done.promoted else "Its EA is promoted when it is heard of next"
    return Done(f"Approved the key of {row.account}. {then}.")


def _reject(row: AuthKey, sent: Sent, by: Actor) -> Done:
    keys.reject(key_id=row.id, by=by, reason=sent["reason"])
    return Done(f"Rejected the key of {row.account}. Its sessions have ended.")


def _revoke(row: AuthKey, sent: Sent, by: Actor) -> Done:
    keys.revoke(key_id=row.id, by=by, reason=sent["reason"])
    return Done(f"Revoked the key of {row.account}. Its sessions have ended.")


# What a decision would do --------------------------------------------------------------------------------------------


def _of_approval(key: AuthKey) -> Preview:
    now = database_now()
    living = _living(key)
    asking = _asking(key, living)
    terminal = Terminal.of(asking, now) if asking is not None else None
    present = next((row for row in living if row.state == SessionStatus.AUTHENTICATED), None)
    effects = ["The key is approved: its EA is authenticated from now on.", _promotion(terminal)]
    if present is not None:
        effects.append(_preemption(present, at_once=terminal is not None and terminal.alive))
    return Preview(_facts(key, terminal), [*effects, _release(key, now)])


def _of_end(key: AuthKey, *effects: str) -> Preview:
    living = _living(key)
    asking = _asking(key, living)
    ends = sum(row.key_id == key.id for row in living)
    sessions = "No session of this key is alive."
    if ends:
        named = strong(counted(ends, "session"))
        sessions = format_html("{} of this key end{} at once.", named, pluralize(ends, "s,"))
    terminal = Terminal.of(asking, database_now()) if asking is not None else None
    return Preview(_facts(key, terminal), [effects[0], sessions, *effects[1:]])


def _facts(key: AuthKey, terminal: Terminal | None) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("Account", foreign(key.account.claimed_as)),
        ("Tenant", key.account.tenant or "none yet"),
        ("Key", format_html("<code>{}</code>", key.fingerprint[:12])),
        ("Asked", clock_and_zone(key.requested_at)),
        ("From", foreign(key.requested_from or _SOMEWHERE)),
    ]
    if terminal is None:
        return facts
    session = terminal.session
    return [
        *facts,
        ("Terminal", session.platform),
        ("Its version", foreign(session.ea_version or "not told")),
        ("Its address", foreign(session.remote_address or _SOMEWHERE)),
        ("Heard", "not yet" if terminal.silence is None else terminal.heard),
    ]


def _promotion(terminal: Terminal | None) -> str:
    if terminal is None:
        return "It has no session now."
    if terminal.alive:
        return format_html("Its session is {}.", strong("authenticated at once"))
    return format_html("Its session is silent; it is authenticated {}.", strong("at its next heartbeat"))


def _preemption(present: EaSession, *, at_once: bool) -> str:
    since = clock_and_zone(present.authenticated_at) if present.authenticated_at else "now"
    return format_html(
        '<span class="bad">The account\'s present session ({}, since {}) {}{}: one terminal per account.</span>',
        *(_named(present), since, strong("ends"), "" if at_once else " when that happens"),
    )


def _release(key: AuthKey, now: datetime) -> str:
    """What becomes of the commands that wait for the account's EA (orders.services.copies.backlog has the rule)."""
    held = Command.objects.filter(account_id=key.account_id, state=CommandState.HELD)
    count = held.count()
    if not count:
        return "No command is held for this account."
    too_old = Q(valid_until__lt=now, action__in=ADDS_EXPOSURE)
    elsewhere = Q(decided_on__isnull=False) & ~Q(decided_on__key=key.id)
    dropped = held.filter(too_old | elsewhere).count()
    goes = pluralize(count, "goes,go")
    expired = "; {} of them expire{}: too old by now, or decided on what a stranger told" if dropped else ""
    return format_html(
        "{} {} to the EA with its session" + expired + ".",
        *(strong(counted(count, "held command")), goes, dropped, pluralize(dropped, "s,")),
    )


def _living(key: AuthKey) -> list[EaSession]:
    """The account's living sessions, the newest first."""
    rows = EaSession.objects.filter(account_id=key.account_id, state__in=LIVING)
    return list(rows.order_by("-created_at", "-id")[:50])


def _asking(key: AuthKey, living: list[EaSession]) -> EaSession | None:
    """The session that an approval promotes, at once if its terminal is alive, else at its next heartbeat."""
    return next((row for row in living if row.key_id == key.id and row.state == SessionStatus.PENDING), None)


def _named(session: EaSession) -> SafeString:
    """In a sentence of ours: what we know, and nothing that the terminal says of itself."""
    return format_html("{} at {}", session.platform, foreign(session.remote_address or _SOMEWHERE))


def _too_late(key: AuthKey) -> str:
    if not key.decided_as:
        return "this key still waits for its first decision"
    return str(AlreadyDecided(state=key.state, by=key.decided_as, at=key.decided_at))


def _desk(key: AuthKey) -> Place:
    return Place("Approvals", reverse("admin:approvals"), (SEE_KEYS, DECIDE))


def _action(verb: str, needs: KeyState, permission: str, **more: Any) -> Action:
    return Action(
        name=f"{verb.lower()}_key",
        noun=AuthKey,
        verb=verb,
        title=f"{verb} this key?",
        permission=permission,
        obstacle=lambda row: unless(row.state == needs, _too_late(row)),
        late={AlreadyDecided: OWN_WORDS},
        place=_desk,
        **more,
    )


ACTIONS: Final = (
    _action(
        "Approve",
        KeyState.PENDING,
        DECIDE,
        form=ApprovalForm,
        preview=_of_approval,
        do=_approve,
        mistakes={
            TenantNeeded: "This account belongs to nobody any more: choose its tenant",
            KeysNotTaken: "The account's tenant takes no keys: give the terminal a token, or let the tenant take keys",
        },
    ),
    _action(
        "Reject",
        KeyState.PENDING,
        DECIDE,
        preview=lambda row: _of_end(
            row, format_html("The key is rejected {}: the EA needs a new one.", strong("for good"))
        ),
        do=_reject,
        harms=True,
    ),
    _action(
        "Revoke",
        KeyState.APPROVED,
        REVOKE,
        preview=lambda row: _of_end(
            row,
            format_html("The key is revoked {}: the EA needs a new one.", strong("for good")),
            "Positions stay as they are at the broker; nothing is closed.",
        ),
        do=_revoke,
        harms=True,
    ),
)
