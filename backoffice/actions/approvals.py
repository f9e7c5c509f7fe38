"""The decisions of the approval desk: approve or reject a key that waits, revoke one that is approved."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from backoffice.actions.action import OWN_WORDS, Action, Done, Place, Preview, Sent, counted, strong, unless
from backoffice.actions.forms import TenantForm, hours, tenant_choice
from backoffice.foreign import foreign
from backoffice.own_clock import clock_and_zone
from backoffice.permissions import DECIDE, REVOKE, SEE_KEYS
from backoffice.terminals import Terminal
from orders.domain.states.commands import CommandState
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command
from sessions_app.domain.keys import grouped
from sessions_app.domain.lifecycle import LIVING, KeyState, SessionStatus
from sessions_app.models import AuthKey, EaSession
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.access.keys import AlreadyDecided, KeysNotTaken, TenantNeeded
from sessions_app.services.operations.history import Actor

_SOMEWHERE: Final = gettext_lazy("an unknown address")


class ApprovalForm(TenantForm):
    """A reason; the tenant of an account that belongs to nobody yet; how long the account's other keys stay."""

    tenant = tenant_choice(
        empty_label="Choose whose account this becomes",
        error_messages={"required": "This account belongs to nobody yet: choose its tenant."},
    )
    overlap = hours(
        gettext_lazy("The account's other approved keys are revoked after it; empty: they stay valid."), required=False
    )
    lasts = hours(
        gettext_lazy("This key is revoked by itself after so many hours; empty: it stays valid."),
        required=False,
        least=1,
        label=gettext_lazy("Valid for hours"),
    )
    field_order = ("tenant", "reason", "lasts", "overlap")

    def __init__(self, data: Any = None, *, row: AuthKey) -> None:
        super().__init__(data, row=row)
        if row.account.tenant_id is not None:
            del self.fields["tenant"]
        approved = AuthKey.objects.filter(account_id=row.account_id, state=KeyState.APPROVED)
        if not approved.exclude(id=row.id).exists():
            del self.fields["overlap"]


def _approve(row: AuthKey, sent: Sent, by: Actor) -> Done:
    tenant, overlap, lasts = sent.get("tenant"), sent.get("overlap"), sent.get("lasts")
    done = keys.approve(
        key_id=row.id,
        by=by,
        reason=sent["reason"],
        tenant_id=tenant.id if tenant is not None else None,
        overlap=None if overlap is None else timedelta(hours=overlap),
        lasts=None if lasts is None else timedelta(hours=lasts),
    )
    if done.promoted:
        words = gettext("Approved the key of %(account)s. Its session is authenticated now.")
    else:
        words = gettext("Approved the key of %(account)s. Its EA is promoted when it is heard of next.")
    return Done(words % {"account": row.account})


def _reject(row: AuthKey, sent: Sent, by: Actor) -> Done:
    keys.reject(key_id=row.id, by=by, reason=sent["reason"])
    return Done(gettext("Rejected the key of %(account)s. Its sessions have ended.") % {"account": row.account})


def _reject_several(rows: list[AuthKey], sent: Sent, by: Actor) -> Done:
    """Each by itself, as one is: what somebody else decides meanwhile stays as he has decided."""
    rejected = 0
    for row in rows:
        try:
            keys.reject(key_id=row.id, by=by, reason=sent["reason"])
        except AlreadyDecided:
            continue
        rejected += 1
    words = f"Rejected {counted(rejected, 'key')}. Their sessions have ended."
    beside = len(rows) - rejected
    return Done(words + (f" Somebody else has decided about {counted(beside, 'other')} meanwhile." if beside else ""))


def _revoke(row: AuthKey, sent: Sent, by: Actor) -> Done:
    keys.revoke(key_id=row.id, by=by, reason=sent["reason"])
    return Done(gettext("Revoked the key of %(account)s. Its sessions have ended.") % {"account": row.account})


# What a decision would do --------------------------------------------------------------------------------------------


