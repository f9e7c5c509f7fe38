"""Forms of the pages where people decide."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms

from backoffice import queries
from sessions_app.models import AuthKey, Tenant


class ReasonForm(forms.Form):
    """Why: it stands in the history for good."""

    reason = forms.CharField(
        max_length=255,
        label="Reason",
        help_text="Stands in the history, with your name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ApprovalForm(ReasonForm):
    """A reason and, for an account that belongs to nobody yet, its tenant."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.order_by("name"),
        label="Tenant",
        empty_label="Choose whose account this becomes",
        error_messages={"required": "This account belongs to nobody yet: choose its tenant."},
    )

    overlap = forms.IntegerField(
        min_value=0,
        max_value=24 * 90,
        required=False,
        label="Overlap in hours",
        help_text="The account's other approved keys are revoked after it; empty: they stay valid.",
    )
    field_order = ("tenant", "reason", "overlap")

    def __init__(self, *args: Any, key: AuthKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if key.account.tenant_id is not None:
            del self.fields["tenant"]
        if not queries.other_keys(key):
            del self.fields["overlap"]

    @property
    def span(self) -> timedelta | None:
        """How long the account's other keys stay; None: until they are revoked."""
        overlap: int | None = self.cleaned_data.get("overlap")
        return None if overlap is None else timedelta(hours=overlap)

    @property
    def tenant_id(self) -> UUID | None:
        """The chosen tenant; None when the account has one already."""
        tenant: Tenant | None = self.cleaned_data.get("tenant")
        return tenant.id if tenant is not None else None


class NoteForm(forms.Form):
    """Why: it stands in the history of the subscription for good."""

    note = forms.CharField(
        max_length=255,
        label="Reason",
        help_text="Stands in the history of the subscription, with your name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class SwitchOffForm(NoteForm):
    """A reason, and whether open copies are let go."""

    detach = forms.BooleanField(
        required=False,
        label="Detach open copies",
        help_text="They stay open at the broker; from now on they are the follower's own affair.",
    )


class VerdictForm(forms.Form):
    """Why: it stands in the history of the difference for good."""

    reason = forms.CharField(
        max_length=255,
        label="Reason",
        help_text="Stands in the history of the difference, with your name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class HeldForm(VerdictForm):
    """A reason, and how many differences the person has seen: the decision is about those and no others."""

    seen = forms.IntegerField(min_value=0, label="Copies", widget=forms.NumberInput(attrs={"readonly": True}))
