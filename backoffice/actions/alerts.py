"""Actions on open alerts."""

from typing import Final

from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html

from backoffice.actions.action import OWN_WORDS, Action, Done, Place, Preview, Sent, strong, unless
from backoffice.actions.forms import ActionForm
from backoffice.own_clock import clock_and_zone
from backoffice.permissions import ACKNOWLEDGE, SEE_SESSIONS
from sessions_app.models import OperatorAlert
from sessions_app.services.operations import alerts
from sessions_app.services.operations.alerts import AlreadyAcknowledged
from sessions_app.services.operations.history import Actor


def _acknowledge(row: OperatorAlert, sent: Sent, by: Actor) -> Done:
    return Done(f"Acknowledged: {alerts.acknowledge(alert_id=row.id, by=by).text}")


def _preview(row: OperatorAlert) -> Preview:
    return Preview(
        [
            ("What", row.text),
            ("Alert", format_html('<span class="state {}">{}</span>', row.severity, row.code)),
            ("Meaning", row.meaning),
            ("Account", row.account.claimed_as if row.account else "none"),
            ("First", clock_and_zone(row.first_at)),
            ("Last", f"{clock_and_zone(row.at)}, {row.times} time{pluralize(row.times)} so far"),
        ],
        [
            "The alert leaves the monitoring page and stays in the list, with your name.",
            format_html("If the same happens again, a {} is raised.", strong("new alert")),
        ],
    )


ACTIONS: Final = (
    Action(
        name="acknowledge_alert",
        noun=OperatorAlert,
        verb="Acknowledge",
        title="Acknowledge this alert?",
        permission=ACKNOWLEDGE,
        form=ActionForm,
        obstacle=lambda row: unless(row.acknowledged_at is None, str(AlreadyAcknowledged(row))),
        preview=_preview,
        do=_acknowledge,
        late={AlreadyAcknowledged: OWN_WORDS},
        place=lambda row: Place("Monitoring", reverse("admin:monitoring"), (SEE_SESSIONS,)),
    ),
)
