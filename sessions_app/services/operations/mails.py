"""Messages as mails: who still wants one, what it says, and the mail server."""

from collections.abc import Collection
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext, ngettext

from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.letters import Letter, Told, Tongue, letter, trial
from sessions_app.domain.mailing import MessagePurpose
from sessions_app.domain.zones import zone_of
from sessions_app.models import AlertNotice, Member, OutboxMessage, Preference
from sessions_app.models.preference import spoken
from sessions_app.services.operations import alert_notices

_OURS: Final = "EA Gateway"
_TONGUE: Final = Tongue(gettext, ngettext)


class Unwanted(Exception):
    """Nobody is to get this message any more, or it says nothing."""


def send(message: OutboxMessage) -> Collection[UUID]:
    """Hand the message to the mail server; returns the alerts of which it says that they have ended.

    :raises Unwanted: there is nobody to send it to
    :raises OSError: the mail server did not take it; smtplib's errors are such
    """
    user = message.user
    if not user.is_active or not user.email:
        raise Unwanted("the person has left, or has no address")
    if message.purpose == MessagePurpose.TEST:
        zone, language = _chosen(message)
        with translation.override(language):
            _deliver(message, trial(zone=zone, tongue=_TONGUE))
        return ()
    if not _belongs(message):
        raise Unwanted("the person has left")
    notices = alert_notices.of_message(message)
    if not notices:
        raise Unwanted("there is nothing to tell")
    place = message.tenant.name if message.tenant is not None else _OURS
    zone, language = _chosen(message)
    told = [_told(row) for row in notices]
    with translation.override(language):
        _deliver(message, letter(told, place=place, zone=zone, link=_link(message), tongue=_TONGUE))
    return [row.alert_id for row in notices if row.alert.resolved_at is not None]


def _belongs(message: OutboxMessage) -> bool:
    if message.tenant_id is None:
        return alert_notices.staff().filter(pk=message.user_id).exists()
    return Member.objects.filter(tenant=message.tenant_id, user=message.user_id).exists()


def _chosen(message: OutboxMessage) -> tuple[ZoneInfo, str]:
    """The person's own time zone and language."""
    chosen = Preference.objects.filter(user=message.user_id).values_list("zone", "language").first()
    zone, language = chosen or (None, None)
    return zone_of(zone), spoken(language)


def _told(notice: AlertNotice) -> Told:
    alert = notice.alert
    return Told(
        code=AlertCode(alert.code),
        text=alert.text,
        account=alert.account.claimed_as if alert.account is not None else "",
        first_at=alert.first_at,
        times=alert.times,
        over_at=alert.resolved_at,
        seen_as=alert.acknowledged_as,
    )


def _link(message: OutboxMessage) -> str:
    """The page of alerts. Without PUBLIC_URL nobody here knows by which name we are reached."""
    if not settings.PUBLIC_URL:
        return ""
    path = f"/t/{message.tenant_id}/alerts/" if message.tenant_id else "/admin/monitoring/"
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def _deliver(message: OutboxMessage, said: Letter) -> None:
    # One name for all tries: who has got it twice can see that it is one mail.
    headers = {"Message-ID": f"<{message.id}@eagateway>", "Auto-Submitted": "auto-generated"}
    EmailMessage(said.subject, said.body, None, [message.user.email], headers=headers).send()
