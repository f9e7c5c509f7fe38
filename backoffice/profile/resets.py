"""A new password for who has lost his: a link to the address that we have, and nothing told to anybody else."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy

from backoffice import mail
from backoffice.sign_in import too_many
from sessions_app.models.preference import spoken
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import passwords, sign_ins
from sessions_app.services.access.sign_ins import SignInThrottled


class AnyPerson(PasswordResetForm):
    """Also who has no password yet: members that a provisioning file has made."""

    def get_users(self, email: str) -> Iterator[User]:
        """Active people with this address, whatever its case."""
        return User.objects.filter(email__iexact=email, is_active=True).select_related("preference").iterator()

    def send_mail(
        self, subject_template_name: str, email_template_name: str, context: dict[str, Any], *rest: Any, **more: Any
    ) -> None:
        """In the language of whom it is for, whoever has asked for it."""
        preference = getattr(context["user"], "preference", None)
        with translation.override(spoken(preference.language if preference else None)):
            super().send_mail(subject_template_name, email_template_name, context, *rest, **more)


class AskForReset(views.PasswordResetView):
    """Send a link. The answer is the same whoever is asked for."""

    template_name = "profile/form.html"
    form_class = AnyPerson
    email_template_name = "profile/reset_mail.txt"
    subject_template_name = "profile/reset_subject.txt"
    success_url = reverse_lazy("password_reset_sent")
    extra_context = {"title": gettext_lazy("Forgotten your password?"), "verb": gettext_lazy("Send me a link")}

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Each link counts as a try of its address, or anybody could fill another's mailbox."""
        try:
            sign_ins.take_try(name=form.cleaned_data["email"], address=peer_address(self.request))
        except SignInThrottled as throttled:
            return too_many(
                self.request, "tenants/too_many.html", {"title": gettext("Forgotten your password?")}, throttled
            )
        scheme, host = mail.origin(self.request)
        form.save(
            domain_override=host,
            use_https=scheme == "https",
            email_template_name=self.email_template_name,
            subject_template_name=self.subject_template_name,
            request=self.request,
        )
        return redirect("password_reset_sent")


class SetNewPassword(views.PasswordResetConfirmView):
    """Where the link leads. All sessions of its person end."""

    template_name = "profile/new_password.html"
    success_url = reverse_lazy("sign_in")
    extra_context = {"title": gettext_lazy("A new password")}

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        passwords.reset(user=form.user, password=form.cleaned_data["new_password1"], address=peer_address(self.request))
        del self.request.session[views.INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, gettext("Your password was changed. Sign in with it."))
        return redirect("sign_in")


def sent(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """What is said to everybody."""
    context = {"title": gettext("Look at your mail")}
    return views.PasswordResetDoneView.as_view(template_name="profile/sent.html", extra_context=context)(request)
