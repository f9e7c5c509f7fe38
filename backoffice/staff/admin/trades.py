"""The way of a trade: intent, decision, command, copy, report."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from backoffice.one_trade import sizing, sizing_names
from backoffice.staff.days import UtcDays
from backoffice.staff.panels import trades
from backoffice.staff.panels.panel import Panel
from backoffice.staff.read_only_admin import COUNTED_ROWS, ReadOnlyAdmin, Tables, one_of
from backoffice.templatetags.outside import SAID
from backoffice.templatetags.spoken import in_english, in_words
from orders.domain.states.denials import SENTENCES, Code
from orders.models import Command, Copy, Decision, FillWait, FollowerQuote, Intent, Report, Strategy, Subscription

_SENTENCES: Final = {code.value: sentence for code, sentence in SENTENCES.items()}


LATEST: Final = 100_000
MOST: Final = 1000


def _copies(number: int, *, or_ticket: bool = False) -> list[UUID]:
    """Ids of the copies of a position, and of those with this ticket: each by an index that begins with what owns it,
    asked for each owner."""
    owners = list(Subscription.objects.values_list("pk", "follower_id"))
    found = Copy.objects.filter(subscription__in=[pk for pk, _ in owners], position_id=number)
    ids = list(found.values_list("pk", flat=True)[:MOST])
    if or_ticket:
        held = Copy.objects.filter(account__in={account for _, account in owners}, ticket=number)
        ids += held.values_list("pk", flat=True)[:MOST]
    return ids


def _these(rows: QuerySet[Any], wanted: QuerySet[Any]) -> QuerySet[Any]:
    """Rows by the ids of those that are wanted: asked for the newest of them at once, PostgreSQL reads the table from
    its end until it has found a page of them."""
    return rows.filter(pk__in=list(wanted.values_list("pk", flat=True)[:COUNTED_ROWS]))


class IntentAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "account", "action", "symbol", "lots", "price", "position_id", "ticket", "repeated")
    list_filter = ("action", "repeated", ("received_at", UtcDays))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "position_id__exact", "ticket__exact", "symbol__iexact")
    search_help_text = "Login or start of the account id, a position, a ticket, or a symbol among the latest 100,000"
    searched_latest = LATEST
    fields = (
        "account", "session", "frame_id", "action", "position_id", "ticket", "symbol", "lots", "price", "profit",
        "repeated", "repeat_of", "broker_time", "occurred_at", "received_at", "content",
    )  # fmt: skip
    page_related = ("account__tenant", "session__account", "repeat_of")

    def numbered(self, rows: QuerySet[Any], number: int) -> QuerySet[Any] | None:
        masters = list(Strategy.objects.values_list("master_id", flat=True).distinct())
        ids = [
            pk
            for name in ("position_id", "ticket")
            for pk in Intent.objects.filter(account__in=masters, **{name: number}).values_list("pk", flat=True)[:MOST]
        ]
        return rows.filter(pk__in=ids) if ids else None

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return trades.of_trade(request, row)


class DecisionAdmin(ReadOnlyAdmin):
    """Its page answers "why, or why not": every step with what it looked at."""

    list_display = (
        "decided_at", "subscription__follower", "subscription__strategy", "intent__action", "intent__symbol",
        "intent__position_id", "outcome", "code",
    )  # fmt: skip
    list_filter = ("outcome", one_of("code", Code), ("decided_at", UtcDays))
    list_select_related = ("intent", "subscription__follower", "subscription__strategy")
    search_fields = (
        "subscription__follower__account_id__startswith",
        "intent__position_id__exact",
        "intent__symbol__iexact",
    )
    search_help_text = "Login or start of the follower's account id, a position, or a symbol among the latest 100,000"
    searched_latest = LATEST
    fields = ("subscription", "intent", "decided_at")
    page_related = ("intent__account", "subscription__follower", "subscription__strategy")
    change_form_template = "backoffice/decision.html"

    def numbered(self, rows: QuerySet[Any], number: int) -> QuerySet[Any] | None:
        masters = list(Strategy.objects.values_list("master_id", flat=True).distinct())
        found = Intent.objects.filter(account__in=masters, position_id=number)
        intents = list(found.values_list("pk", flat=True)[:MOST])
        return _these(rows, Decision.objects.filter(intent__in=intents)) if intents else None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Also those of one follower, which monitoring links."""
        return lookup == "subscription__follower__id__exact" or super().lookup_allowed(lookup, value, request)

    def more_context(self, row: Decision) -> dict[str, Any]:
        waits = row.fill_waits.select_related("copy").order_by("copy__leg")[:100]
        return {
            "decision": row,
            "verdict": in_english(row.outcome),
            "sentence": _SENTENCES.get(row.code, ""),
            "sizing": sizing(row.steps),
            "sizing_names": sizing_names(row.steps),
            "steps": [_step(step) for step in row.steps],
            "waits": [{"wait": wait, "steps": [_step(step) for step in wait.steps]} for wait in waits],
            "commands": list(row.commands.order_by("leg", "attempt")[:100]),
        }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """One step's name, result, and what it looked at as pairs; what is None was not there to look at."""
    evidence = [(name, value) for name, value in step.items() if name not in ("step", "result") and value is not None]
    result = str(step.get("result", ""))
    return {
        "name": SAID.get(str(step.get("step", "")), str(step.get("step", "")).replace("_", " ")),
        "passed": result == "ok",
        "result": "passed" if result == "ok" else result.replace("_", " "),
        "evidence": [(name.replace("_", " "), _short(value)) for name, value in evidence],
    }


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else in_words(value)


