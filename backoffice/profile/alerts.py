"""Which alerts come to a person by mail: of the staff here, of members on tenants' pages; and a mail to try it."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from backoffice import alert_mails
from backoffice.permissions import ACKNOWLEDGE
from backoffice.profile.door import own_page
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import Member
from sessions_app.services.access import mail_plans
from sessions_app.services.access.mail_plans import TESTS_AN_HOUR, TooManyTests


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def alerts(request: HttpRequest, user: User) -> HttpResponseBase:
    """The staff's choice of what belongs to no tenant; the way to each tenant's; what was sent lately."""
    hears = user.is_staff and user.has_perm(ACKNOWLEDGE)
    form = None
    if hears:
        form = alert_mails.filled(request, user_id=user.pk, tenant_id=None, codes=list(AlertCode), acts=True)
        if form is None:
            return redirect("profile:alerts")
    elif request.method == "POST":
        raise Http404
    context = {
        "title": gettext("Alerts by mail"),
        "form": form,
        "memberships": Member.objects.filter(user=user).select_related("tenant").order_by("tenant__name"),
        "sent": mail_plans.latest(user_id=user.pk, most=alert_mails.SHOWN),
    }
    return TemplateResponse(request, "profile/alerts.html", context)


@own_page
@require_POST
def test_mail(request: HttpRequest, user: User) -> HttpResponseBase:
    """A mail to oneself."""
    if not user.email:
        messages.error(request, gettext("Your log-in has no e-mail address: who runs this gateway can give it one."))
        return redirect("profile:alerts")
    try:
        mail_plans.send_test(user_id=user.pk)
    except TooManyTests:
        messages.error(request, gettext("Not sent: no more than %(count)s an hour.") % {"count": TESTS_AN_HOUR})
    else:
        messages.success(
            request,
            gettext("A mail to %(email)s is on its way: what became of it stands below.") % {"email": user.email},
        )
    return redirect("profile:alerts")
