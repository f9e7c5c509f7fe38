"""Register OAuth clients of a tenant, renew their secrets, grant them accounts and revoke them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import QuerySet
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.settings import oauth2_settings

from sessions_app import queries
from sessions_app.auth.oauth_client_credentials import METHOD
from sessions_app.auth.secret_hashing import new_secret
from sessions_app.domain.lifecycle import GrantState
from sessions_app.domain.people import PersonAct
from sessions_app.models import AccountGrant, BrokerAccount, OauthClient
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.access import grants
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


class ClientTaken(Exception):
    """There is, or was, a client of this name."""


class ClientRevoked(Exception):
    """The client was revoked, or gets its tokens elsewhere: it has no secret here."""


class ForeignAccount(Exception):
    """The account does not belong to the client's tenant."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and the secret that is shown this once; empty for a client of the external issuer."""

    client: OauthClient
    secret: str = field(repr=False)


def register(
    *, tenant_id: UUID, client_id: str, by: Actor, now: datetime, secret: str | None = None, external: bool = False
) -> Registered:
    """Register a client, inside the caller's transaction or its own; without `secret` one is made.

    `external`: its tokens come from the external issuer, which knows its secret.

    :raises ClientTaken: the name is in use, or was
    """
    with transaction.atomic():
        # Names of revoked clients too: their grants name the client, and would be a new one's.
        if OauthClient.objects.filter(client_id=client_id).exists():
            raise ClientTaken
        # Its secret is the issuer's matter: none is made that could open a second way in.
        shown = "" if external else secret or new_secret()
        client = OauthClient.objects.create(
            tenant_id=tenant_id,
            client_id=client_id,
            application=None if external else _application(client_id, shown),
            created_at=now,
            created_as=by.name,
        )
        _record(PersonAct.CLIENT_REGISTERED, client, by, now)
    _log.info("client.registered", client_id=client_id, by=by.name)
    return Registered(client, shown)


def renew_secret(*, client_pk: UUID, by: Actor) -> Registered:
    """Give a client another secret: the former one and its tokens end, its sessions go on.

    :raises ClientRevoked: it has none
    """
    with transaction.atomic(durable=True):
        client = OauthClient.objects.select_for_update().select_related("tenant").get(id=client_pk)
        if client.application_id is None:
            raise ClientRevoked
        secret = new_secret()
        Application.objects.filter(id=client.application_id).update(client_secret=_hashed(secret))
        # Tokens outlive the secret otherwise, and who has stolen it keeps one.
        AccessToken.objects.filter(application_id=client.application_id).delete()
        _record(PersonAct.CLIENT_SECRET_RENEWED, client, by, queries.database_now())
    _log.info("client.secret_renewed", client_id=client.client_id, by=by.name)
    return Registered(client, secret)


@requires_transaction
def set_secret(*, client: OauthClient, secret: str, by: Actor) -> None:
    """Give a client the secret that a document names, inside the caller's transaction; the same one changes nothing.

    :raises ClientRevoked: it has none
    """
    if client.application is None:
        raise ClientRevoked
    # A document is applied again and again: the tokens in use must survive that.
    if check_password(secret, client.application.client_secret):
        return
    Application.objects.filter(id=client.application_id).update(client_secret=_hashed(secret))
    AccessToken.objects.filter(application_id=client.application_id).delete()
    _record(PersonAct.CLIENT_SECRET_RENEWED, client, by, queries.database_now())
    _log.info("client.secret_renewed", client_id=client.client_id, by=by.name)


def grant_account(*, client: OauthClient, account_id: str, by: Actor, reason: str) -> BrokerAccount:
    """Let a client serve one account of its tenant.

    :raises ClientRevoked: it was revoked
    :raises ForeignAccount: the account is not of its tenant, or unknown
    """
    with transaction.atomic(durable=True):
        account = BrokerAccount.objects.filter(account_id=account_id).first()
        if account is None:
            raise ForeignAccount
        grant_accounts(client=client, accounts=[account], by=by, reason=reason, now=queries.database_now())
    return account


@requires_transaction
def grant_accounts(
    *, client: OauthClient, accounts: Iterable[BrokerAccount], by: Actor, reason: str, now: datetime
) -> None:
    """Let a client serve accounts of its tenant, inside the caller's transaction.

    :raises ClientRevoked: it was revoked
    :raises ForeignAccount: an account is not of its tenant
    """
    if client.revoked_at is not None:
        raise ClientRevoked
    for account in accounts:
        if account.tenant_id != client.tenant_id:
            raise ForeignAccount
        grants.allow_account(
            account_pk=account.id, method=METHOD, subject=client.client_id, by=by, reason=reason, now=now
        )


def revoke(*, client_pk: UUID, by: Actor, reason: str) -> None:
    """Revoke a client for good: its secret, its tokens, its grants and their sessions end at once.

    :raises ClientRevoked: someone else was first
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        client = OauthClient.objects.get(id=client_pk)
        won = OauthClient.objects.filter(id=client_pk, revoked_at=None).update(
            revoked_at=batch.now, revoked_as=by.name, revocation_reason=reason[:255], application=None
        )
        if not won:
            raise ClientRevoked
        Application.objects.filter(id=client.application_id).delete()
        # In the transaction of the revocation: no token of it can open a session in between.
        for grant_id in _granted(client).values_list("id", flat=True):
            grants.withdraw_grant_in(batch, grant_id=grant_id, by=by, reason=reason)
        _record(PersonAct.CLIENT_REVOKED, client, by, batch.now, reason)
    ring_after_commit(batch)
    _log.info("client.revoked", client_id=client.client_id, by=by.name)


def forget_expired_tokens(*, now: datetime) -> int:
    """Delete access tokens that have expired. Returns how many."""
    return int(AccessToken.objects.filter(expires__lt=now).delete()[0])


@requires_transaction
def _record(act: PersonAct, client: OauthClient, by: Actor, at: datetime, note: str = "") -> None:
    person_history.record(act=act, person=client.client_id, actor=by, at=at, tenant_id=client.tenant_id, note=note)


def _granted(client: OauthClient) -> QuerySet[AccountGrant]:
    return AccountGrant.objects.filter(method=METHOD, subject=client.client_id, state=GrantState.GRANTED)


def _application(client_id: str, secret: str) -> Application:
    return Application.objects.create(
        client_id=client_id,
        client_secret=_hashed(secret),
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        name=client_id,
    )


def _hashed(secret: str) -> str:
    return make_password(secret, hasher=oauth2_settings.CLIENT_SECRET_HASHER)
