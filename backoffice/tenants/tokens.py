"""Management tokens: a program's way to do what members do here. Made, shown once, revoked."""

from typing import Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy

from backoffice.policy import may_as
from backoffice.tenants.pages import Visit, found, listed, member_act, member_page, secret_act
from sessions_app.models import ManagementToken, Role, TokenScope
from sessions_app.queries import database_now
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import management_tokens
from sessions_app.services.access.management_tokens import LONGEST_DAYS, ROLE_OF, TokenNameTaken, TokenOver
from sessions_app.services.operations.history import Actor

DAYS: Final = 90
_MAY: Final = {
    TokenScope.READ: gettext_lazy("sees everything"),
    TokenScope.OPERATE: gettext_lazy("also pauses, resumes, acknowledges"),
    TokenScope.ADMINISTER: gettext_lazy("also keys, subscriptions, settings"),
    TokenScope.OWN: gettext_lazy("also members and their roles"),
}


class TokenForm(forms.Form):
    """What a token is for, how far it reaches, and for how long. Nobody gives more than he has."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=64,
        help_text=gettext_lazy("What it is for. Records name it, so it is never used again."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField()
    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=DAYS,
        label=gettext_lazy("Days"),
        help_text=gettext_lazy("Then it opens nothing any more."),
    )

    def __init__(self, data: object, *, role: Role) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        offered = [scope for scope, least in ROLE_OF.items() if may_as(role, least)]
        choices = [(scope.value, f"{scope.value}: {_MAY[scope]}") for scope in offered]
        self.fields["scope"] = forms.ChoiceField(label=gettext("Scope"), choices=choices)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not name.isprintable():
            raise forms.ValidationError(gettext("Letters, digits and signs that can be seen."))
        return name


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=255)


@member_page
def tokens(visit: Visit) -> HttpResponseBase:
    now = database_now()
    page = listed(visit.request, visit.scope.management_tokens().order_by("-id"))
    rows = [(row, _standing(row, row.expires_at <= now)) for row in page.rows]
    return visit.show("tokens", gettext("Management tokens"), page=page, rows=rows)


def _standing(row: ManagementToken, expired: bool) -> str:
    return "revoked" if row.revoked_at else "expired" if expired else "valid"


@secret_act
def make(visit: Visit) -> HttpResponseBase:
    form = TokenForm(visit.request.POST or None, role=Role(visit.member.role))
    back = visit.address("tenants:tokens")
    if form.is_valid():
        sent = form.cleaned_data
        try:
            made = management_tokens.make(
                tenant_id=visit.scope.tenant.pk,
                name=sent["name"],
                scope=TokenScope(sent["scope"]),
                days=sent["days"],
                by=_actor(visit),
                address=peer_address(visit.request),
            )
        except TokenNameTaken:
            form.add_error("name", gettext("There is, or was, a token of this name."))
        except management_tokens.TooManyTokens as many:
            form.add_error(None, gettext("Not made: %(many)s.") % {"many": many})
        else:
            # On this one page alone: neither in a message nor in a session.
            return visit.show("token", gettext("Shown this once"), made=made, back=back)
    return visit.show("form", gettext("Make a management token"), form=form, verb=gettext("Make it"), back=back)


@member_act
def revoke(visit: Visit, token_id: UUID) -> HttpResponseBase:
    row: ManagementToken = found(visit.scope.management_tokens(), token_id)
    back = visit.address("tenants:tokens")
    form = ReasonForm(visit.request.POST or None)
    if form.is_valid():
        try:
            management_tokens.revoke(
                token_id=row.pk,
                by=_actor(visit),
                address=peer_address(visit.request),
                reason=form.cleaned_data["reason"],
            )
            messages.success(visit.request, gettext("The token %(name)s opens nothing any more.") % {"name": row.name})
        except TokenOver:
            messages.error(visit.request, gettext("Nothing changed: the token has ended already."))
        return redirect(back)
    facts = [(gettext("Name"), row.name), (gettext("Scope"), row.scope), (gettext("Made by"), row.created_as)]
    title = gettext("Revoke this token?")
    return visit.show("form", title, form=form, facts=facts, verb=gettext("Revoke it"), back=back, harms=True)


def _actor(visit: Visit) -> Actor:
    return visit.actor
