"""The form in which a person chooses which alerts come by mail, and when: the same for members and for the staff."""

from collections.abc import Collection, Iterator
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.forms import BoundField
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from sessions_app.domain.alerts import ALERTS, OF_THE_DEPLOYMENT, AlertCode
from sessions_app.domain.mailing import UTC_ZONE, Choices, MailMode
from sessions_app.models import MailPlan
from sessions_app.services.access import mail_plans
from sessions_app.services.access.mail_plans import PlanChanged, Wanted

SHOWN: Final = 10
_WORDS: Final = {
    MailMode.AT_ONCE: gettext_lazy("at once"),
    MailMode.DIGEST: gettext_lazy("once a day"),
    MailMode.OFF: gettext_lazy("never"),
}
_MODES: Final = [(mode.value, _WORDS[mode]) for mode in MailMode]
_CLOCK: Final = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
_BY_MODE: Final = "mode_"


class AlertMailForm(forms.Form):
    """One choice for each kind of alert, and the hours. `version`: of the plan that was looked at."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    quiet_from = forms.TimeField(label=gettext_lazy("Quiet from"), required=False, widget=_CLOCK)
    quiet_until = forms.TimeField(
        label=gettext_lazy("Quiet until"),
        required=False,
        widget=_CLOCK,
        help_text=gettext_lazy(
            "In between no mail comes; what there was comes in one mail after it. Both empty: mail at any hour."
        ),
    )
    breaks_through = forms.BooleanField(
        label=gettext_lazy("Critical alerts also in quiet hours"),
        required=False,
        help_text=gettext_lazy("Those that are critical and come at once."),
    )
    digest_at = forms.TimeField(label=gettext_lazy("The daily mail comes at"), widget=_CLOCK)

    overtaken = 0

    def __init__(self, sent: Any, *, codes: Collection[AlertCode], plan: MailPlan | None, acts: bool) -> None:
        """`plan`: what was chosen so far; `acts`: the person is more than a viewer."""
        self._codes = codes
        choices = plan.choices(acts=acts, zone=UTC_ZONE) if plan else Choices(acts=acts)
        start, end = choices.quiet or (None, None)
        initial = {
            "version": plan.version if plan else 0,
            "quiet_from": start,
            "quiet_until": end,
            "breaks_through": choices.breaks_through,
            "digest_at": choices.digest_at,
            **{_BY_MODE + code: choices.mode(code).value for code in codes},
        }
        super().__init__(sent, initial=initial)
        for code in codes:
            severity, meaning = ALERTS[code]
            label = f"{code.replace('_', ' ').capitalize()} ({severity.value})"
            self.fields[_BY_MODE + code] = forms.ChoiceField(label=label, choices=_MODES, help_text=gettext(meaning))

    def clean(self) -> dict[str, Any]:
        """Quiet hours have a beginning and an end."""
        sent: dict[str, Any] = super().clean() or self.cleaned_data
        start, end = sent.get("quiet_from"), sent.get("quiet_until")
        if (start is None) != (end is None) and not {"quiet_from", "quiet_until"} & set(self.errors):
            self.add_error("quiet_until", gettext("Fill in both, or neither."))
        elif start is not None and start == end:
            self.add_error("quiet_until", gettext("The quiet hours end when they begin."))
        return sent

    def hours(self) -> Iterator[BoundField]:
        """The fields about when."""
        return (field for field in self if not field.name.startswith(_BY_MODE) and not field.is_hidden)

    def kinds(self) -> Iterator[BoundField]:
        """The fields about what."""
        return (field for field in self if field.name.startswith(_BY_MODE))

    def wanted(self) -> Wanted:
        """What was filled in."""
        sent = self.cleaned_data
        start, end = sent["quiet_from"], sent["quiet_until"]
        return Wanted(
            modes={code: MailMode(sent[_BY_MODE + code]) for code in self._codes},
            quiet=(start, end) if start is not None and end is not None else None,
            breaks_through=sent["breaks_through"],
            digest_at=sent["digest_at"],
        )


def _number(save: str) -> int | None:
    """The version that the button names in whose place this is to be saved."""
    text = save.removeprefix("instead-of-")
    return int(text) if save != text and text.isascii() and text.isdigit() and len(text) < 9 else None


def of_tenants() -> list[AlertCode]:
    """Kinds that a tenant's members may hear of."""
    return [code for code in AlertCode if code not in OF_THE_DEPLOYMENT]


def filled(
    request: HttpRequest, *, user_id: int, tenant_id: UUID | None, codes: Collection[AlertCode], acts: bool
) -> AlertMailForm | None:
    """The form, to be shown; None when it was sent and is saved."""
    plan = mail_plans.of(user_id=user_id, tenant_id=tenant_id)
    form = AlertMailForm(request.POST or None, codes=codes, plan=plan, acts=acts)
    if not form.is_valid():
        return form
    try:
        # Sent once more it would undo what was chosen elsewhere; who has been told so may say it.
        version = _number(request.POST.get("save", "")) or form.cleaned_data["version"]
        mail_plans.save(user_id=user_id, tenant_id=tenant_id, version=version, wanted=form.wanted())
    except PlanChanged:
        now = mail_plans.of(user_id=user_id, tenant_id=tenant_id)
        form.overtaken = now.version if now else 0
        form.add_error(None, gettext("Nothing was saved: you have changed this on another page meanwhile."))
        return form
    messages.success(request, gettext("Your choice was saved."))
    return None
