"""What the forms of actions share: a reason, a tenant, and fields that are asked for in several places."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from backoffice.own_clock import own_zone
from sessions_app.domain.problems import Refused
from sessions_app.models import Tenant

MAX_HOURS: Final = 24 * 90
NO_COMPLETION: Final = {"autocomplete": "off"}
"""Of what names a thing once; not of reasons and settings, for a browser brings back only what it may complete."""


def text(label: Any, *, most: int, help_text: Any = "", required: bool = True, initial: str = "") -> forms.CharField:
    """One line of text. A browser that knew how long it may be would cut what is pasted, and say nothing."""
    field = forms.CharField(
        max_length=most,
        label=label,
        help_text=help_text,
        required=required,
        initial=initial or None,
    )
    field.widget.attrs.pop("maxlength", None)
    return field


_OVERLAP: Final = gettext_lazy("Overlap in hours")


def hours(help_text: Any, *, required: bool, least: int = 0, label: Any = _OVERLAP) -> forms.IntegerField:
    return forms.IntegerField(min_value=least, max_value=MAX_HOURS, label=label, required=required, help_text=help_text)


def _parsed(value: Any) -> datetime | None:
    """What was typed; None for what is no moment."""
    try:
        return parse_datetime(value) if isinstance(value, str) else None
    except ValueError:  # it looks like one, and no calendar has it
        return None


class _Moment(forms.DateTimeInput):
    """The browser's own field for a date and a time, to the minute. It shows nothing that has a distance from UTC, so
    what was kept with one comes back by the own clock."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        kept = _parsed(value)
        if kept is not None and kept.tzinfo is not None:
            value = kept.astimezone(own_zone())
        return super().format_value(value)


class _KeptMoment(forms.HiddenInput):
    """What was typed, with its distance from UTC: it means the same moment when it comes back, whatever the person has
    made of his time zone in between."""

    def format_value(self, value: Any) -> str | None:
        typed = _parsed(value)
        if typed is not None and typed.tzinfo is None:
            value = typed.replace(tzinfo=own_zone()).isoformat()
        return cast("str | None", super().format_value(value))


class _OwnMoment(forms.DateTimeField):
    """A moment by the clock of whoever fills it in. One that his clock shows twice, or never, is a mistake."""

    widget = _Moment(format="%Y-%m-%dT%H:%M")
    hidden_widget = _KeptMoment


_own_zone_name: Final[Any] = lazy(lambda: own_zone().key, str)


def moment(label: str) -> forms.DateTimeField:
    return _OwnMoment(label=format_lazy("{} ({})", label, _own_zone_name()))


def tenant_choice(**changes: Any) -> "forms.ModelChoiceField[Tenant]":
    offered = {"label": "Tenant", "empty_label": "Choose a tenant", **changes}
    return forms.ModelChoiceField(Tenant.objects.order_by("name"), **offered)


class ActionForm(forms.Form):
    """Nothing but a button; its children ask for more. `row`: what the action is about, None if it makes one."""

    def __init__(self, data: Any = None, *, row: Any = None) -> None:
        super().__init__(data)
        self.row = row


class ReasonForm(ActionForm):
    """Why: it stands in the history for good."""

    reason = text(gettext_lazy("Reason"), most=255, help_text=gettext_lazy("Stands in the history, with your name."))


class TenantForm(ReasonForm):
    """A reason and a tenant."""

    tenant = tenant_choice()
    field_order: Sequence[str] = ("tenant",)


def checked(value: str, check: Any, *, keep: bool = False) -> str:
    """`check(value)`, or with `keep` the value itself; what the domain refuses is a mistake of the form."""
    try:
        found: str = check(value)
    except Refused as refusal:
        raise forms.ValidationError(refusal.message) from refusal
    return value if keep else found
