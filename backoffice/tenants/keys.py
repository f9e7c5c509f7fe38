"""Accounts and keys, by the tenant itself: register an account with its key, share a key, decide about those that wait.

The services and the rules are those of the management API. Who approves a terminal says that it may trade: a deployment
lets tenants do that only with `TENANTS_ENROL`.
"""

import base64
import secrets
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, gettext_lazy

from backoffice import mail
from backoffice.actions.forms import MAX_HOURS, NO_COMPLETION, checked
from backoffice.actions.registry import ACTIONS
from backoffice.foreign import legible
from backoffice.tenants.acts import perform
from backoffice.tenants.pages import Visit, found, member_act, secret_act
from sessions_app.auth.account_session_key import key_fingerprint
from sessions_app.domain.keys import canonical_account_id, check_key
from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import BrokerAccount
from sessions_app.queries import database_now
from sessions_app.services.access import accounts, keys
from sessions_app.services.operations.history import Actor

LEFT_TO_STAFF: Final = gettext_lazy("this deployment leaves it to its staff, who see the key on their desk")
TWO_CLICKS: Final = timedelta(minutes=1)
"""How long after it was made a key is shown again to who sends the same form again."""
_NONCE_BYTES: Final = 32


class KeyForm(forms.Form):
    """A key of one's own, or one that is made. `once`: drawn when the form was shown, so that a form that is sent twice
    makes one key."""

    once = forms.CharField(widget=forms.HiddenInput, min_length=43, max_length=43)
    key = forms.CharField(
        max_length=256, required=False, label=gettext_lazy("Key"),
        help_text=gettext_lazy("Leave it empty to have one made and shown once."),
        widget=forms.TextInput(attrs={**NO_COMPLETION, "spellcheck": "false"}),
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=255,
        help_text=gettext_lazy("Stands in the history, with your name."),
        widget=forms.TextInput(attrs=NO_COMPLETION),
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data, initial={"once": secrets.token_urlsafe(_NONCE_BYTES)})

    def clean_key(self) -> str:
        material: str = self.cleaned_data["key"]
        return checked(material, check_key, keep=True) if material else ""


class ShareForm(KeyForm):
    """A key for an account that is there."""

    overlap = forms.IntegerField(
        min_value=0, max_value=MAX_HOURS, required=False, label=gettext_lazy("Overlap in hours"),
        help_text=gettext_lazy("The account's other approved keys are revoked after it; empty: they stay valid."),
    )  # fmt: skip
    field_order = ("key", "overlap", "reason")


class RegisterForm(KeyForm):
    """An account, and the key of its EA."""

    account = forms.CharField(
        label=gettext_lazy("Account"),
        max_length=128, help_text=gettext_lazy("As its terminal says it: <broker server>:<login>."),
        widget=forms.TextInput(attrs={**NO_COMPLETION, "spellcheck": "false"}),
    )  # fmt: skip
    field_order = ("account", "key", "reason")

    def clean_account(self) -> str:
        return checked(self.cleaned_data["account"], canonical_account_id, keep=True)


@secret_act
def register(visit: Visit) -> HttpResponseBase:
    """An account that nobody knows yet, and its key: approved before its EA shows it."""
    back = visit.address("tenants:accounts")
    if not settings.GATEWAY["tenants_enrol"]:
        return visit.show("act", gettext("Register an account"), obstacle=LEFT_TO_STAFF, back=back)
    form = RegisterForm(visit.request.POST or None)
    if form.is_valid():
        sent = form.cleaned_data
        try:
            row = accounts.register(
                tenant_id=visit.scope.tenant.pk, claimed_as=sent["account"], by=_actor(visit), reason=sent["reason"]
            )
        except accounts.AccountKnown:
            known = visit.scope.accounts().filter(account_id=canonical_account_id(sent["account"])).first()
            if known is not None:
                return _yours_already(visit, known, sent)
            form.add_error("account", gettext("This account is known here already: ask the staff whose it is."))
        else:
            answer = _shared(visit, row, form, overlap=None)
            if answer is not None:
                return answer
    return visit.show("form", gettext("Register an account"), form=form, verb=gettext("Register it"), back=back)


