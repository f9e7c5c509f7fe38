"""A person's passkeys: one added, one removed. They are listed on the page of his log-in."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backoffice.profile.door import owing_page, own_page
from backoffice.profile.factors import PasswordForm, begin_anew_elsewhere, password_is_right, shown_once
from backoffice.sign_in import NO_PASSKEY, VERIFIED, older_than_factor, place_of, too_many
from sessions_app.models import Passkey
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import passkeys, second_factors
from sessions_app.services.access.passkeys import AlreadyThere, TooManyPasskeys, WrongPasskey
from sessions_app.services.access.sign_ins import SignInThrottled


class NewPasskeyForm(PasswordForm):
    """What the passkey is called, and the password: who finds an open browser adds none of his to it."""

    field_order = ["name", "password"]
    name = forms.CharField(
        max_length=64, label=gettext_lazy("Name"),
        help_text=gettext_lazy("By which you know it again: my phone, the blue stick."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


@sensitive_post_parameters("password")
@owing_page
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, user: User) -> HttpResponseBase:
    """Let the browser make one, and keep its public half."""
    if older_than_factor(request, user):
        return redirect("sign_in")
    if not passkeys.work_at(place_of(request)):
        return redirect("profile:me")
    form = NewPasskeyForm(request.POST or None)
    if form.is_valid():
        answer = _added(request, user, form)
        if answer is not None:
            return answer
    context = {"title": gettext("Add a passkey"), "form": form, "asked": passkeys.ask_for_new(user)}
    return TemplateResponse(request, "profile/add_passkey.html", context)


def _added(request: HttpRequest, user: User, form: NewPasskeyForm) -> HttpResponse | None:
    """The page of the recovery codes, or that of the log-in; None when the form must be shown again."""
    try:
        if not password_is_right(request, user, form):
            return None
    except SignInThrottled as throttled:
        return too_many(request, "tenants/too_many.html", {"title": gettext("Add a passkey")}, throttled)
    name = form.cleaned_data["name"]
    try:
        codes = passkeys.add(
            user=user, name=name, answer=request.POST.get("answer", ""), state=request.POST.get("state", ""),
            place=place_of(request), address=peer_address(request),
        )  # fmt: skip
    except WrongPasskey:
        form.add_error(None, NO_PASSKEY)
    except AlreadyThere:
        form.add_error("name", gettext("You have a passkey of this name, or this very one."))
    except TooManyPasskeys:
        form.add_error(None, gettext("You have %(count)s passkeys: remove one first.") % {"count": passkeys.MOST})
    else:
        begin_anew_elsewhere(request, user)
        messages.success(request, gettext("The passkey %(name)s was added.") % {"name": name})
        return redirect("profile:me") if codes is None else shown_once(request, codes)
    return None


@sensitive_post_parameters("password")
@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, user: User, number: UUID) -> HttpResponseBase:
    """Take one of one's own away; another's is none."""
    passkey = Passkey.objects.filter(pk=number, user=user).first()
    if passkey is None:
        raise Http404
    if older_than_factor(request, user):
        return redirect("sign_in")
    title = gettext("Remove the passkey %(name)s") % {"name": passkey.name}
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        try:
            right = password_is_right(request, user, form)
        except SignInThrottled as throttled:
            return too_many(request, "tenants/too_many.html", {"title": title}, throttled)
        if right:
            passkeys.remove(user=user, passkey=passkey, address=peer_address(request))
            request.session[VERIFIED] = second_factors.is_asked(user.pk)
            messages.success(request, gettext("The passkey %(name)s was removed.") % {"name": passkey.name})
            return redirect("profile:me")
    return TemplateResponse(request, "profile/form.html", {"title": title, "form": form, "verb": gettext("Remove it")})