def _of_approval(key: AuthKey) -> Preview:
    now = database_now()
    living = _living(key)
    asking = _asking(key, living)
    terminal = Terminal.of(asking, now) if asking is not None else None
    present = next((row for row in living if row.state == SessionStatus.AUTHENTICATED), None)
    effects = [gettext("The key is approved: its EA may be let in from now on."), _promotion(terminal)]
    if present is not None:
        effects.append(_preemption(present, at_once=terminal is not None and terminal.alive))
    return Preview(_facts(key, terminal), [*effects, _release(key, now)])


def _of_end(key: AuthKey, *effects: str) -> Preview:
    living = _living(key)
    asking = _asking(key, living)
    ends = sum(row.key_id == key.id for row in living)
    sessions = gettext("No session of this key is alive.")
    if ends:
        sessions = format_html(
            ngettext(
                "<strong>{} session</strong> of this key ends at once.",
                "<strong>{} sessions</strong> of this key end at once.",
                ends,
            ),
            ends,
        )
    terminal = Terminal.of(asking, database_now()) if asking is not None else None
    # What an approver compares says nothing to who ends a key that is approved.
    facts = _facts(key, terminal, compared=key.state == KeyState.PENDING)
    return Preview(facts, [effects[0], sessions, *effects[1:]])


def _of_several(rows: list[AuthKey]) -> Preview:
    named = AuthKey.objects.filter(pk__in=[row.pk for row in rows]).select_related("account")
    facts: list[tuple[str, object]] = [
        (
            foreign(row.account.claimed_as),
            format_html("<code>{}</code> {}", grouped(row.code), foreign(row.requested_from or _SOMEWHERE)),
        )
        for row in named.order_by("account__claimed_as", "id")
    ]
    for_good = format_html("{} rejected {}: the EAs need new ones.", _keys(len(rows)), strong("for good"))
    return Preview(facts, [for_good, "Their sessions end at once.", "The reason stands in the history of each."])


def _keys(number: int) -> str:
    return "1 key is" if number == 1 else f"{number} keys are"


def _code(key: AuthKey) -> str:
    """What is to be compared with what, and what follows of it."""
    return format_html(
        "<code>{}</code> {}",
        grouped(key.code),
        gettext(
            "Ask the owner of the account for the code that his EA shows on its chart, on a way that you know. "
            "The same code: it is his key. Another one, or he knows of none: reject it, somebody else asks for this "
            "account."
        ),
    )


def _fingerprint(key: AuthKey) -> str:
    return format_html(
        "<code>{}</code> {}",
        key.fingerprint[:12],
        gettext("Our name of the key in lists and logs; its owner does not see it, so compare nothing with it."),
    )


def _facts(key: AuthKey, terminal: Terminal | None, *, compared: bool = True) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        (gettext("Account"), foreign(key.account.claimed_as)),
        (gettext("Tenant"), key.account.tenant or gettext("none yet")),
        *([(gettext("Its owner's code"), _code(key) if compared else grouped(key.code))] if key.code else []),
        (gettext("Fingerprint"), _fingerprint(key)),
        (gettext("Asked"), clock_and_zone(key.requested_at)),
        (gettext("From"), foreign(key.requested_from or _SOMEWHERE)),
    ]
    if terminal is None:
        return facts
    session = terminal.session
    return [
        *facts,
        (gettext("Terminal"), session.platform),
        (gettext("Its version"), foreign(session.ea_version or gettext("not told"))),
        (gettext("Its address"), foreign(session.remote_address or _SOMEWHERE)),
        (gettext("Heard"), gettext("not yet") if terminal.silence is None else terminal.heard),
    ]


def _promotion(terminal: Terminal | None) -> str:
    if terminal is None:
        return gettext("It has no session now.")
    if terminal.alive:
        return format_html(gettext("Its session is {}."), strong(gettext("authenticated at once")))
    return format_html(
        gettext("Its session is silent; it is authenticated {}."), strong(gettext("at its next heartbeat"))
    )


