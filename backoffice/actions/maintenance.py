"""Actions on maintenance windows."""

from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html

from backoffice.actions.action import OWN_WORDS, Action, Done, Place, Preview, Sent, counted, strong, unless
from backoffice.actions.forms import ActionForm, moment, tenant_choice
from backoffice.own_clock import TO_THE_MINUTE, clock_and_zone
from backoffice.permissions import ANNOUNCE
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, MaintenanceWindow
from sessions_app.queries import account_by_id, database_now
from sessions_app.services.operations import maintenance
from sessions_app.services.operations.history import Actor
from sessions_app.services.operations.maintenance import AlreadyOver, NotAnnounceable, Plan

_OVER: Final = "this window is over or cancelled already"


class AnnounceForm(ActionForm):
    """Whom, why, from when to when. Times are by the own clock of whoever announces."""

    account = forms.CharField(
        max_length=128,
        required=False,
        label="Account",
        help_text="One account, e.g. ICMarketsSC-Demo04:5012345. Leave it and the tenant empty for all accounts.",
    )
    tenant = tenant_choice(required=False, empty_label="No tenant in particular")
    reason = forms.CharField(max_length=200, label="Reason", help_text="The EAs show it.")
    starts_at = moment("Starts")
    ends_at = moment("Ends")
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


def _plan(sent: Sent) -> Plan:
    account, tenant = sent["account"], sent["tenant"]
    return Plan(
        reason=sent["reason"],
        starts_at=sent["starts_at"].astimezone(UTC),
        ends_at=sent["ends_at"].astimezone(UTC),
        reconnect_after_seconds=sent["reconnect_after_seconds"],
        tenant_id=tenant.id if tenant else None,
        account_pk=account.id if account else None,
    )


def _announce(row: None, sent: Sent, by: Actor) -> Done:
    window = maintenance.announce(plan=_plan(sent), by=by)
    return Done(f"Announced for {window.whom}: {window.reason}")


def _cancel(row: MaintenanceWindow, sent: Sent, by: Actor) -> Done:
    maintenance.cancel(window_id=row.id, by=by)
    return Done(f"Cancelled for {row.whom}: {row.reason}")


def _facts(whom: object, reason: str, starts_at: datetime, ends_at: datetime) -> list[tuple[str, object]]:
    span = [(name, clock_and_zone(at, TO_THE_MINUTE)) for name, at in (("From", starts_at), ("To", ends_at))]
    return [("Whom", whom), ("Reason", reason), *span]


def _of_plan(sent: Sent) -> Preview:
    plan = _plan(sent)
    maintenance.check(plan, database_now())
    accounts, sessions = maintenance.concerned(plan)
    whom = sent["account"] or sent["tenant"] or "all accounts"
    wait = sent["reconnect_after_seconds"]
    return Preview(
        _facts(whom, sent["reason"], sent["starts_at"], sent["ends_at"]),
        [
            format_html(
                "It concerns {}, {} now.", strong(counted(accounts, "account")), counted(sessions, "living session")
            ),
            f"At the start their EAs are told to come back after {wait} s, and their links are closed.",
            format_html(
                "Until the end they are turned away. {} meanwhile; opens that become too old are not made up for.",
                strong("Nothing is copied to or from them"),
            ),
            "Sessions are kept, and so are positions at the broker.",
        ],
    )


def _of_window(row: MaintenanceWindow) -> Preview:
    told = row.notices.count()
    effect = "Nobody is sent away: it has not started."
    if row.starts_at <= database_now():
        were, come = pluralize(told, "was,were"), pluralize(told, "s,")
        effect = format_html(
            "EAs may connect again {}; {} {} told of this window and come{} back when told.",
            *(strong("at once"), counted(told, "session"), were, come),
        )
    announced = ("Announced", f"{clock_and_zone(row.announced_at)} by {row.announced_as}")
    return Preview(
        [*_facts(row.whom, row.reason, row.starts_at, row.ends_at), announced],
        [effect, "The window stays in the list, with your name."],
    )


def _page(row: MaintenanceWindow | None) -> Place:
    return Place("Maintenance", reverse("admin:maintenance"), (ANNOUNCE,))


ACTIONS: Final = (
    Action(
        name="announce_maintenance",
        noun=MaintenanceWindow,
        makes=True,
        verb="Announce maintenance",
        title="Announce this maintenance?",
        permission=ANNOUNCE,
        form=AnnounceForm,
        second_look=_of_plan,
        do=_announce,
        mistakes={NotAnnounceable: OWN_WORDS},
        place=_page,
        harms=True,
    ),
    Action(
        name="cancel_maintenance",
        noun=MaintenanceWindow,
        verb="Cancel the maintenance",
        title="Cancel this maintenance?",
        permission=ANNOUNCE,
        form=ActionForm,
        obstacle=lambda row: unless(row.cancelled_at is None and row.ends_at > database_now(), _OVER),
        preview=_of_window,
        do=_cancel,
        late={AlreadyOver: _OVER},
        place=_page,
        harms=True,
        stay="Keep it",
    ),
)
