"""Members, and what people did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice.policy import ROLES
from backoffice.tenants.configuration import setting_in_words
from backoffice.tenants.pages import ROWS, Visit, listed, member_page
from backoffice.tenants.scope import Scope
from sessions_app.queries import database_now
from sessions_app.services.operations.history import EA, GATEWAY

_NO_PEOPLE: Final = (EA.name, GATEWAY.name)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did: when, who, on what, what, and why."""

    id: UUID
    at: datetime
    actor: str
    kind: str
    subject: str
    what: str
    why: str


@member_page
def members(visit: Visit) -> HttpResponseBase:
    rows = visit.scope.members().select_related("user").order_by("user__username")
    may_invite = visit.may("tenants:invite")
    invited = list(visit.scope.standing_invitations(database_now())) if may_invite else []
    page = listed(visit.request, rows)
    may = {"may_invite": may_invite, "may_change": visit.may("tenants:change_role")}
    return visit.show("members", gettext("Members"), page=page, roles=ROLES, invited=invited, **may)


@member_page
def audit(visit: Visit) -> HttpResponseBase:
    shown = acts(visit.scope, ROWS * 4)
    return visit.show("audit", gettext("What did people do?"), acts=shown, most=ROWS * 4)


def acts(scope: Scope, most: int, before: UUID | None = None) -> list[Act]:
    """The latest acts of people, the newest first; `before`: those that were written before the one with this id."""
    kinds = (
        _on_accounts,
        _on_subscriptions,
        _on_versions,
        _on_settings,
        _on_differences,
        _on_members,
        _on_secrets,
    )
    found = [act for kind in kinds for act in kind(scope, most, before)]
    return sorted(found, key=lambda act: act.id, reverse=True)[:most]


def _latest(rows: QuerySet[Any], most: int, before: UUID | None) -> QuerySet[Any]:
    """Their ids begin with the moment at which they were made."""
    return (rows if before is None else rows.filter(id__lt=before)).order_by("-id")[:most]


def _on_accounts(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    rows = scope.session_events().exclude(actor__in=_NO_PEOPLE).select_related("account")
    for row in _latest(rows, most, before):
        kind = "session" if row.session_id else "key" if row.key_id else "grant" if row.grant_id else "account"
        what = _moved(row.from_state, row.to_state)
        yield Act(row.id, row.at, row.actor, kind, row.account.claimed_as, what, row.note)


def _on_subscriptions(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    rows = scope.subscription_events().exclude(actor__in=_NO_PEOPLE)
    for row in _latest(rows.select_related("subscription__follower", "subscription__strategy"), most, before):
        subject = f"{row.subscription.follower.claimed_as} copies {row.subscription.strategy.name}"
        yield Act(row.id, row.at, row.actor, "subscription", subject, _moved(row.from_state, row.to_state), row.note)


def _on_versions(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    """The first version comes with its subscription, which is told above; those that nobody made have no actor."""
    rows = scope.versions().filter(number__gt=1).exclude(actor__in=("", *_NO_PEOPLE))
    for row in _latest(rows.select_related("subscription__follower", "subscription__strategy"), most, before):
        subject = f"{row.subscription.follower.claimed_as} copies {row.subscription.strategy.name}"
        yield Act(row.id, row.at, row.actor, "settings", subject, f"version {row.number}", row.note)


def _on_differences(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    rows = scope.difference_events().exclude(actor__in=_NO_PEOPLE)
    for row in _latest(rows.select_related("difference__account"), most, before):
        subject = f"{row.difference.account.claimed_as}, {row.difference.subject}"
        yield Act(row.id, row.at, row.actor, "difference", subject, _moved(row.from_state, row.to_state), row.reason)


def _on_members(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    for row in _latest(scope.person_events(), most, before):
        yield Act(row.id, row.at, row.actor, "member", row.person, row.act.replace("_", " "), row.note)


def _on_secrets(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    for row in _latest(scope.vault_uses(), most, before):
        yield Act(row.id, row.at, row.actor, "secret", f"{row.name} v{row.version}", row.act, row.purpose)


def _on_settings(scope: Scope, most: int, before: UUID | None) -> Iterable[Act]:
    for row in _latest(scope.setting_changes().select_related("account"), most, before):
        subject = row.name.replace("_", " ") + (f" of {row.account.claimed_as}" if row.account is not None else "")
        what = f"{setting_in_words(row.before)} → {setting_in_words(row.after)}"
        yield Act(row.id, row.at, row.actor, "setting", subject, what, row.reason)


def _moved(before: str, after: str) -> str:
    return f"{before or 'new'} → {after}".replace("_", " ")