def _preemption(present: EaSession, *, at_once: bool) -> str:
    since = clock_and_zone(present.authenticated_at) if present.authenticated_at else gettext("now")
    if at_once:
        words = gettext("The account's present session ({}, since {}) <strong>ends</strong>: one terminal per account.")
    else:
        words = gettext(
            "The account's present session ({}, since {}) <strong>ends</strong> when that happens: one terminal per "
            "account."
        )
    return format_html('<span class="bad">{}</span>', format_html(words, _named(present), since))


def _release(key: AuthKey, now: datetime) -> str:
    """What becomes of the commands that wait for the account's EA (orders.services.copies.backlog has the rule)."""
    held = Command.objects.filter(account_id=key.account_id, state=CommandState.HELD)
    count = held.count()
    if not count:
        return gettext("No command is held for this account.")
    too_old = Q(valid_until__lt=now, action__in=ADDS_EXPOSURE)
    elsewhere = Q(decided_on__isnull=False) & ~Q(decided_on__key=key.id)
    dropped = held.filter(too_old | elsewhere).count()
    goes = ngettext(
        "<strong>{} held command</strong> goes to the EA with its session",
        "<strong>{} held commands</strong> go to the EA with its session",
        count,
    )
    expired = ngettext(
        "; {} of them expires: too old by now, or decided on what a stranger told",
        "; {} of them expire: too old by now, or decided on what a stranger told",
        dropped,
    )
    return format_html("{}{}.", format_html(goes, count), format_html(expired, dropped) if dropped else "")


def _living(key: AuthKey) -> list[EaSession]:
    """The account's living sessions, the newest first."""
    rows = EaSession.objects.filter(account_id=key.account_id, state__in=LIVING)
    return list(rows.order_by("-created_at", "-id")[:50])


def _asking(key: AuthKey, living: list[EaSession]) -> EaSession | None:
    """The session that an approval promotes, at once if its terminal is alive, else at its next heartbeat."""
    return next((row for row in living if row.key_id == key.id and row.state == SessionStatus.PENDING), None)


def _named(session: EaSession) -> SafeString:
    """In a sentence of ours: what we know, and nothing that the terminal says of itself."""
    return format_html(gettext("{} at {}"), session.platform, foreign(session.remote_address or _SOMEWHERE))


def _too_late(key: AuthKey) -> str:
    if not key.decided_as:
        return gettext("this key still waits for its first decision")
    return str(AlreadyDecided(state=key.state, by=key.decided_as, at=key.decided_at))


def _desk(key: AuthKey) -> Place:
    return Place("Approvals", reverse("admin:approvals"), (SEE_KEYS, DECIDE))


def _action(name: str, words: tuple[Any, Any], needs: KeyState, permission: str, **more: Any) -> Action:
    return Action(
        name=name,
        noun=AuthKey,
        verb=words[0],
        title=words[1],
        permission=permission,
        obstacle=lambda row: unless(row.state == needs, _too_late(row)),
        late={AlreadyDecided: OWN_WORDS},
        place=_desk,
        **more,
    )


ACTIONS: Final = (
    _action(
        "approve_key",
        (gettext_lazy("Approve"), gettext_lazy("Approve this key?")),
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
        "reject_key",
        (gettext_lazy("Reject"), gettext_lazy("Reject this key?")),
        KeyState.PENDING,
        DECIDE,
        preview=lambda row: _of_end(
            row, format_html(gettext("The key is rejected {}: the EA needs a new one."), strong(gettext("for good")))
        ),
        do=_reject,
        harms=True,
    ),
    _action(
        "reject_keys",
        ("Reject all of them", "Reject these keys?"),
        KeyState.PENDING,
        DECIDE,
        many=True,
        preview=_of_several,
        do=_reject_several,
        harms=True,
    ),
    _action(
        "revoke_key",
        (gettext_lazy("Revoke"), gettext_lazy("Revoke this key?")),
        KeyState.APPROVED,
        REVOKE,
        preview=lambda row: _of_end(
            row,
            format_html(gettext("The key is revoked {}: the EA needs a new one."), strong(gettext("for good"))),
            gettext("Positions stay as they are at the broker; nothing is closed."),
        ),
        do=_revoke,
        harms=True,
    ),
)
