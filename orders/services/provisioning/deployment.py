"""Create or update what a deployment needs, from one document: all of it in one transaction, or nothing.

The same document again changes nothing. What it does not name stays as it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from orders.domain.provisioning.document import (
    AccountEntry,
    KeyEntry,
    MemberEntry,
    StrategyEntry,
    TenantEntry,
    read_document,
)
from orders.domain.provisioning.entries import Mistake
from orders.models import Strategy
from orders.services.provisioning import access
from orders.services.subscriptions import cycles, lifecycle
from orders.services.subscriptions.cycles import Link
from orders.services.subscriptions.lifecycle import OpenCopies, Wanted
from sessions_app import queries
from sessions_app.auth.account_session_key import key_fingerprint
from sessions_app.auth.hashing import hash_keys
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import KeyState
from sessions_app.domain.people import PersonAct
from sessions_app.models import PROVISIONED, AuthKey, BrokerAccount, Member, Role, SettingChange, Tenant
from sessions_app.models.bulk import update_rows
from sessions_app.services.access import keys
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import locking
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor

REASON: Final = "provisioned"
_AT_ONCE: Final = 1_000
_ENDED: Final = frozenset({KeyState.REJECTED, KeyState.REVOKED})
_log = structlog.get_logger(__name__)


class ProvisioningRefused(Exception):
    """The document has mistakes; nothing was stored."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


def provision(*, document: object, by: Actor) -> dict[str, Any]:
    """Bring the deployment to what the document says; the ids of everything in it, by tenant and name.

    :raises ProvisioningRefused: every mistake of the document, each with its path
    """
    tenants, mistakes = read_document(document, roles=[role.value for role in Role])
    if mistakes:
        raise ProvisioningRefused(mistakes)
    # A thousand keys that nobody has minted take half a minute to hash: no lock is held meanwhile.
    hashes = _hash_new_keys(tenants)
    with transaction.atomic(durable=True):
        # Before any row's lock, as everybody does who takes both: else two could wait for each other.
        cycles.hold()
        known = _load(tenants)
        mistakes = list(_check(tenants, known))
        if mistakes:
            raise ProvisioningRefused(mistakes)
        work = _Work(batch=Batch(now=queries.database_now()), by=by, hashes=hashes, known=known)
        written = [_write_tenant(tenant, work) for tenant in tenants]
    ring_after_commit(work.batch)
    _log.info("deployment.provisioned", by=by.name, tenants=len(tenants))
    return {"tenants": written}


def _hash_new_keys(tenants: Sequence[TenantEntry]) -> dict[str, str]:
    """Argon2 hashes by fingerprint, of the keys that are not stored yet: before the transaction, for they are slow."""
    wanted = [(account.account_id, key) for tenant in tenants for account in tenant.accounts for key in account.keys]
    marks = {key.material: key_fingerprint(key.material) for _, key in wanted}
    rows = AuthKey.objects.filter(fingerprint__in=list(marks.values()))
    stored = set(rows.values_list("account__account_id", "fingerprint"))
    new = list({key.material for account_id, key in wanted if (account_id, marks[key.material]) not in stored})
    return dict(zip((marks[material] for material in new), hash_keys(new), strict=True))


# What is there already -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """The rows that the document names."""

    tenants: Mapping[str, Tenant]
    accounts: dict[str, BrokerAccount]
    keys: Mapping[tuple[str, str], AuthKey]
    masters: Mapping[tuple[str, str], str]


def _load(tenants: Sequence[TenantEntry]) -> _Known:
    names = [tenant.name for tenant in tenants]
    account_ids = {account.account_id for tenant in tenants for account in tenant.accounts} | set(_named(tenants))
    locking.lock_keys_and_sessions(account_ids)
    rows = BrokerAccount.objects.select_related("tenant").filter(account_id__in=account_ids).order_by("id")
    accounts = {row.id: row for row in rows.select_for_update(of=("self",), no_key=True)}
    key_rows = AuthKey.objects.filter(account__among=accounts).only(*_KEY_COLUMNS)
    strategies = Strategy.objects.filter(tenant__name__in=names)
    return _Known(
        tenants={tenant.name: tenant for tenant in Tenant.objects.filter(name__in=names)},
        accounts={account.account_id: account for account in accounts.values()},
        keys={(accounts[key.account_id].account_id, key.fingerprint): key for key in key_rows},
        masters={(tenant, name): master for tenant, name, master in strategies.values_list(*_STRATEGY_COLUMNS)},
    )


_KEY_COLUMNS: Final = ("account_id", "fingerprint", "state", "retires_at")
_STRATEGY_COLUMNS: Final = ("tenant__name", "name", "master__account_id")


def _named(tenants: Iterable[TenantEntry]) -> Iterator[str]:
    for tenant in tenants:
        for strategy in tenant.strategies:
            yield strategy.master
            yield from (entry.follower for entry in strategy.subscriptions)


# What rows forbid ----------------------------------------------------------------------------------------------------


