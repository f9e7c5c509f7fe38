"""The form that announces a maintenance window."""

from datetime import UTC
from typing import Any

from django import forms

from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, Tenant
from sessions_app.queries import account_by_id
from sessions_app.services.operations.maintenance import Plan


class Moment(forms.DateTimeInput):
    """The browser's own field for a date and a time, to the minute."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class WindowForm(forms.Form):
    """Whom, why, from when to when. Times are UTC."""

    account = forms.CharField(
        max_length=128,
        required=False,
        label="Account",
        help_text="One account, e.g. ICMarketsSC-Demo04:5012345. Leave it and the tenant empty for all accounts.",
    )
    tenant = forms.ModelChoiceField(
        Tenant.objects.order_by("name"), required=False, label="Tenant", empty_label="No tenant in particular"
    )
    reason = forms.CharField(max_length=200, label="Reason", help_text="The EAs show it.")
    starts_at = forms.DateTimeField(label="Starts (UTC)", widget=Moment)
    ends_at = forms.DateTimeField(label="Ends (UTC)", widget=Moment)
    reconnect_after_seconds = forms.IntegerField(
        min_value=1,
        max_value=86_400,
        initial=60,
        label="Reconnect after (seconds)",
        help_text="What the EAs are told; before the end of the window they are turned away again.",
    )

    def clean_account(self) -> BrokerAccount | None:
        name = self.cleaned_data["account"]
        if not name:
            return None
        try:
            account = account_by_id(canonical_account_id(name))
        except Refused:
            account = None
        if account is None:
            raise forms.ValidationError("There is no such account.")
        return account

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("account") and cleaned.get("tenant"):
            self.add_error("tenant", "Name an account or a tenant, not both.")
        return cleaned

    def plan(self) -> Plan:
        """What the form says."""
        told = self.cleaned_data
        account, tenant = told["account"], told["tenant"]
        return Plan(
            reason=told["reason"],
            starts_at=told["starts_at"].astimezone(UTC),
            ends_at=told["ends_at"].astimezone(UTC),
            reconnect_after_seconds=told["reconnect_after_seconds"],
            tenant_id=tenant.id if tenant else None,
            account_pk=account.id if account else None,
        )
