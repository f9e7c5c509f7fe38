"""ModelAdmins whose pages lead to the acts that are open to a person."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backoffice.actions.registry import ACTS, Act
from backoffice.permissions import may
from backoffice.staff.read_only_admin import ReadOnlyAdmin


class ActingAdmin(ReadOnlyAdmin):
    """Links the acts of `actions.registry` on this table: those that make a row on its list, the others on a row."""

    change_list_template = "backoffice/list.html"
    change_form_template = "backoffice/acting.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        acts = [_link(name, act) for name, act in self._acts(request) if act.open is None]
        return super().changelist_view(request, {**(extra_context or {}), "acts": acts})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        open_acts = [(name, act) for name, act in self._acts(request) if act.open is not None and row is not None]
        context["acts"] = [_link(name, act, row) for name, act in open_acts if act.open is not None and act.open(row)]
        return super().render_change_form(request, context, *args, **kwargs)

    def _acts(self, request: HttpRequest) -> list[tuple[str, Act]]:
        mine = [(name, act) for name, act in ACTS.items() if act.model is self.model]
        return [(name, act) for name, act in mine if may(request, act.permission)]


def _link(name: str, act: Act, row: Any = None) -> tuple[str, str, bool]:
    """Its button, its address, and whether it takes something away."""
    return act.button, reverse(f"admin:{name}", args=[row.pk] if row is not None else []), act.harms
