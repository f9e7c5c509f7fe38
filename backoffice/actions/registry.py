"""The acts that people have on accounts, sessions, keys, grants, OAuth clients and policies: what each needs, tells and
does.

`views.access.perform` shows any of them as a page: GET tells what would happen, POST does it by one service.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.forms import Form

from backoffice.actions import access_forms as forms
from backoffice.actions.forms import ReasonForm
from backoffice.permissions import CLIENTS, END_SESSION, FINGERPRINTS, GRANTS, REVOKE, SHARE, SUSPEND, WINDOWS
from sessions_app.auth.secret_hashing import new_secret
from sessions_app.domain.lifecycle import LIVING, GrantState, KeyState, Reason
from sessions_app.models import (
    AccountGrant,
    ApprovedFingerprint,
    AuthKey,
    BrokerAccount,
    EaSession,
    EnrolmentWindow,
    OauthClient,
)
from sessions_app.queries import database_now
from sessions_app.services.access import enrolment_policies, grants, keys, oauth_clients, suspensions
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations.history import Actor

Facts = Sequence[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Done:
    """What to say, and what is shown this once."""

    message: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act. `model` and `back`: the table it belongs to; `open`: whether a row still allows it; None: a new row."""

    button: str
    title: str
    model: type[Any]
    permission: str
    form: type[Form]
    effects: Sequence[str]
    run: Callable[[Any, Mapping[str, Any], Actor], Done]
    open: Callable[[Any], bool] | None = None
    facts: Callable[[Any], Facts] = lambda row: [("", row)]
    harms: bool = False


def _suspend_account(row: BrokerAccount, sent: Mapping[str, Any], by: Actor) -> Done:
    ended = suspensions.suspend(account_pk=row.id, by=by, reason=sent["reason"])
    return Done(f"Suspended {row}." + (" Its session has ended." if ended else ""))


def _lift_suspension(row: BrokerAccount, sent: Mapping[str, Any], by: Actor) -> Done:
    suspensions.lift_suspension(account_pk=row.id, by=by, reason=sent["reason"])
    return Done(f"{row} may be served again. An EA that stopped is started by hand.")


def _end_session(row: EaSession, sent: Mapping[str, Any], by: Actor) -> Done:
    ending.close_session(session_id=row.id, reason=Reason.CLOSED_BY_OPERATOR, actor=by, note=sent["reason"])
    return Done(f"Ended the session of {row.account}.")


def _share_key(row: None, sent: Mapping[str, Any], by: Actor) -> Done:
    made = "" if sent["key"] else new_secret()
    keys.share_key(
        tenant_id=sent["tenant"].id,
        claimed_as=sent["account"],
        material=sent["key"] or made,
        by=by,
        reason=sent["reason"],
        overlap=None if sent["overlap"] is None else timedelta(hours=sent["overlap"]),
    )
    return Done(f"The key of {sent['account']} is approved: its EA is authenticated when it shows it.", made)


def _retire_key(row: AuthKey, sent: Mapping[str, Any], by: Actor) -> Done:
    span = timedelta(hours=sent["overlap"])
    until = keys.retire(key_id=row.id, after=span, by=by, reason=sent["reason"])
    return Done(f"The key of {row.account} is valid until {until:%Y-%m-%d %H:%M:%S} UTC.")


def _open_window(row: None, sent: Mapping[str, Any], by: Actor) -> Done:
    window = enrolment_policies.Window(
        opens_at=sent["opens_at"],
        closes_at=sent["closes_at"],
        max_keys=sent["max_keys"],
        accounts=sent["accounts"],
        addresses=sent["addresses"],
        adopts=sent["adopts"],
        reason=sent["reason"],
    )
    made = enrolment_policies.open_window(tenant_id=sent["tenant"].id, window=window, by=by, now=database_now())
    return Done(f"Opened the window of {made}.")


def _close_window(row: EnrolmentWindow, sent: Mapping[str, Any], by: Actor) -> Done:
    enrolment_policies.close_window(window_id=row.id, by=by)
    return Done("The window is closed.")


def _approve_fingerprint(row: None, sent: Mapping[str, Any], by: Actor) -> Done:
    enrolment_policies.approve_fingerprint(
        tenant_id=sent["tenant"].id,
        fingerprint=sent["fingerprint"],
        accounts=sent["accounts"],
        by=by,
        reason=sent["reason"],
        now=database_now(),
    )
    return Done(f"The key {sent['fingerprint'][:12]} is approved when it asks.")


