"""The door of every page of tenants: who is it, which tenant, does his role reach; and what all pages share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.policy import ROLES, ROUTES, Members, may_as
from backoffice.refusals import signed_out, was_typed
from backoffice.sign_in import actor_of, owes_second_factor
from backoffice.tenants.kept import keep, kept
from backoffice.tenants.scope import Scope, memberships_of
from sessions_app.models import Member, Role
from sessions_app.services.operations.history import Actor

ROWS: Final = 50
LAST_PAGE: Final = 200
"""What lies beyond is reached by search, not by page numbers: each page reads over all that stand before it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A member who has been let in: his request, his role, and the rows that he may see."""

    request: HttpRequest
    member: Member
    memberships: Sequence[Member]
    scope: Scope

    @property
    def route(self) -> str:
        match = self.request.resolver_match
        return match.view_name if match else ""

    @property
    def actor(self) -> Actor:
        """Who acts here, as records name him."""
        return actor_of(self.request)

    def show(self, template: str, title: str, **context: Any) -> TemplateResponse:
        """A page of this tenant, with its menu."""
        shared = {"title": title, "visit": self, "tenant": self.scope.tenant, "menu": self.menu()}
        return TemplateResponse(self.request, f"tenants/{template}.html", {**shared, **context})

    def address(self, name: str, *ids: Any) -> str:
        return reverse(name, args=[self.scope.tenant.pk, *ids])

    def may(self, name: str) -> bool:
        """Whether the role opens this route."""
        door = ROUTES[name].door
        return isinstance(door, Members) and may_as(Role(self.member.role), door.least)

    def menu(self) -> list[tuple[str, str, bool]]:
        """Title, address, and whether it is this page, of each entry that the role may open."""
        return [
            (gettext(row.title), self.address(name), name == self.route)
            for name, row in ROUTES.items()
            if row.menu and self.may(name)
        ]


View = Callable[..., HttpResponseBase]


def member_page(view: View) -> View:
    """A page that shows, for members alone, as its row in the policy says. `view` gets the Visit, not the request."""
    return never_cache(require_safe(_for_members(view)))


def member_act(view: View) -> View:
    """A page that asks, and does what is sent; otherwise the same. What it answers is kept under an address."""

    @wraps(view)
    def opened(visit: Visit, **ids: Any) -> HttpResponseBase:
        request = visit.request
        if request.method != "POST":
            return kept(request) or view(visit, **ids)
        answer = view(visit, **ids)
        if isinstance(answer, TemplateResponse) and answer.status_code == HTTPStatus.OK:
            return keep(request, answer)
        return answer

    return secret_act(opened)


def secret_act(view: View) -> View:
    """Likewise, of what has a secret on it, or in its form: nothing of it is kept."""
    return never_cache(require_http_methods(["GET", "HEAD", "POST"])(_for_members(view)))


def _for_members(view: View) -> View:
    """Who is no member is told that there is nothing, just as for a tenant that does not exist."""

    @wraps(view)
    def opened(request: HttpRequest, tenant_id: UUID, **ids: Any) -> HttpResponseBase:
        if was_typed(request):
            return signed_out(request)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("sign_in"))
        if owes_second_factor(request):
            return redirect("profile:second_factor")
        memberships = memberships_of(request.user.pk)
        mine = next((one for one in memberships if one.tenant_id == tenant_id), None)
        route = ROUTES.get(request.resolver_match.view_name) if request.resolver_match else None
        if mine is None or route is None or not isinstance(route.door, Members):
            raise Http404
        visit = Visit(request, mine, memberships, Scope(mine.tenant))
        if mine.tenant.suspended_at is not None:
            page = visit.show("suspended", gettext("This tenant is suspended"), menu=())
            page.status_code = 403
            return page
        if not may_as(Role(mine.role), route.door.least):
            return _refused(visit, gettext(route.title), route.door.least)
        return view(visit, **ids)

    return opened


def _refused(visit: Visit, title: str, least: Role) -> HttpResponseBase:
    """Which right is missing, and who can give it."""
    owners = visit.scope.members().filter(role=Role.OWNER).select_related("user").order_by("user__username")[:10]
    needed = ROLES[ROLES.index(least) :]
    page = visit.show("refused", gettext("Not for your role"), wanted=title, needed=needed, owners=list(owners))
    page.status_code = 403
    return page


def found(rows: QuerySet[Any], pk: UUID) -> Any:
    """The row of a scope with this id.

    :raises Http404: the scope has none
    """
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list, without counting it: `more` is whether another follows."""

    rows: Sequence[Any]
    number: int
    more: bool
    query: str

    @property
    def older(self) -> str:
        return self._link(self.number + 1) if self.more and self.number < LAST_PAGE else ""

    @property
    def newer(self) -> str:
        return self._link(self.number - 1) if self.number > 1 else ""

    def _link(self, number: int) -> str:
        return f"?{self.query}page={number}"


def listed(request: HttpRequest, rows: QuerySet[Any], most: int = ROWS) -> Listed:
    """The page of `rows` that the address names, of `most` rows; nonsense is the first one, and so is what lies behind
    the last."""
    asked = request.GET.get("page", "")
    number = min(max(int(asked), 1), LAST_PAGE) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    kept = request.GET.copy()
    kept.pop("page", None)
    first = (number - 1) * most
    taken = list(rows[first : first + most + 1])
    if not taken and number > 1:
        number, taken = 1, list(rows[: most + 1])
    return Listed(taken[:most], number, len(taken) > most, f"{kept.urlencode()}&" if kept else "")


def searched(request: HttpRequest) -> str:
    """What was typed into the search field, without what no name has."""
    return "".join(letter for letter in request.GET.get("q", "")[:128].strip() if letter.isprintable())
