"""Alerts and maintenance."""

from typing import Final

from django.contrib import admin

from backoffice.staff.read_only_admin import ReadOnlyAdmin, Tables, one_of
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.people import PersonAct
from sessions_app.models import MaintenanceNotice, MaintenanceWindow, OperatorAlert, PersonEvent, SignIn


class OperatorAlertAdmin(ReadOnlyAdmin):
    list_display = ("at", "code", "account", "text", "times", "acknowledged_at", "acknowledged_as", "resolved_at")
    list_filter = (
        one_of("code", AlertCode), ("acknowledged_at", admin.EmptyFieldListFilter),
        ("resolved_at", admin.EmptyFieldListFilter),
    )  # fmt: skip
    list_select_related = ("account",)
    search_fields = ("account__account_id__startswith",)
    search_help_text = "Login or start of the account id"


class MaintenanceWindowAdmin(ReadOnlyAdmin):
    list_display = (
        "starts_at", "ends_at", "account", "tenant", "reason", "announced_as", "cancelled_at", "cancelled_as",
    )  # fmt: skip
    list_select_related = ("account", "tenant")
    search_fields = ("account__account_id__startswith", "tenant__name__istartswith")
    search_help_text = "Login or start of the account id or of the tenant's name"


class MaintenanceNoticeAdmin(ReadOnlyAdmin):
    """Who was told of which window, and when."""

    list_display = ("told_at", "window", "session")
    list_select_related = ("window__account", "window__tenant", "session__account")
    search_fields = ("session__account__account_id__startswith",)
    search_help_text = "Login or start of the account id"


class SignInAdmin(ReadOnlyAdmin):
    """Who signed in here or tried to, and from where."""

    list_display = ("at", "name", "address", "succeeded")
    list_filter = ("succeeded",)
    search_fields = ("name__exact", "address__exact")
    search_help_text = "A name or an address"


class PersonEventAdmin(ReadOnlyAdmin):
    """What was done with people's log-ins and memberships, by whom, from where."""

    list_display = ("at", "act", "person", "actor", "tenant", "address", "note")
    list_filter = (one_of("act", PersonAct),)
    list_select_related = ("tenant",)
    search_fields = ("person__exact", "actor__exact", "address__exact")
    search_help_text = "A name or an address"


ADMINS: Final[Tables] = {
    OperatorAlert: OperatorAlertAdmin,
    MaintenanceWindow: MaintenanceWindowAdmin,
    MaintenanceNotice: MaintenanceNoticeAdmin,
    SignIn: SignInAdmin,
    PersonEvent: PersonEventAdmin,
}