def _check(tenants: Sequence[TenantEntry], known: _Known) -> Iterator[Mistake]:
    for tenant in tenants:
        for account in tenant.accounts:
            yield from _check_account(account, tenant, known)
        own = {account.account_id for account in tenant.accounts}
        for strategy in tenant.strategies:
            yield from _check_strategy(strategy, tenant, known, own)
    yield from _check_cycles(tenants)
    yield from access.check(tenants)


def _check_account(entry: AccountEntry, tenant: TenantEntry, known: _Known) -> Iterator[Mistake]:
    account = known.accounts.get(entry.account_id)
    if account is not None and account.tenant is not None and account.tenant.name != tenant.name:
        yield Mistake(f"{entry.path}.account_id", "this account belongs to another tenant")
        return
    for key in entry.keys:
        row = known.keys.get((entry.account_id, key_fingerprint(key.material)))
        # A key that was withdrawn must not come back by a file that somebody forgot.
        if row is not None and row.state in _ENDED:
            yield Mistake(f"{key.path}.key", f"this key was {row.state}; make a new one")


def _check_strategy(entry: StrategyEntry, tenant: TenantEntry, known: _Known, own: set[str]) -> Iterator[Mistake]:
    master = known.masters.get((tenant.name, entry.name))
    # Its followers have subscribed to that account's trades.
    if master is not None and master != entry.master:
        yield Mistake(f"{entry.path}.master", "the master of a strategy cannot change; make another strategy")
    places = [(f"{entry.path}.master", entry.master)]
    places += [(f"{follower.path}.follower", follower.follower) for follower in entry.subscriptions]
    for path, account_id in places:
        if account_id not in own and not _belongs(known.accounts.get(account_id), tenant):
            yield Mistake(path, "this tenant has no such account")


def _belongs(account: BrokerAccount | None, tenant: TenantEntry) -> bool:
    return account is not None and account.tenant is not None and account.tenant.name == tenant.name


def _check_cycles(tenants: Sequence[TenantEntry]) -> Iterator[Mistake]:
    """The same check as when they are stored, made beforehand to name the place."""
    changes = {
        Link(tenant.name, strategy.name, strategy.master, entry.follower): entry.state
        for tenant in tenants
        for strategy in tenant.strategies
        for entry in strategy.subscriptions
    }
    cycle = cycles.cycle_with(changes)
    if cycle is not None:
        yield Mistake(_closing_place(tenants, cycle), f"accounts may not copy in a circle: {' -> '.join(cycle)}")


def _closing_place(tenants: Sequence[TenantEntry], cycle: Sequence[str]) -> str:
    """The document's last subscription on the cycle."""
    steps = set(pairwise(cycle))
    places = [
        f"{entry.path}.follower"
        for tenant in tenants
        for strategy in tenant.strategies
        for entry in strategy.subscriptions
        if (strategy.master, entry.follower) in steps
    ]
    return places[-1] if places else ""


# Writing, inside the one transaction ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Work:
    """What every writing step needs."""

    batch: Batch
    by: Actor
    hashes: Mapping[str, str]
    known: _Known
    written: dict[str, BrokerAccount] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.batch.now


def _write_tenant(entry: TenantEntry, work: _Work) -> dict[str, Any]:
    tenant, _ = Tenant.objects.get_or_create(name=entry.name, defaults={"created_at": work.now})
    if entry.repairs is not None and dict(entry.repairs) != tenant.repairs:
        _write_repairs(dict(entry.repairs), tenant, work)
    return {
        "name": tenant.name,
        "id": str(tenant.id),
        "members": {member.email: _write_member(member, tenant, work) for member in entry.members},
        "accounts": _write_accounts(entry.accounts, tenant, work),
        "strategies": {strategy.name: _write_strategy(strategy, tenant, work) for strategy in entry.strategies},
        **access.write(entry.access, tenant, batch=work.batch, by=work.by),
    }


def _write_repairs(repairs: dict[str, str], tenant: Tenant, work: _Work) -> None:
    Tenant.objects.filter(id=tenant.id).update(repairs=repairs)
    SettingChange.objects.create(
        tenant=tenant,
        name="repairs",
        before=tenant.repairs or None,
        after=repairs or None,
        actor=work.by.name[:150],
        reason=REASON,
        at=work.now,
    )


def _write_member(entry: MemberEntry, tenant: Tenant, work: _Work) -> str:
    # A person may be a member of several tenants.
    user = User.objects.filter(username=entry.email).first()
    if user is None:
        user = User.objects.create_user(username=entry.email, email=entry.email)
    row, made = Member.objects.get_or_create(
        tenant=tenant, user=user, defaults={"role": entry.role, "created_at": work.now}
    )
    if made or row.role != entry.role:
        Member.objects.filter(pk=row.pk).update(role=entry.role)
        person_history.record(
            act=PersonAct.MEMBER_ADDED if made else PersonAct.ROLE_CHANGED,
            person=entry.email,
            actor=work.by,
            at=work.now,
            tenant_id=tenant.id,
            note=f"{REASON}: as {entry.role}" if made else f"{REASON}: {row.role} to {entry.role}",
        )
    return str(user.pk)