def _withdraw_fingerprint(row: ApprovedFingerprint, sent: Mapping[str, Any], by: Actor) -> Done:
    enrolment_policies.withdraw_fingerprint(fingerprint_id=row.id, by=by)
    return Done("The fingerprint is approved no more.")


def _register_client(row: None, sent: Mapping[str, Any], by: Actor) -> Done:
    made = oauth_clients.register(
        tenant_id=sent["tenant"].id,
        client_id=sent["client_id"],
        by=by,
        now=database_now(),
        external=sent["external"],
    )
    return Done(f"Registered the client {made.client}.", made.secret)


def _renew_secret(row: OauthClient, sent: Mapping[str, Any], by: Actor) -> Done:
    return Done(f"The client {row} has another secret.", oauth_clients.renew_secret(client_pk=row.id, by=by).secret)


def _grant_account(row: OauthClient, sent: Mapping[str, Any], by: Actor) -> Done:
    account = oauth_clients.grant_account(client=row, account_id=sent["account"], by=by, reason=sent["reason"])
    return Done(f"The client {row} may serve {account}.")


def _revoke_client(row: OauthClient, sent: Mapping[str, Any], by: Actor) -> Done:
    oauth_clients.revoke(client_pk=row.id, by=by, reason=sent["reason"])
    return Done(f"Revoked the client {row}. Its sessions have ended.")


def _withdraw_grant(row: AccountGrant, sent: Mapping[str, Any], by: Actor) -> Done:
    grants.withdraw_grant(grant_id=row.id, by=by, reason=sent["reason"])
    return Done(f"Withdrew the grant of {row}. Its sessions have ended.")


def _of_client(row: OauthClient) -> Facts:
    return [("Client", row.client_id), ("Tenant", row.tenant)]


