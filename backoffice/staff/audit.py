"""What people did in all tenants: one page, and the same as a file."""

from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from backoffice import audit
from backoffice.own_language import in_english
from backoffice.permissions import SEE_ACTS, may, requires
from orders.models import DifferenceEvent, SubscriptionEvent, SubscriptionVersion
from sessions_app.models import PersonEvent, SessionEvent, SettingChange, VaultUse

ROWS = 50


class Everything:
    """The histories of all tenants, and of what belongs to none."""

    def session_events(self) -> QuerySet[SessionEvent]:
        return SessionEvent.objects.all()

    def subscription_events(self) -> QuerySet[SubscriptionEvent]:
        return SubscriptionEvent.objects.all()

    def versions(self) -> QuerySet[SubscriptionVersion]:
        return SubscriptionVersion.objects.all()

    def setting_changes(self) -> QuerySet[SettingChange]:
        return SettingChange.objects.all()

    def difference_events(self) -> QuerySet[DifferenceEvent]:
        return DifferenceEvent.objects.all()

    def person_events(self) -> QuerySet[PersonEvent]:
        return PersonEvent.objects.all()

    def vault_uses(self) -> QuerySet[VaultUse]:
        return VaultUse.objects.all()


@require_safe
@requires(*SEE_ACTS)
def page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Acts of the histories that the person may see."""
    with in_english():
        found = audit.page(Everything(), request.GET, ROWS, sees=_seen_by(request))
    own = {"title": "Audit", "page": found, "csv": reverse("admin:audit_export")}
    return TemplateResponse(request, "backoffice/audit.html", {**site.each_context(request), **own})


@require_safe
@requires(*SEE_ACTS)
def export(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The same acts, all of them."""
    return audit.exported(Everything(), audit.asked_in(request.GET), sees=_seen_by(request))


def _seen_by(request: HttpRequest) -> list[str]:
    return [permission for permission in SEE_ACTS if may(request, permission)]