@secret_act
def share(visit: Visit, account_id: UUID) -> HttpResponseBase:
    """Approve a key before its EA shows it."""
    account: BrokerAccount = found(visit.scope.accounts(), account_id)
    form = ShareForm(visit.request.POST or None)
    if form.is_valid():
        answer = _shared(visit, account, form, overlap=form.cleaned_data["overlap"])
        if answer is not None:
            return answer
    facts = [(gettext("Account"), legible(account.claimed_as))]
    back = visit.address("tenants:account", account.pk)
    return visit.show("form", gettext("Share a key"), form=form, facts=facts, verb=gettext("Share it"), back=back)


def _shared(visit: Visit, account: BrokerAccount, form: KeyForm, *, overlap: int | None) -> HttpResponseBase | None:
    """The page of a key that was made, or that of the account; None when the form must be shown again."""
    sent, back = form.cleaned_data, visit.address("tenants:account", account.pk)
    made = "" if sent["key"] else _made(visit, account, sent["once"])
    try:
        keys.share_key(
            tenant_id=visit.scope.tenant.pk,
            claimed_as=account.claimed_as,
            material=sent["key"] or made,
            by=_actor(visit),
            reason=sent["reason"],
            overlap=None if overlap is None else timedelta(hours=overlap),
        )
    except keys.ForeignAccount:
        form.add_error(None, gettext("The account is not this tenant's any more."))
        return None
    except keys.AlreadyDecided as decided:
        if made:
            return _again(visit, account, made)
        form.add_error("key", gettext("Not shared: %(decided)s.") % {"decided": decided})
        return None
    if not made:
        messages.success(visit.request, gettext("The key is approved: its EA is authenticated when it shows it."))
        return redirect(back)
    return _shown_once(visit, account, made)


def _shown_once(visit: Visit, account: BrokerAccount, made: str) -> HttpResponseBase:
    gateway, back = mail.address(visit.request), visit.address("tenants:account", account.pk)
    return visit.show("key", gettext("Shown this once"), account=account, key=made, gateway=gateway, back=back)


def _yours_already(visit: Visit, account: BrokerAccount, sent: dict[str, Any]) -> HttpResponseBase:
    made = "" if sent["key"] else _made(visit, account, sent["once"])
    if made and _was_just_made(visit, account, made):
        return _shown_once(visit, account, made)
    messages.info(visit.request, gettext("This account is yours already: here it is."))
    return redirect(visit.address("tenants:account", account.pk))


def _again(visit: Visit, account: BrokerAccount, made: str) -> HttpResponseBase:
    """The form was sent before. A browser shows the answer to the second click, and the first had the key."""
    if _was_just_made(visit, account, made):
        return _shown_once(visit, account, made)
    words = gettext("This form was sent before: its key was shown then. If nobody has it, revoke it and share another.")
    messages.error(visit.request, words)
    return redirect(visit.address("tenants:account", account.pk))


def _was_just_made(visit: Visit, account: BrokerAccount, made: str) -> bool:
    mine = visit.scope.keys().filter(account=account, fingerprint=key_fingerprint(made), state=KeyState.APPROVED)
    return mine.filter(decided_by=visit.request.user.pk, decided_at__gt=database_now() - TWO_CLICKS).exists()


def _made(visit: Visit, account: BrokerAccount, once: str) -> str:
    """The key of one form: 256 bits that nobody else can tell, the same each time that the form is sent."""
    words = f"{once} {account.pk} {visit.request.user.pk}"
    digest = salted_hmac("key of a form", words, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# Decisions ------------------------------------------------------------------------------------------------------------


@member_act
def approve(visit: Visit, key_id: UUID) -> HttpResponseBase:
    return _decide(visit, "approve_key", key_id, staffs=True)


@member_act
def reject(visit: Visit, key_id: UUID) -> HttpResponseBase:
    return _decide(visit, "reject_key", key_id, staffs=True)


@member_act
def revoke(visit: Visit, key_id: UUID) -> HttpResponseBase:
    return _decide(visit, "revoke_key", key_id, staffs=False)


def _decide(visit: Visit, name: str, key_id: UUID, *, staffs: bool) -> HttpResponseBase:
    """The staff's own page of this decision, over a key of the tenant. `staffs`: unless tenants enrol by themselves."""
    row = found(visit.scope.keys().select_related("account__tenant"), key_id)
    left = staffs and not settings.GATEWAY["tenants_enrol"]
    back = visit.address("tenants:account", row.account_id)
    return perform(visit, ACTIONS[name], row, back, obstacle=str(LEFT_TO_STAFF) if left else "")


def _actor(visit: Visit) -> Actor:
    return visit.actor
