"""Accounts, and the sessions of their terminals."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from backoffice.actions.differences import ON_MISSING
from backoffice.foreign import foreign
from backoffice.staff.panels import accounts, sessions
from backoffice.staff.panels.panel import Panel
from backoffice.staff.read_only_admin import Acted, ReadOnlyAdmin, Tables, one_of
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import BrokerAccount, EaSession, SessionEvent


class BrokerAccountAdmin(ReadOnlyAdmin):
    """Its page leads to asking the account's terminal what it holds."""

    list_display = (
        "claimed_as", "tenant", "balance", "equity", "currency", "funds_at", "waiting_commands", "suspended_at"
    )  # fmt: skip
    list_filter = (
        ("tenant", admin.EmptyFieldListFilter),
        ("suspended_at", admin.EmptyFieldListFilter),
        "needs_snapshot",
    )
    list_select_related = ("tenant",)
    search_fields = ("account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Login, or the start of the account id or of the tenant's name"

    fields = (
        "account_id", "claimed_as", "tenant", "balance", "equity", "free_margin", "funds_at", "suspended_at",
        "needs_snapshot", "snapshot_reason", "snapshot_due_at", "next_seq", "acked_seq", "next_copy_no", "next_hold",
        "fence", "epoch", "intent_rate", "overrides", "created_at",
    )  # fmt: skip

    def for_page(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return accounts.for_page(rows)

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return accounts.of_account(request, row)

    def actions_on(self, row: Any) -> Sequence[Acted]:
        """What is done about missing copies stands beside them."""
        return [(action, on) for action, on in super().actions_on(row) if action not in ON_MISSING]

    def numbered(self, rows: QuerySet[Any], number: int) -> QuerySet[Any] | None:
        """By the login at any broker; None where there is none, for the number may begin a name."""
        found = rows.filter(account_id__endswith=f":{number}")
        return found if found.exists() else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrokerAccount]:
        rows: QuerySet[BrokerAccount] = super().get_queryset(request)
        return rows.annotate(told_currency=F("profile__content__currency"))

    @admin.display(description="currency")
    def currency(self, account: Any) -> str:
        """In what it counts its money, where its EA has said it."""
        return foreign(account.told_currency or "")

    @admin.display(description="not acknowledged")
    def waiting_commands(self, account: BrokerAccount) -> int:
        """Numbered commands that the EA has not acknowledged."""
        return account.next_seq - 1 - account.acked_seq


class EaSessionAdmin(ReadOnlyAdmin):
    """The token's hash is shown nowhere."""

    def for_page(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return sessions.for_page(rows)

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        return sessions.of_session(request, row)

    list_display = (
        "account", "state", "platform", "ea_version", "remote_address", "created_at", "last_heartbeat_at",
        "close_reason",
    )  # fmt: skip
    list_filter = ("state", one_of("close_reason", Reason))
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "remote_address__exact", "installation_id__exact")
    search_help_text = "Login or start of the account id, or the address, or the installation id"
    fields = (
        "account", "key", "grant", "state", "fence", "auth_method", "platform", "ea_version", "environment", "status",
        "remote_address", "installation_id", "ledger_head", "stored_seq", "foreign_reports", "heartbeat_interval",
        "heartbeat_timeout", "created_at", "authenticated_at", "last_heartbeat_at", "deadline_at", "closed_at",
        "close_reason",
    )  # fmt: skip


class SessionEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "account", "from_state", "to_state", "reason", "actor", "note")
    list_filter = (one_of("reason", Reason),)
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith", "actor__exact")
    search_help_text = "Login or start of the account id, or who did it"


ADMINS: Final[Tables] = {
    BrokerAccount: BrokerAccountAdmin,
    EaSession: EaSessionAdmin,
    SessionEvent: SessionEventAdmin,
}
