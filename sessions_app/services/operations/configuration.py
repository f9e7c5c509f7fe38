"""The configuration of tenants and accounts: what holds, and changing it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.configuration import BY_NAME, Found, Setting, Unfit, Values, checked, digest_of, resolve
from sessions_app.models import BrokerAccount, SettingChange, Tenant
from sessions_app.services.operations.history import Actor

# Of a tenant some settings are columns, which provisioning writes too.
_COLUMNS: Final = ("heartbeat_interval", "heartbeat_timeout", "self_enrolment")


class ConfigurationChanged(Exception):
    """Somebody else has changed it since it was looked at."""


def said_by(row: Tenant | BrokerAccount | None) -> Values:
    """What a tenant or an account says itself."""
    if row is None:
        return {}
    told = dict(row.overrides or {})
    if isinstance(row, Tenant):
        told |= {name: value for name in _COLUMNS if (value := getattr(row, name)) is not None}
    return {name: value for name, value in told.items() if name in BY_NAME}


def found(name: str, *, tenant: Tenant | None, account: BrokerAccount | None = None) -> Found:
    """What holds for an account, or for a tenant's accounts that say nothing."""
    setting = BY_NAME[name]
    return resolve(setting, deployment=of_deployment(setting), tenant=said_by(tenant), account=said_by(account))


def number(name: str, account: BrokerAccount) -> int:
    """A number that holds for an account."""
    return int(found(name, tenant=account.tenant, account=account).value)


def span(name: str, account: BrokerAccount) -> timedelta:
    """A number of seconds that holds for an account."""
    return timedelta(seconds=number(name, account))


def of_deployment(setting: Setting) -> int | bool:
    """What the deployment's variable says, or its default."""
    value: Any = settings.GATEWAY[setting.name]  # type: ignore[literal-required]
    return int(value.total_seconds()) if isinstance(value, timedelta) else value


def change(
    *, tenant: Tenant, account_id: UUID | None, seen: str, wanted: Values, by: Actor, reason: str
) -> list[SettingChange]:
    """Let a tenant, or one of its accounts, say this and nothing else. `seen`: `digest_of` what it said.

    :raises ConfigurationChanged: it says something else by now
    :raises Unfit: a value that its setting does not take, or a setting that accounts do not have
    """
    after = {name: checked(BY_NAME[name], value) for name, value in wanted.items()}
    foreign = [name for name in after if account_id is not None and not BY_NAME[name].of_accounts]
    if foreign:
        raise Unfit(f"{foreign[0]} is set for a whole tenant")
    with transaction.atomic(durable=True):
        row = _locked(tenant, account_id)
        before = said_by(row)
        if digest_of(before) != seen:
            raise ConfigurationChanged
        changes = [
            SettingChange(
                tenant=tenant,
                account_id=account_id,
                name=name,
                before=before.get(name),
                after=after.get(name),
                actor=by.name[:150],
                address=by.address[:64],
                reason=reason[:255],
                at=queries.database_now(),
            )
            for name in BY_NAME
            if before.get(name) != after.get(name)
        ]
        _write(row, after)
        SettingChange.objects.bulk_create(changes)
    return changes


def _locked(tenant: Tenant, account_id: UUID | None) -> Tenant | BrokerAccount:
    if account_id is None:
        return Tenant.objects.select_for_update().get(id=tenant.pk)
    return BrokerAccount.objects.select_for_update().get(id=account_id, tenant=tenant)


def _write(row: Tenant | BrokerAccount, said: Mapping[str, int | bool]) -> None:
    # What this release does not know stays: a later one may have written it.
    kept = {name: value for name, value in (row.overrides or {}).items() if name not in BY_NAME}
    if isinstance(row, Tenant):
        columns = {name: said.get(name) for name in _COLUMNS}
        rest = {name: value for name, value in said.items() if name not in _COLUMNS}
        Tenant.objects.filter(id=row.pk).update(overrides={**kept, **rest} or None, **columns)
    else:
        BrokerAccount.objects.filter(id=row.pk).update(overrides={**kept, **said} or None)
