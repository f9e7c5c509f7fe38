"""Members, and what people did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http.response import HttpResponseBase

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
    return visit.show("members", "Members", page=page, roles=ROLES, invited=invited, may_invite=may_invite)


@member_page
def audit(visit: Visit) -> HttpResponseBase:
    shown = acts(visit.scope, ROWS * 4)
    return visit.show("audit", "What did people do?", acts=shown, most=ROWS * 4)


def acts(scope: Scope, most: int) -> list[Act]:
    """The latest acts of people, the newest first."""
    found = [*_on_accounts(scope, most), *_on_subscriptions(scope, most), *_on_differences(scope, most)]
    found += [*_on_members(scope, most), *_on_secrets(scope, most), *_on_settings(scope, most)]
    return sorted(found, key=lambda act: act.at, reverse=True)[:most]


def _on_accounts(scope: Scope, most: int) -> Iterable[Act]:
    rows = scope.session_events().exclude(actor__in=_NO_PEOPLE).select_related("account").order_by("-at")[:most]
    for row in rows:
        kind = "session" if row.session_id else "key" if row.key_id else "grant" if row.grant_id else "account"
        yield Act(row.at, row.actor, kind, row.account.claimed_as, _moved(row.from_state, row.to_state), row.note)


def _on_subscriptions(scope: Scope, most: int) -> Iterable[Act]:
    rows = scope.subscription_events().exclude(actor__in=_NO_PEOPLE)
    for row in rows.select_related("subscription__follower", "subscription__strategy").order_by("-at")[:most]:
        subject = f"{row.subscription.follower.claimed_as} copies {row.subscription.strategy.name}"
        yield Act(row.at, row.actor, "subscription", subject, _moved(row.from_state, row.to_state), row.note)


def _on_differences(scope: Scope, most: int) -> Iterable[Act]:
    rows = scope.difference_events().exclude(actor__in=_NO_PEOPLE)
    for row in rows.select_related("difference__account").order_by("-at")[:most]:
        subject = f"{row.difference.account.claimed_as}, {row.difference.subject}"
        yield Act(row.at, row.actor, "difference", subject, _moved(row.from_state, row.to_state), row.reason)


def _on_members(scope: Scope, most: int) -> Iterable[Act]:
    for row in scope.person_events().order_by("-at")[:most]:
        yield Act(row.at, row.actor, "member", row.person, row.act.replace("_", " "), row.note)


def _on_secrets(scope: Scope, most: int) -> Iterable[Act]:
    for row in scope.vault_uses().order_by("-at")[:most]:
        yield Act(row.at, row.actor, "secret", f"{row.name} v{row.version}", row.act, row.purpose)


def _on_settings(scope: Scope, most: int) -> Iterable[Act]:
    for row in scope.setting_changes().select_related("account").order_by("-at")[:most]:
        subject = row.name.replace("_", " ") + (f" of {row.account.claimed_as}" if row.account is not None else "")
        what = f"{setting_in_words(row.before)} → {setting_in_words(row.after)}"
        yield Act(row.at, row.actor, "setting", subject, what, row.reason)


def _moved(before: str, after: str) -> str:
    return f"{before or 'new'} → {after}".replace("_", " ")
