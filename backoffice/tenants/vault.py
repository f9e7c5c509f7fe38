"""A tenant's secrets: put in, replaced, removed. None is ever shown."""

from typing import Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from backoffice.tenants.pages import Visit, found, listed, member_act, member_page
from sessions_app.domain.references import LONGEST_NAME, is_name, reference_to
from sessions_app.services.access import vault
from sessions_app.vault import ring

LAST: Final = 50
LONGEST: Final = 8192
CLOSED: Final = "This gateway has no key for its vault: who runs it sets VAULT_KEYS."
_hidden: Final = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})


class SecretForm(forms.Form):
    """The secret, and why. A form that has a mistake comes back without the secret."""

    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        max_length=LONGEST,
        strip=False,
        widget=_hidden,
        help_text=gettext_lazy("It is never shown again."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=255)


class NewSecretForm(SecretForm):
    """Its name too."""

    field_order = ["name", "secret", "note", "reason"]
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_NAME,
        help_text=gettext_lazy("Small letters, digits, dots and dashes. Settings name it as vault:NAME."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=255, required=False, help_text=gettext_lazy("What it is for.")
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not is_name(name):
            raise forms.ValidationError(gettext("Only small letters, digits, and dots or dashes inside."))
        return name


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=255)


@member_page
def secrets(visit: Visit) -> HttpResponseBase:
    page = listed(visit.request, visit.scope.secrets_with_use().order_by("name"))
    rows = [(row, reference_to(row.name)) for row in page.rows]
    uses = list(visit.scope.vault_uses().order_by("-at")[:LAST])
    context = {"rows": rows, "page": page, "uses": uses, "is_open": ring.is_open()}
    return visit.show("vault", gettext("Vault"), **context)


@sensitive_post_parameters()
@member_act
def store(visit: Visit) -> HttpResponseBase:
    form = NewSecretForm(visit.request.POST or None)
    if form.is_valid():
        sent = form.cleaned_data
        try:
            vault.store(
                tenant=visit.scope.tenant,
                name=sent["name"],
                text=sent["secret"],
                note=sent["note"],
                by=visit.actor.name,
                purpose=sent["reason"],
                address=visit.actor.address,
            )
        except vault.NameTaken:
            form.add_error("name", gettext("There is a secret of this name: replace it instead."))
        except ring.VaultClosed:
            form.add_error(None, CLOSED)
        else:
            return _done(visit, gettext("The secret %(name)s is in the vault.") % {"name": sent["name"]})
    return _show(visit, gettext("Put a secret into the vault"), gettext("Store it"), form)


@sensitive_post_parameters()
@member_act
def replace(visit: Visit, secret_id: UUID) -> HttpResponseBase:
    row = found(visit.scope.secrets(), secret_id)
    form = SecretForm(visit.request.POST or None)
    if form.is_valid():
        sent, by = form.cleaned_data, visit.actor
        try:
            vault.replace(row=row, text=sent["secret"], by=by.name, purpose=sent["reason"], address=by.address)
        except vault.Changed:
            form.add_error(None, gettext("Nothing changed: somebody else was first."))
        except ring.VaultClosed:
            form.add_error(None, CLOSED)
        else:
            return _done(visit, gettext("The secret %(name)s was replaced.") % {"name": row.name})
    return _show(
        visit,
        gettext("Replace this secret?"),
        gettext("Replace it"),
        form,
        [(gettext("Name"), row.name), (gettext("Version"), row.version)],
    )


@member_act
def remove(visit: Visit, secret_id: UUID) -> HttpResponseBase:
    row = found(visit.scope.secrets(), secret_id)
    form = ReasonForm(visit.request.POST or None)
    if form.is_valid():
        by = visit.actor
        try:
            vault.remove(row=row, by=by.name, purpose=form.cleaned_data["reason"], address=by.address)
        except vault.Changed:
            form.add_error(None, gettext("Nothing changed: somebody else was first."))
        else:
            return _done(visit, gettext("The secret %(name)s was removed.") % {"name": row.name})
    facts = [
        (gettext("Name"), row.name),
        (gettext("Version"), row.version),
        (gettext("After that"), gettext("whatever names it finds nothing")),
    ]
    return _show(visit, gettext("Remove this secret?"), gettext("Remove it"), form, facts, harms=True)


def _show(
    visit: Visit, title: str, verb: str, form: forms.Form, facts: list[tuple[str, object]] | None = None,
    *, harms: bool = False,
) -> HttpResponseBase:  # fmt: skip
    back = visit.address("tenants:vault")
    return visit.show("form", title, verb=verb, form=form, facts=facts, back=back, harms=harms)


def _done(visit: Visit, words: str) -> HttpResponseBase:
    messages.success(visit.request, words)
    return redirect(visit.address("tenants:vault"))