def _write_accounts(entries: Sequence[AccountEntry], tenant: Tenant, work: _Work) -> dict[str, str]:
    """Accounts that are new are a fixed number of statements, and so are their keys; of those that are known, what
    differs costs some."""
    known = [entry for entry in entries if entry.account_id in work.known.accounts]
    found = _make_accounts([entry for entry in entries if entry.account_id not in work.known.accounts], tenant, work)
    found |= _change_accounts(known, tenant, work)
    return {
        entry.claimed_as: str(found.get(entry.account_id) or _write_account(entry, tenant, work)) for entry in entries
    }


def _change_accounts(entries: Sequence[AccountEntry], tenant: Tenant, work: _Work) -> dict[str, UUID]:
    """The accounts of these entries, which are locked: those that differ are written together."""
    changed = []
    for entry in entries:
        account = work.known.accounts[entry.account_id]
        if (account.tenant_id, account.intent_rate) != (tenant.id, entry.intent_rate):
            account.tenant, account.intent_rate = tenant, entry.intent_rate
            changed.append(account)
    update_rows(BrokerAccount, changed, ["tenant", "intent_rate"])
    for entry in entries:
        for key in entry.keys:
            _write_key(key, work.known.accounts[entry.account_id], tenant, work)
    return {entry.account_id: work.known.accounts[entry.account_id].id for entry in entries}


def _make_accounts(entries: Sequence[AccountEntry], tenant: Tenant, work: _Work) -> dict[str, UUID]:
    """The accounts of these entries that nobody has made meanwhile, with their keys."""
    rows = [
        BrokerAccount(
            tenant=tenant,
            account_id=entry.account_id,
            claimed_as=entry.claimed_as,
            intent_rate=entry.intent_rate,
            created_at=work.now,
        )
        for entry in entries
    ]
    BrokerAccount.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_AT_ONCE)
    # A terminal may have asked for one in this moment: its account is the one that counts.
    ours = set(BrokerAccount.objects.filter(id__among=[row.id for row in rows]).values_list("id", flat=True))
    made = {row.account_id: row.id for row in rows if row.id in ours}
    wanted = [(made[entry.account_id], key) for entry in entries if entry.account_id in made for key in entry.keys]
    new = []
    for account_pk, key in wanted:
        mark = key_fingerprint(key.material)
        # There is none if the account was there with this key when hashes were made, and has lapsed since.
        key_hash = work.hashes.get(mark) or hash_keys([key.material])[0]
        new.append(keys.NewKey(account_pk=account_pk, fingerprint=mark, key_hash=key_hash, approved=key.approved))
    stored = keys.store_new(new, address=PROVISIONED, by=work.by, reason=REASON, now=work.now)
    for (_, key), row in zip(wanted, stored, strict=True):
        access.write_retirement(key, row, batch=work.batch, by=work.by)
    return made


def _write_account(entry: AccountEntry, tenant: Tenant, work: _Work) -> UUID:
    """An account that a terminal has made in this moment."""
    account, _ = BrokerAccount.objects.get_or_create(
        account_id=entry.account_id, defaults={"claimed_as": entry.claimed_as, "created_at": work.now}
    )
    BrokerAccount.objects.filter(id=account.id).update(tenant=tenant, intent_rate=entry.intent_rate)
    for key in entry.keys:
        _write_key(key, account, tenant, work)
    return account.id


def _write_key(entry: KeyEntry, account: BrokerAccount, tenant: Tenant, work: _Work) -> None:
    """An approved key stays approved whatever the document says: withdrawing one is an operator's act."""
    mark = key_fingerprint(entry.material)
    key = work.known.keys.get((account.account_id, mark)) or keys.request_approval(
        account=account,
        fingerprint=mark,
        digest=token_digest(entry.material),
        key_hash=work.hashes.get(mark, ""),
        address=PROVISIONED,
        actor=work.by,
        now=work.now,
    )
    if entry.approved and key.state == KeyState.PENDING:
        keys.approve_in(work.batch, key_id=key.id, by=work.by, reason=REASON, tenant_id=tenant.id)
    access.write_retirement(entry, key, batch=work.batch, by=work.by)


def _write_strategy(entry: StrategyEntry, tenant: Tenant, work: _Work) -> dict[str, Any]:
    master = BrokerAccount.objects.get(account_id=entry.master)
    strategy, _ = Strategy.objects.update_or_create(
        tenant=tenant,
        name=entry.name,
        defaults={"relay_copies": entry.relay_copies},
        create_defaults={"relay_copies": entry.relay_copies, "master": master, "created_at": work.now},
    )
    accounts = BrokerAccount.objects.in_bulk([item.follower for item in entry.subscriptions], field_name="account_id")
    wanted = [
        Wanted(follower=accounts[item.follower], settings=item.settings, state=item.state)
        for item in entry.subscriptions
    ]
    try:
        stored = lifecycle.store(strategy=strategy, wanted=wanted, by=work.by, batch=work.batch)
    except OpenCopies as refusal:
        raise ProvisioningRefused([Mistake(entry.path, f"a subscription cannot be off: {refusal}")]) from refusal
    places = zip(entry.subscriptions, stored, strict=True)
    return {"id": str(strategy.id), "subscriptions": {item.claimed_as: str(row.id) for item, row in places}}
