"""Accounts and their keys: listed, registered, shared beforehand, decided about."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Count, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.actions.action import OWN_WORDS, Sentences
from backoffice.manage.door import ManageView, actor, found, rows_of, shown
from backoffice.manage.items import AccountItem, KeyItem, SharedKey
from backoffice.manage.lists import ManageList, listed
from backoffice.manage.writing import (
    AccountBody,
    ApprovalBody,
    KeyBody,
    ReasonBody,
    at_field,
    conflicts,
    described,
    describes,
    written,
)
from backoffice.standings import Row, connect
from backoffice.tenants.scope import Scope
from sessions_app.auth.hashing import mint_key
from sessions_app.domain.lifecycle import KeyState
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount
from sessions_app.queries import database_now
from sessions_app.rest.listing import Filters, OneOf, Word
from sessions_app.services.access import accounts, keys
from sessions_app.services.access.management_requests import Answer

_DECIDED: Final[Sentences] = {keys.AlreadyDecided: OWN_WORDS}


class AccountFilters(Filters):
    """By what an account is called."""

    account = Word(method="by_name")

    def by_name(self, rows: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        return rows.filter(account_id=text.lower())


class AccountsView(ManageList):
    """`/accounts`."""

    filters = AccountFilters
    item = AccountItem

    @listed("manage_list_accounts", "List accounts", AccountItem, AccountFilters)
    def get(self, request: Request) -> Response:
        return self.page(request)

    @describes("manage_register_account", "Register an account", AccountBody, AccountItem, status=201)
    def post(self, request: Request) -> Response:
        _enrolling()
        scope, by = rows_of(request), actor(request)

        def act(sent: dict[str, Any]) -> Answer:
            known: Sentences = {accounts.AccountKnown: "This account is known here already: ask the staff whose it is"}
            with conflicts(known), at_field("account"):
                row = accounts.register(
                    tenant_id=scope.tenant.pk, claimed_as=sent["account"], by=by, reason=sent["reason"]
                )
            _furnish(scope, [row])
            return Answer(201, AccountItem(row).data)

        return written(request, AccountBody, act)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return scope.accounts()

    def furnish(self, scope: Scope, rows: Sequence[Any]) -> None:
        _furnish(scope, rows)


class AccountView(ManageView):
    """`/accounts/{id}`."""

    @described("manage_read_account", "Read an account", AccountItem)
    def get(self, request: Request, account_id: UUID) -> Response:
        scope = rows_of(request)
        row = found(scope.accounts(), account_id)
        _furnish(scope, [row])
        return shown(AccountItem(row).data)


def _furnish(scope: Scope, rows: Sequence[Any]) -> None:
    """How each stands, its currency, and how many keys it has by their state: in three queries."""
    standing = {row.pk: Row(row) for row in rows}
    connect(standing, scope.links(list(standing)), database_now())
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    found_keys = scope.keys().filter(account_id__in=list(standing)).values_list("account_id", "state")
    for account, state, times in found_keys.annotate(times=Count("id")).order_by():
        counts[account][state] = times
    told = scope.currencies(list(standing))
    for row in rows:
        row.standing, row.key_counts = standing[row.pk].standing, counts[row.pk]
        row.currency = told.get(row.pk, "")


# Keys ----------------------------------------------------------------------------------------------------------------


class KeyFilters(Filters):
    state = OneOf(KeyState)


class KeysView(ManageList):
    """`/accounts/{id}/keys`."""

    filters = KeyFilters
    item = KeyItem

    @listed("manage_list_keys", "List the keys of an account", KeyItem, KeyFilters)
    def get(self, request: Request, account_id: UUID) -> Response:
        return self.page(request, account_id=account_id)

    @describes("manage_share_key", "Approve a key before its EA shows it", KeyBody, SharedKey, status=201)
    def post(self, request: Request, account_id: UUID) -> Response:
        scope, by = rows_of(request), actor(request)
        account: BrokerAccount = found(scope.accounts(), account_id)

        def act(sent: dict[str, Any]) -> Answer:
            made = "" if sent.get("key") else mint_key()
            foreign: Sentences = {keys.ForeignAccount: "The account is not the tenant's any more"}
            with conflicts({**_DECIDED, **foreign}), at_field("key"):
                done = keys.share_key(
                    tenant_id=scope.tenant.pk,
                    claimed_as=account.claimed_as,
                    material=sent.get("key") or made,
                    by=by,
                    reason=sent["reason"],
                    overlap=_overlap(sent),
                )
            body = {"id": done.key_id, "account_id": account.pk, "state": KeyState.APPROVED.value, "key": made or None}
            return Answer(201, SharedKey(body).data, once=frozenset({"key"}))

        return written(request, KeyBody, act)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        account = found(scope.accounts(), ids["account_id"])
        return scope.keys().filter(account=account)


class ApproveKeyView(ManageView):
    """`/keys/{id}/approve`."""

    @describes("manage_approve_key", "Approve a key that waits", ApprovalBody, KeyItem)
    def post(self, request: Request, key_id: UUID) -> Response:
        scope, by = rows_of(request), actor(request)
        row: AuthKey = found(scope.keys(), key_id)
        _enrolling()

        def act(sent: dict[str, Any]) -> Answer:
            with conflicts({**_DECIDED, keys.KeysNotTaken: "This tenant takes no keys: its terminals show tokens"}):
                keys.approve(key_id=row.pk, by=by, reason=sent["reason"], overlap=_overlap(sent))
            return _as_it_is(scope, row.pk)

        return written(request, ApprovalBody, act)


class RejectKeyView(ManageView):
    """`/keys/{id}/reject`."""

    @describes("manage_reject_key", "Reject a key that waits; its sessions end", ReasonBody, KeyItem)
    def post(self, request: Request, key_id: UUID) -> Response:
        row = found(rows_of(request).keys(), key_id)
        _enrolling()
        return _ends(request, row, keys.reject)


class RevokeKeyView(ManageView):
    """`/keys/{id}/revoke`."""

    @describes("manage_revoke_key", "Revoke an approved key; its sessions end", ReasonBody, KeyItem)
    def post(self, request: Request, key_id: UUID) -> Response:
        return _ends(request, found(rows_of(request).keys(), key_id), keys.revoke)


def _ends(request: Request, row: AuthKey, verb: Callable[..., None]) -> Response:
    scope, by = rows_of(request), actor(request)

    def act(sent: dict[str, Any]) -> Answer:
        with conflicts(_DECIDED):
            verb(key_id=row.pk, by=by, reason=sent["reason"])
        return _as_it_is(scope, row.pk)

    return written(request, ReasonBody, act)


def _as_it_is(scope: Scope, key_id: UUID) -> Answer:
    return Answer(200, KeyItem(found(scope.keys(), key_id)).data)


def _overlap(sent: dict[str, Any]) -> timedelta | None:
    hours = sent.get("overlap_hours")
    return None if hours is None else timedelta(hours=hours)


def _enrolling() -> None:
    """Whether this deployment lets tenants do it: who approves a terminal says that it may trade.

    :raises Refused: `left_to_staff`
    """
    if not settings.GATEWAY["tenants_enrol"]:
        raise Refused("left_to_staff")
