"""The approval desk: keys that wait, and what was decided about others."""

import re
from typing import Final

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from backoffice.permissions import DECIDE, SEE_KEYS, SUSPEND, may, requires
from backoffice.staff import queries
from backoffice.staff.waiting import ORDERS, Asked, Desk, desk
from sessions_app.queries import database_now

_LONGEST_TEXT: Final = 80
_PAGE: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@require_safe
@requires(SEE_KEYS, DECIDE)
def page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Keys that wait, and the last decisions."""
    found = desk(_asked(request), database_now())
    context = {
        **site.each_context(request),
        "title": "Approvals",
        "desk": found,
        "orders": [(name, words) for name, (words, _) in ORDERS.items()],
        "newer": _address(found, found.asked.page - 1) if found.asked.page > 1 else "",
        "older": _address(found, found.asked.page + 1) if found.last < found.total else "",
        "decided": queries.decided_lately(),
        "may_decide": may(request, DECIDE),
        "may_see_keys": may(request, SEE_KEYS),
        "may_suspend": may(request, SUSPEND),
    }
    return TemplateResponse(request, "backoffice/approvals.html", context)


def _asked(request: HttpRequest) -> Asked:
    """What the address asks for; what makes no sense narrows nothing."""
    given = request.GET
    order, number = given.get("order", ""), given.get("page", "")
    return Asked(
        text=given.get("q", "").replace("\x00", "").strip()[:_LONGEST_TEXT],
        order=order if order in ORDERS else "heard",
        stale=given.get("stale") == "1",
        page=int(number) if _PAGE.fullmatch(number) else 1,
    )


def _address(found: Desk, page: int) -> str:
    asked = found.asked
    told = {"q": asked.text, "order": asked.order, "stale": "1" if asked.stale else "", "page": page}
    return "?" + urlencode({name: value for name, value in told.items() if value})
