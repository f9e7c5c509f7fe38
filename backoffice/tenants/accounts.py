"""Accounts, their keys and terminals."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice import mail
from backoffice.tenants.pages import ROWS, Visit, found, listed, member_page, searched
from backoffice.terminals import Terminal
from orders.domain.states.copies import ALIVE
from orders.domain.states.differences import STANDING
from sessions_app.models import AuthKey, BrokerAccount
from sessions_app.queries import database_now, with_calls


@member_page
def accounts(visit: Visit) -> HttpResponseBase:
    text = searched(visit.request)
    rows = visit.scope.accounts()
    if text:
        rows = rows.filter(account_id__icontains=text.lower())
    page = listed(visit.request, rows.order_by("account_id"))
    shown = [row.pk for row in page.rows]
    keys: dict[UUID, dict[str, int]] = defaultdict(dict)
    counts = visit.scope.keys().filter(account_id__in=shown).values_list("account_id", "state")
    for account, state, times in counts.annotate(times=Count("id")).order_by():
        keys[account][state] = times
    living, now = visit.scope.living(shown), database_now()
    terminals = {pk: Terminal.of(session, now) for pk, session in living.items()}
    told = visit.scope.currencies(shown)
    return visit.show(
        "accounts",
        gettext("Accounts and keys"),
        text=text,
        enrols=settings.GATEWAY["tenants_enrol"],
        may_register=settings.GATEWAY["tenants_enrol"] and visit.may("tenants:register_account"),
        page=page,
        shown=[(row, terminals.get(row.pk), sorted(keys[row.pk].items()), told.get(row.pk, "")) for row in page.rows],
    )


@member_page
def account(visit: Visit, account_id: UUID) -> HttpResponseBase:
    scope, now = visit.scope, database_now()
    row: BrokerAccount = found(scope.accounts().select_related("profile"), account_id)
    session = scope.living([row.pk]).get(row.pk)
    keys: list[AuthKey] = list(with_calls(scope.keys().filter(account=row)).order_by("-requested_at")[:20])
    alive = scope.copies().filter(account=row, state__in=[state.value for state in sorted(ALIVE)])
    standing = scope.differences().filter(account=row, state__in=[state.value for state in sorted(STANDING)])
    return visit.show(
        "account",
        gettext("How is this account?"),
        account=row,
        currency=(row.profile.content or {}).get("currency", "") if row.profile else "",
        funds_age=max(now - row.funds_at, timedelta(0)) if row.funds_at else None,
        terminal=Terminal.of(session, now) if session else None,
        keys=keys,
        may_decide=visit.may("tenants:approve_key"),
        may_act=visit.may("tenants:pause"),
        enrols=settings.GATEWAY["tenants_enrol"],
        gateway=mail.address(visit.request),
        copies=list(alive.order_by("-id")[:ROWS]),
        differences=list(standing.order_by("-id")[:ROWS]),
        subscriptions=list(scope.subscriptions().filter(follower=row).select_related("strategy")[:ROWS]),
        strategies=list(scope.strategies().filter(master=row)[:ROWS]),
        events=list(scope.session_events().filter(account=row).order_by("-id")[:20]),
    )
