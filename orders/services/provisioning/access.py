"""Bring methods, approval policies and OAuth clients to what the document says."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from orders.domain.provisioning.access import AccessEntry, ClientEntry, WindowEntry
from orders.domain.provisioning.document import KeyEntry, TenantEntry
from orders.domain.provisioning.entries import Mistake
from sessions_app.auth.registry import strategies
from sessions_app.models import AuthKey, BrokerAccount, OauthClient, Tenant
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.access import enrolment_policies, keys, oauth_clients
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.operations.history import Actor

REASON: Final = "provisioned"


def check(tenants: Sequence[TenantEntry]) -> Iterator[Mistake]:
    """What rows and settings forbid."""
    names = [client.client_id for tenant in tenants for client in tenant.access.clients]
    known = {row.client_id: row for row in OauthClient.objects.select_related("tenant").filter(client_id__in=names)}
    for tenant in tenants:
        yield from _check_methods(tenant)
        for client in tenant.access.clients:
            yield from _check_client(client, known.get(client.client_id), tenant)


def _check_methods(tenant: TenantEntry) -> Iterator[Mistake]:
    unknown = [name for name in tenant.access.auth_methods or () if name not in strategies()]
    if unknown:
        yield Mistake(f"{tenant.path}.auth_methods", f"expected some of: {', '.join(sorted(strategies()))}")


def _check_client(entry: ClientEntry, client: OauthClient | None, tenant: TenantEntry) -> Iterator[Mistake]:
    if client is not None:
        if client.tenant.name != tenant.name:
            yield Mistake(f"{entry.path}.client_id", "this client belongs to another tenant")
        elif client.revoked_at is not None:
            yield Mistake(f"{entry.path}.client_id", "this client was revoked; take another name")
        elif entry.external != (client.application_id is None):
            yield Mistake(f"{entry.path}.external", "a client cannot change its issuer; take another name")
    own = {account.account_id for account in tenant.accounts}
    stored = BrokerAccount.objects.filter(account_id__in=entry.accounts, tenant__name=tenant.name)
    own |= set(stored.values_list("account_id", flat=True))
    for number, account_id in enumerate(entry.accounts):
        if account_id not in own:
            yield Mistake(f"{entry.path}.accounts[{number}]", "this tenant has no such account")


@requires_transaction
def write(entry: AccessEntry, tenant: Tenant, *, batch: Batch, by: Actor) -> dict[str, Any]:
    """Write it inside the document's transaction.

    Returns what is told of it: the ids of the OAuth clients, and each secret that was made just now.
    """
    if entry.auth_methods is not None:
        Tenant.objects.filter(id=tenant.id).update(auth_methods=list(entry.auth_methods))
    if entry.self_enrolment is not None:
        Tenant.objects.filter(id=tenant.id).update(self_enrolment=entry.self_enrolment)
    _write_fingerprints(entry, tenant, batch=batch, by=by)
    for window in entry.windows:
        _write_window(window, tenant, batch=batch, by=by)
    clients = {item.client_id: _write_client(item, tenant, batch=batch, by=by) for item in entry.clients}
    return {"oauth_clients": clients} if clients else {}


def _write_fingerprints(entry: AccessEntry, tenant: Tenant, *, batch: Batch, by: Actor) -> None:
    for item in entry.fingerprints:
        try:
            enrolment_policies.approve_fingerprint(
                tenant_id=tenant.id,
                fingerprint=item.fingerprint,
                accounts=item.accounts,
                by=by,
                reason=item.reason,
                now=batch.now,
            )
        # The same document again is no mistake.
        except enrolment_policies.AlreadyThere:
            continue


def _write_window(entry: WindowEntry, tenant: Tenant, *, batch: Batch, by: Actor) -> None:
    if entry.opens_at is None or entry.closes_at is None:
        raise ValueError("a window without its times passed the reader")
    window = enrolment_policies.Window(
        opens_at=entry.opens_at,
        closes_at=entry.closes_at,
        max_keys=entry.max_keys,
        accounts=entry.accounts,
        addresses=entry.addresses,
        adopts=entry.adopts,
        reason=entry.reason,
    )
    try:
        enrolment_policies.open_window(tenant_id=tenant.id, window=window, by=by, now=batch.now)
    except enrolment_policies.AlreadyThere:
        return


def _write_client(entry: ClientEntry, tenant: Tenant, *, batch: Batch, by: Actor) -> dict[str, str]:
    client = OauthClient.objects.filter(client_id=entry.client_id).first()
    told: dict[str, str] = {}
    if client is None:
        made = oauth_clients.register(
            tenant_id=tenant.id,
            client_id=entry.client_id,
            by=by,
            now=batch.now,
            secret=entry.secret or None,
            external=entry.external,
        )
        client = made.client
        told = {"secret": made.secret} if made.secret and not entry.secret else {}
    elif entry.secret:
        oauth_clients.set_secret(client=client, secret=entry.secret, by=by)
    granted = _accounts(entry.accounts)
    oauth_clients.grant_accounts(client=client, accounts=granted, by=by, reason=REASON, now=batch.now)
    return {"id": str(client.id), **told}


def _accounts(account_ids: Iterable[str]) -> Iterable[BrokerAccount]:
    return BrokerAccount.objects.filter(account_id__in=account_ids).order_by("id")


@requires_transaction
def write_retirement(entry: KeyEntry, key: AuthKey, *, batch: Batch, by: Actor) -> None:
    """Set when a key's overlap ends, inside the document's transaction; the same moment again changes nothing."""
    if entry.retires_at is not None and key.retires_at != entry.retires_at:
        keys.retire_in(key_id=key.id, at=entry.retires_at, by=by, reason=REASON, now=batch.now)
