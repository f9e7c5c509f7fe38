"""The monitoring page, and the fragment of it that a visible page asks for every two seconds."""

from typing import Any, Final

from django.contrib.admin.sites import AdminSite
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from backoffice import charts
from backoffice.latency import HOP_NAMES
from backoffice.own_clock import utc_midnight
from backoffice.own_language import in_english
from backoffice.permissions import ACKNOWLEDGE, DECIDE, SEE_KEYS, SEE_SESSIONS, may, requires
from backoffice.staff import queries
from backoffice.staff.followers import ALIVE_STATES, WAITING_STATES
from backoffice.staff.queries import Figures
from backoffice.staff.system import look
from backoffice.standings import TARGET_MS
from orders.domain.wire.snapshots import DifferenceSeverity

CACHE_KEY: Final = "backoffice.figures"
CACHE_SECONDS: Final = 1


@require_safe
@requires(SEE_SESSIONS)
def page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The whole page; complete without JavaScript."""
    numbers = _numbers(request)
    # The count of keys in the head is the page's own: it is not read twice.
    own = {"title": "Monitoring", **numbers, "waiting_keys": numbers["figures"].waiting}
    context = {**site.each_context(request), **own}
    return TemplateResponse(request, "backoffice/monitoring.html", context)


@never_cache
@require_safe
def numbers(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The fragment. Who is signed out meanwhile gets the whole page anew, which asks to sign in."""
    if not site.has_permission(request):
        return HttpResponseClientRefresh()
    return _fragment(request)


@requires(SEE_SESSIONS)
def _fragment(request: HttpRequest) -> HttpResponseBase:
    # The count in the head is no part of the fragment, so it is sent beside it to those who have it there.
    badge = may(request, SEE_KEYS, DECIDE)
    return TemplateResponse(request, "backoffice/numbers.html", {**_numbers(request), "badge": badge})


def forget() -> None:
    """Have the figures read anew: whoever has just changed something shall see it on the next page."""
    cache.delete(CACHE_KEY)


def _numbers(request: HttpRequest) -> dict[str, Any]:
    figures = cache.get(CACHE_KEY)
    if not isinstance(figures, Figures):
        with in_english():  # they are kept for whoever asks within a second
            system = look()
            figures = queries.figures(system.now, system)
        cache.set(CACHE_KEY, figures, CACHE_SECONDS)
    midnight = utc_midnight(figures.at)
    return {
        "figures": figures,
        "alive": ",".join(ALIVE_STATES),
        "unsettled": ",".join(WAITING_STATES),
        "severities": ",".join(one.value for one in DifferenceSeverity if one is not DifferenceSeverity.OK),
        "target": TARGET_MS,
        "since": str(midnight),
        "may_acknowledge": may(request, ACKNOWLEDGE),
        "bars": charts.bars(figures.histogram),
        "hour_bars": charts.hour_bars(figures.hours, midnight, TARGET_MS),
        "target_line": charts.target_line(figures.hours, TARGET_MS),
        "has_hours": any(one.samples for one in figures.hours),
        "follower_bars": charts.follower_bars(figures.standing.slowest, TARGET_MS),
        "follower_target": charts.follower_target(figures.standing.slowest, TARGET_MS),
        "hop_names": HOP_NAMES,
        "spans": charts.spans(figures.hops),
        "chart_width": charts.WIDTH,
        "chart_height": charts.HEIGHT,
    }