ACTS: Final[Mapping[str, Act]] = {
    "suspend_account": Act(
        button="Suspend",
        title="Suspend this account?",
        model=BrokerAccount,
        permission=SUSPEND,
        form=ReasonForm,
        effects=[
            "Its session ends at once, and no key or token opens another until the suspension is lifted.",
            "Its EA stops, shows it, and does not come back by itself.",
            "Commands for it wait; opens that wait too long expire. Positions stay as they are at the broker.",
        ],
        open=lambda row: row.suspended_at is None,
        facts=lambda row: [("Account", row.claimed_as), ("Tenant", row.tenant or "none")],
        run=_suspend_account,
        harms=True,
    ),
    "lift_suspension": Act(
        button="Lift the suspension",
        title="Lift this suspension?",
        model=BrokerAccount,
        permission=SUSPEND,
        form=ReasonForm,
        effects=[
            "Its keys and tokens open sessions again.",
            "Its EA has stopped: whoever runs it starts it again. It is then asked what it holds.",
        ],
        open=lambda row: row.suspended_at is not None,
        facts=lambda row: [("Account", row.claimed_as), ("Suspended at", f"{row.suspended_at:%Y-%m-%d %H:%M:%S} UTC")],
        run=_lift_suspension,
    ),
    "end_session": Act(
        button="End",
        title="End this session?",
        model=EaSession,
        permission=END_SESSION,
        form=ReasonForm,
        effects=[
            "Its socket is told and closed at once.",
            "Its EA opens a new session by itself: to keep it away, suspend the account or revoke its key.",
        ],
        open=lambda row: row.state in LIVING,
        facts=lambda row: [("Account", row.account.claimed_as), ("State", row.state), ("Address", row.remote_address)],
        run=_end_session,
        harms=True,
    ),
    "share_key": Act(
        button="Share a key",
        title="Share a key?",
        model=AuthKey,
        permission=SHARE,
        form=forms.ShareKeyForm,
        effects=[
            "The key is approved: an EA that shows it is authenticated at once.",
            "An account that nobody knows yet becomes the tenant's.",
            "A key that is made here is shown this once; only its hash is stored.",
        ],
        run=_share_key,
    ),
    "retire_key": Act(
        button="Retire",
        title="Retire this key?",
        model=AuthKey,
        permission=REVOKE,
        form=forms.RetireForm,
        effects=[
            "The key stays valid for so many hours, beside any other key of its account.",
            "Then it is revoked for good, and its sessions end.",
        ],
        open=lambda row: row.state == KeyState.APPROVED,
        facts=lambda row: [("Account", row.account.claimed_as), ("Key", row.fingerprint[:12])],
        run=_retire_key,
        harms=True,
    ),
    "open_window": Act(
        button="Open a window",
        title="Open an enrolment window?",
        model=EnrolmentWindow,
        permission=WINDOWS,
        form=forms.WindowForm,
        effects=[
            "While it is open, the first key of an account that asks is approved at once, by nobody.",
            "Keys of accounts that have, or had, an approved or rejected key wait at the desk as ever.",
        ],
        run=_open_window,
    ),
    "close_window": Act(
        button="Close",
        title="Close this window?",
        model=EnrolmentWindow,
        permission=WINDOWS,
        form=ReasonForm,
        effects=["It approves nothing any more.", "Keys that it has approved stay approved."],
        open=lambda row: row.closed_at is None,
        facts=lambda row: [("Window", row), ("Keys approved", row.enrolled)],
        run=_close_window,
        harms=True,
    ),
    "approve_fingerprint": Act(
        button="Approve a fingerprint",
        title="Approve a fingerprint beforehand?",
        model=ApprovedFingerprint,
        permission=FINGERPRINTS,
        form=forms.FingerprintForm,
        effects=[
            "The key with this fingerprint is approved when it asks for an account of the pattern.",
            "An account that belongs to nobody yet becomes the tenant's.",
            "A key that waits already is approved when it asks again; to approve it now, use the desk.",
        ],
        run=_approve_fingerprint,
    ),
    "withdraw_fingerprint": Act(
        button="Withdraw",
        title="Withdraw this fingerprint?",
        model=ApprovedFingerprint,
        permission=FINGERPRINTS,
        form=ReasonForm,
        effects=["It approves nothing any more.", "A key that it has approved stays approved: revoke it by itself."],
        open=lambda row: row.withdrawn_at is None,
        facts=lambda row: [("Fingerprint", row.fingerprint[:12]), ("Tenant", row.tenant)],
        run=_withdraw_fingerprint,
        harms=True,
    ),
    "register_client": Act(
        button="Register a client",
        title="Register an OAuth client?",
        model=OauthClient,
        permission=CLIENTS,
        form=forms.ClientForm,
        effects=["It gets a secret, shown this once.", "It serves no account until one is granted to it."],
        run=_register_client,
    ),
    "renew_secret": Act(
        button="Renew the secret",
        title="Give this client another secret?",
        model=OauthClient,
        permission=CLIENTS,
        form=ReasonForm,
        effects=[
            "The former secret and its access tokens end at once; sessions go on.",
            "The new secret is shown this once.",
        ],
        open=lambda row: row.application_id is not None,
        facts=_of_client,
        run=_renew_secret,
        harms=True,
    ),
    "grant_account": Act(
        button="Grant an account",
        title="Grant an account to this client?",
        model=OauthClient,
        permission=GRANTS,
        form=forms.GrantForm,
        effects=["The client may open sessions of this account; a session of its preempts the present one."],
        open=lambda row: row.revoked_at is None,
        facts=_of_client,
        run=_grant_account,
    ),
    "revoke_client": Act(
        button="Revoke",
        title="Revoke this client?",
        model=OauthClient,
        permission=CLIENTS,
        form=ReasonForm,
        effects=[
            "For good: its secret, its tokens, its grants and its sessions end at once.",
            "Positions stay as they are at the broker; nothing is closed.",
        ],
        open=lambda row: row.revoked_at is None,
        facts=_of_client,
        run=_revoke_client,
        harms=True,
    ),
    "withdraw_grant": Act(
        button="Withdraw",
        title="Withdraw this grant?",
        model=AccountGrant,
        permission=GRANTS,
        form=ReasonForm,
        effects=[
            "Its sessions end at once, and no token of this subject opens one for this account.",
            "Positions stay as they are at the broker; nothing is closed.",
        ],
        open=lambda row: row.state == GrantState.GRANTED,
        facts=lambda row: [("Account", row.account.claimed_as), ("Method", row.method), ("Subject", row.subject)],
        run=_withdraw_grant,
        harms=True,
    ),
}
