"""Owners invite members, and withdraw an invitation."""

from typing import Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from backoffice import mail
from backoffice.policy import ROLES
from backoffice.tenants.pages import Visit, found, member_act
from sessions_app.models import Role
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import invitations
from sessions_app.services.access.invitations import AlreadyMember, InvitationOver, TooManyInvitations

_MAY: Final = {
    Role.VIEWER: gettext_lazy("sees everything"),
    Role.OPERATOR: gettext_lazy("also pauses and resumes"),
    Role.ADMIN: gettext_lazy("also changes subscriptions and secrets"),
    Role.OWNER: gettext_lazy("also invites members"),
}


class InvitationForm(forms.Form):
    """An address, and a role."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=150)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=lambda: [(role.value, f"{role.value}: {_MAY[role]}") for role in ROLES]
    )


@member_act
def invite(visit: Visit) -> HttpResponseBase:
    form = InvitationForm(visit.request.POST or None)
    if form.is_valid() and _invited(visit, form):
        return redirect(visit.address("tenants:members"))
    return visit.show(
        "form", gettext("Invite a member"), form=form, verb=gettext("Invite"), back=visit.address("tenants:members")
    )


def _invited(visit: Visit, form: InvitationForm) -> bool:
    email, by = form.cleaned_data["email"], visit.request.user.get_username()
    try:
        sent = invitations.invite(
            tenant=visit.scope.tenant,
            email=email,
            role=Role(form.cleaned_data["role"]),
            by=by,
            address=peer_address(visit.request),
        )
    except AlreadyMember:
        form.add_error("email", gettext("This person is a member already."))
        return False
    except TooManyInvitations as many:
        form.add_error(None, gettext("Not sent: %(many)s.") % {"many": many})
        return False
    taken = mail.post(
        visit.request,
        to=email,
        subject=gettext("Invitation to %(tenant)s") % {"tenant": " ".join(visit.scope.tenant.name.split())},
        template="profile/invitation_mail.txt",
        path=reverse("invitation", args=[sent.token]),
        by=by,
        tenant=visit.scope.tenant.name,
        role=sent.row.role,
    )
    if taken:
        messages.success(visit.request, gettext("An invitation is on its way to %(email)s.") % {"email": email})
    else:
        messages.error(
            visit.request, gettext("The mail server did not take the invitation. Withdraw it, and try again later.")
        )
    return True


@member_act
def withdraw(visit: Visit, invitation_id: UUID) -> HttpResponseBase:
    row = found(visit.scope.invitations(), invitation_id)
    back = visit.address("tenants:members")
    if visit.request.method == "POST":
        try:
            invitations.withdraw(row=row, by=visit.request.user.get_username(), address=peer_address(visit.request))
        except InvitationOver:
            messages.error(visit.request, gettext("Nothing changed: the invitation has ended already."))
        return redirect(back)
    facts = [(gettext("To"), row.email), (gettext("Role"), row.role), (gettext("Invited by"), row.invited_as)]
    return visit.show(
        "form", gettext("Withdraw this invitation?"), facts=facts, verb=gettext("Withdraw"), back=back, harms=True
    )
