from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from backoffice.staff.read_only_admin import ReadOnlyAdmin, one_of
from orders.domain.states.denials import SENTENCES, Code
from orders.models import Decision

_SENTENCES: Final = {code.value: sentence for code, sentence in SENTENCES.items()}


class DecisionAdmin(ReadOnlyAdmin):
    """Its page answers "why, or why not": every step with what it looked at."""

    list_display = (
        "decided_at", "subscription__follower", "subscription__strategy", "intent__action", "intent__symbol",
        "intent__position_id", "outcome", "code",
    )  # fmt: skip
    list_filter = ("outcome", one_of("code", Code), ("decided_at", admin.DateFieldListFilter))
    list_select_related = ("intent", "subscription__follower", "subscription__strategy")
    search_fields = (
        "subscription__follower__account_id__startswith",
        "intent__position_id__exact",
        "intent__symbol__exact",
    )
    search_help_text = "Start of the follower's account id (lower case), or a position, a symbol"
    fields = ("subscription", "intent", "decided_at")
    change_form_template = "backoffice/decision.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        decision = kwargs.get("obj")
        if isinstance(decision, Decision):
            context["decision"] = decision
            context["sentence"] = _SENTENCES.get(decision.code, "")
            context["steps"] = [_step(step) for step in decision.steps]
            context["waits"] = [
                {"wait": wait, "steps": [_step(step) for step in wait.steps]}
                for wait in decision.fill_waits.select_related("copy").order_by("copy__leg")[:100]
            ]
            context["commands"] = list(decision.commands.order_by("leg", "attempt")[:100])
        return super().render_change_form(request, context, *args, **kwargs)


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """One step's name, result, and what it looked at as pairs; what is None was not there to look at."""
    evidence = [(name, value) for name, value in step.items() if name not in ("step", "result") and value is not None]
    result = str(step.get("result", ""))
    return {
        "name": str(step.get("step", "")).replace("_", " "),
        "passed": result == "ok",
        "result": result.replace("_", " "),
        "evidence": [(name.replace("_", " "), _short(value)) for name, value in evidence],
    }


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