class CommandAdmin(ReadOnlyAdmin):
    list_display = (
        "decided_at", "account", "seq", "action", "symbol", "side", "lots", "state", "reason", "error_code",
    )  # fmt: skip
    list_filter = ("state", "action", ("decided_at", UtcDays))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "position_id__exact", "symbol__iexact", "id__exact")
    search_help_text = "Login or start of the follower's account id, a position, a symbol or an id (latest 100,000)"
    searched_latest = LATEST
    fields = (
        "account", "decision", "difference", "copy", "seq", "state", "reason", "action", "leg", "attempt",
        "position_id", "symbol", "side", "order_type", "lots", "lots_before", "lots_after", "price", "sl", "tp",
        "expiry", "valid_until", "error_code", "absent_from", "occurred_at", "received_at", "decided_at",
        "committed_at", "pushed_at", "acked_at", "broker_started_at", "broker_done_at", "reported_at",
    )  # fmt: skip
    page_related = ("account__tenant", "decision", "difference", "copy")

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return trades.of_command(request, row)

    def numbered(self, rows: QuerySet[Any], number: int) -> QuerySet[Any] | None:
        copies = _copies(number)
        return _these(rows, Command.objects.filter(copy__in=copies)) if copies else None


class CopyAdmin(ReadOnlyAdmin):
    """The page of a copy that was closed by hand links to the lifting of its tombstone."""

    list_display = (
        "copy_no", "account", "symbol", "side", "state", "lots_decided", "lots_open", "price", "sl", "tp", "ticket",
        "close_cause",
    )  # fmt: skip
    list_filter = ("state", "side")
    list_select_related = ("account",)
    page_related = ("account__tenant", "subscription__follower", "subscription__strategy")
    search_fields = (
        "account__account_id__startswith",
        "position_id__exact",
        "ticket__exact",
        "symbol__iexact",
        "copy_no__exact",
    )
    search_help_text = "Login, start of the account id, position, ticket; of the latest 100,000 symbol, copy number"
    searched_latest = LATEST

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return trades.of_copy(request, row)

    def numbered(self, rows: QuerySet[Any], number: int) -> QuerySet[Any] | None:
        copies = _copies(number, or_ticket=True)
        return rows.filter(pk__in=copies) if copies else None


class FillWaitAdmin(ReadOnlyAdmin):
    """Pending copies that had not filled when the master's did, and what became of them."""

    list_display = ("created_at", "account", "copy", "state", "due_at", "tries", "code", "settled_at")
    list_filter = ("state",)
    list_select_related = ("account", "copy")
    search_fields = ("account__account_id__startswith", "copy__position_id__exact")
    search_help_text = "Login or start of the follower's account id, or a position"


class ReportAdmin(ReadOnlyAdmin):
    list_display = (
        "received_at", "account", "status", "cause", "ticket", "lots", "price", "profit", "slippage_points",
        "error_code", "late", "flag",
    )  # fmt: skip
    list_filter = ("status", "late", "repeated", ("received_at", UtcDays))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "ticket__exact", "command__id__exact")
    search_help_text = "Login or start of the account id, or a ticket, or a command's id"


class FollowerQuoteAdmin(ReadOnlyAdmin):
    list_display = ("account", "symbol", "bid", "ask", "at")
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "symbol__iexact")
    search_help_text = "Login or start of the follower's account id, or a symbol"


ADMINS: Final[Tables] = {
    Intent: IntentAdmin,
    Decision: DecisionAdmin,
    Command: CommandAdmin,
    Copy: CopyAdmin,
    FillWait: FillWaitAdmin,
    Report: ReportAdmin,
    FollowerQuote: FollowerQuoteAdmin,
}
