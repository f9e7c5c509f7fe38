"""Forms of the acts on keys, grants, OAuth clients and approval policies."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django import forms

from backoffice.actions.forms import ReasonForm
from sessions_app.domain.enrolment import ALL_ACCOUNTS, MAX_ADDRESSES, canonical_fingerprint, canonical_network
from sessions_app.domain.keys import canonical_account_id, check_key
from sessions_app.domain.problems import Refused
from sessions_app.models import Tenant

MAX_HOURS: Final = 24 * 90
_NO_COMPLETION: Final = {"autocomplete": "off"}


def text(label: str, *, most: int, help_text: str = "", required: bool = True, initial: str = "") -> forms.CharField:
    """One line of text that the browser does not complete."""
    return forms.CharField(
        max_length=most,
        label=label,
        help_text=help_text,
        required=required,
        initial=initial or None,
        widget=forms.TextInput(attrs=_NO_COMPLETION),
    )


def hours(help_text: str, *, required: bool) -> forms.IntegerField:
    return forms.IntegerField(
        min_value=0, max_value=MAX_HOURS, label="Overlap in hours", required=required, help_text=help_text
    )


def moment(label: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs=_NO_COMPLETION, format="%Y-%m-%d %H:%M")
    return forms.DateTimeField(label=f"{label} (UTC)", help_text="Such as 2026-12-01 08:00.", widget=widget)


class _TenantForm(ReasonForm):
    """A reason and a tenant."""

    tenant = forms.ModelChoiceField(Tenant.objects.order_by("name"), label="Tenant", empty_label="Choose a tenant")
    field_order: Sequence[str] = ("tenant",)


class _AccountsField(forms.CharField):
    """A pattern of account ids."""

    def __init__(self) -> None:
        super().__init__(
            max_length=128,
            label="Accounts",
            initial=ALL_ACCOUNTS,
            help_text="A pattern of account ids with * and ?; * alone covers all of the tenant's.",
            widget=forms.TextInput(attrs=_NO_COMPLETION),
        )


class RetireForm(ReasonForm):
    """When an approved key ends by itself."""

    overlap = hours("From now; then the key is refused, and its sessions end.", required=True)


class ShareKeyForm(_TenantForm):
    """A key that is approved before its EA shows it."""

    account = text("Account", most=128, help_text="<broker server>:<login>; one of the tenant's, or a new one.")
    key = text("Key", most=256, required=False, help_text="Leave it empty to have one made and shown once.")
    overlap = hours("The account's other keys are revoked after it; empty: they stay valid.", required=False)
    field_order = ("tenant", "account", "key", "overlap", "reason")

    def clean_account(self) -> str:
        return _checked(self.cleaned_data["account"], canonical_account_id, keep=True)

    def clean_key(self) -> str:
        material: str = self.cleaned_data["key"]
        return _checked(material, check_key, keep=True) if material else ""


class FingerprintForm(_TenantForm):
    """A key that is approved when it asks first."""

    fingerprint = text(
        "Fingerprint", most=100, help_text="SHA-256 of the key (64 hexadecimal digits), or the desk's fingerprint."
    )
    accounts = _AccountsField()
    field_order = ("tenant", "fingerprint", "accounts", "reason")

    def clean_fingerprint(self) -> str:
        return _checked(self.cleaned_data["fingerprint"], canonical_fingerprint)


class WindowForm(_TenantForm):
    """When first keys are approved by themselves."""

    opens_at = moment("From")
    closes_at = moment("Until")
    max_keys = forms.IntegerField(min_value=1, required=False, label="At most so many keys", help_text="Empty: all.")
    accounts = _AccountsField()
    addresses = text(
        "Addresses", most=1000, required=False, help_text="Addresses or networks, separated by commas; empty: all."
    )
    adopts = forms.BooleanField(
        required=False, label="Adopt accounts", help_text="Accounts that belong to nobody yet become this tenant's."
    )
    field_order = ("tenant", "opens_at", "closes_at", "max_keys", "accounts", "addresses", "adopts", "reason")

    def clean_addresses(self) -> list[str]:
        parts = [part for part in self.cleaned_data["addresses"].split(",") if part.strip()]
        if len(parts) > MAX_ADDRESSES:
            raise forms.ValidationError(f"At most {MAX_ADDRESSES} addresses or networks.")
        return [_checked(part, canonical_network) for part in parts]

    def clean(self) -> dict[str, Any]:
        super().clean()
        opens_at, closes_at = self.cleaned_data.get("opens_at"), self.cleaned_data.get("closes_at")
        if isinstance(opens_at, datetime) and isinstance(closes_at, datetime):
            if opens_at >= closes_at:
                self.add_error("closes_at", "It must close after it opens.")
            elif closes_at <= datetime.now(UTC):
                self.add_error("closes_at", "It would be over already.")
        return self.cleaned_data


class ClientForm(_TenantForm):
    """A new OAuth client."""

    client_id = forms.RegexField(
        r"^[A-Za-z0-9._~\-]{1,100}$",
        label="Client id",
        help_text="Letters, digits and . _ ~ - alone; unique for good.",
        widget=forms.TextInput(attrs=_NO_COMPLETION),
    )
    external = forms.BooleanField(
        required=False, label="External", help_text="Its tokens come from the external issuer: it gets no secret here."
    )
    field_order = ("tenant", "client_id", "external", "reason")


class GrantForm(ReasonForm):
    """One more account for a client."""

    account = text("Account", most=128, help_text="<broker server>:<login>; an account of the client's tenant.")
    field_order = ("account", "reason")

    def clean_account(self) -> str:
        return _checked(self.cleaned_data["account"], canonical_account_id)


def _checked(value: str, check: Any, *, keep: bool = False) -> str:
    """`check(value)`, or with `keep` the value itself; what the domain refuses is a mistake of the form."""
    try:
        found: str = check(value)
    except Refused as refusal:
        raise forms.ValidationError(refusal.message) from refusal
    return value if keep else found
