"""Owners give members another role, and remove them."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy

from backoffice.own_clock import clock
from backoffice.policy import ROLES
from backoffice.tenants.pages import Visit, found, member_act
from sessions_app.models import Member, Role
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import members
from sessions_app.services.operations.history import Actor


class RoleForm(forms.Form):
    """`seen`: the role that was looked at."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=[(role.value, role.value) for role in ROLES])
    seen = forms.ChoiceField(choices=[(role.value, role.value) for role in ROLES], widget=forms.HiddenInput)


@member_act
def change_role(visit: Visit, member_id: UUID) -> HttpResponseBase:
    row = _asked(visit, member_id)
    back = visit.address("tenants:members")
    form = RoleForm(visit.request.POST or None, initial={"role": row.role, "seen": row.role})
    if form.is_valid():
        row.role = form.cleaned_data["seen"]  # what has become another one meanwhile is not overwritten
        try:
            role = Role(form.cleaned_data["role"])
            members.change_role(row=row, role=role, by=_actor(visit), address=peer_address(visit.request))
        except (members.SameRole, members.LastOwner, members.MemberChanged) as why:
            form.add_error(None, gettext("Not done: %(why)s.") % {"why": why})
        else:
            messages.success(
                visit.request,
                gettext("%(person)s is %(role)s now.") % {"person": row.user.get_username(), "role": role.value},
            )
            return redirect(back)
    facts = [(gettext("Person"), row.user.get_username()), (gettext("Since"), clock(row.created_at, "%Y-%m-%d"))]
    return visit.show(
        "form", gettext("Change a member's role"), form=form, facts=facts, verb=gettext("Change it"), back=back
    )


@member_act
def remove(visit: Visit, member_id: UUID) -> HttpResponseBase:
    row = _asked(visit, member_id)
    back = visit.address("tenants:members")
    if visit.request.method == "POST":
        try:
            members.remove(row=row, by=_actor(visit), address=peer_address(visit.request))
        except (members.LastOwner, members.MemberChanged) as why:
            messages.error(visit.request, gettext("Not done: %(why)s.") % {"why": why})
            return redirect(back)
        messages.success(
            visit.request, gettext("%(person)s is no member any more.") % {"person": row.user.get_username()}
        )
        # Who has removed himself sees nothing here any more.
        return redirect("home" if row.user_id == visit.request.user.pk else back)
    facts = [
        (gettext("Person"), row.user.get_username()),
        (gettext("Role"), row.role),
        (
            gettext("After that"),
            gettext("these pages are closed to him, and his management tokens end; his log-in stays"),
        ),
    ]
    return visit.show(
        "form", gettext("Remove this member?"), facts=facts, verb=gettext("Remove"), back=back, harms=True
    )


def _asked(visit: Visit, member_id: UUID) -> Member:
    row: Member = found(visit.scope.members().select_related("user"), member_id)
    return row


def _actor(visit: Visit) -> Actor:
    return visit.actor
