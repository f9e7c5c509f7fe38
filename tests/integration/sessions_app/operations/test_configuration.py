"""The chain of the configuration: what holds, and that what sessions are opened by follows it."""

from typing import Any

import pytest
from django.test import Client

from sessions_app import queries
from sessions_app.domain.configuration import CHAIN, Level, Unfit, digest_of
from sessions_app.models import BrokerAccount, SettingChange, Tenant
from sessions_app.services.operations import configuration
from sessions_app.services.operations.configuration import ConfigurationChanged
from sessions_app.services.operations.history import Actor
from tests.factories import BrokerAccountFactory, TenantFactory
from tests.integration.sessions_app.rest.test_rest_sessions import ask
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db

OLGA = Actor("olga")


def save(tenant: Tenant | None, account: Any = None, *, seen: Any = None, **wanted: Any) -> list[SettingChange]:
    assert tenant is not None
    row = account or tenant
    row.refresh_from_db()
    known = digest_of(configuration.said_by(row)) if seen is None else seen
    return configuration.change(
        tenant=tenant, account_id=account.pk if account else None, seen=known, wanted=wanted, by=OLGA, reason="trial"
    )


def source(account: BrokerAccount, name: str) -> tuple[Any, Level]:
    row = BrokerAccount.objects.select_related("tenant").get(pk=account.pk)
    found = configuration.found(name, tenant=row.tenant, account=row)
    return found.value, found.source


@pytest.mark.parametrize("setting", CHAIN, ids=lambda row: row.name)
def test_the_last_who_says_something_wins(setting: Any, settings: Any) -> None:
    """Default, deployment, tenant, account; and back."""
    account = BrokerAccountFactory.create()
    low, high = (False, True) if isinstance(setting.default, bool) else (setting.kind.least, setting.kind.most)
    assert source(account, setting.name) == (setting.default, Level.DEFAULT)
    settings.GATEWAY = {**settings.GATEWAY, setting.name: low}
    assert source(account, setting.name) == (low, Level.DEPLOYMENT)
    save(account.tenant, **{setting.name: high})
    assert source(account, setting.name) == (high, Level.TENANT)
    if setting.of_accounts:
        save(account.tenant, account, **{setting.name: low})
        assert source(account, setting.name) == (low, Level.ACCOUNT)
    assert source(BrokerAccountFactory.create(tenant=account.tenant), setting.name) == (high, Level.TENANT)
    assert source(BrokerAccountFactory.create(), setting.name) == (low, Level.DEPLOYMENT)
    save(account.tenant, account)
    save(account.tenant)
    assert source(account, setting.name) == (low, Level.DEPLOYMENT)


@pytest.mark.parametrize("setting", CHAIN, ids=lambda row: row.name)
def test_the_deployment_has_the_default_of_the_table(setting: Any) -> None:
    assert configuration.of_deployment(setting) == setting.default


@pytest.mark.parametrize("setting", CHAIN, ids=lambda row: row.name)
def test_what_is_out_of_bounds_is_refused_and_changes_nothing(setting: Any) -> None:
    tenant = TenantFactory.create()
    kind = setting.kind
    wrong: list[Any] = ["on", None, 1.5]
    wrong += [0, 1] if isinstance(setting.default, bool) else [kind.least - 1, kind.most + 1, True]
    for value in wrong:
        with pytest.raises(Unfit):
            save(tenant, **{setting.name: value})
    assert not SettingChange.objects.exists()


def test_every_change_leaves_a_row_that_says_who_and_why() -> None:
    account = BrokerAccountFactory.create()
    save(account.tenant, mass_close_gate=3, heartbeat_timeout=30)
    save(account.tenant, account, mass_close_gate=9)
    save(account.tenant, mass_close_gate=4)
    rows: Any = SettingChange.objects.order_by("id").values_list(
        "account", "name", "before", "after", "actor", "reason"
    )
    assert list(rows) == [
        (None, "heartbeat_timeout", None, 30, "olga", "trial"),
        (None, "mass_close_gate", None, 3, "olga", "trial"),
        (account.pk, "mass_close_gate", None, 9, "olga", "trial"),
        (None, "heartbeat_timeout", 30, None, "olga", "trial"),
        (None, "mass_close_gate", 3, 4, "olga", "trial"),
    ]
    assert save(account.tenant, mass_close_gate=4) == [], "nothing is no change"


def test_who_looked_at_something_else_changes_nothing() -> None:
    tenant = TenantFactory.create()
    save(tenant, mass_close_gate=3)
    with pytest.raises(ConfigurationChanged):
        save(tenant, seen="", mass_close_gate=4)
    tenant.refresh_from_db()
    assert tenant.overrides == {"mass_close_gate": 3}


def test_an_account_of_another_tenant_is_none() -> None:
    account = BrokerAccountFactory.create()
    with pytest.raises(BrokerAccount.DoesNotExist):
        save(TenantFactory.create(), account, mass_close_gate=3)


def test_what_a_later_release_has_written_stays() -> None:
    tenant = TenantFactory.create(overrides={"of_the_future": 1, "mass_close_gate": 2})
    save(tenant, mass_close_gate=3)
    tenant.refresh_from_db()
    assert tenant.overrides == {"of_the_future": 1, "mass_close_gate": 3}


# They act ------------------------------------------------------------------------------------------------------------


def pace(desk: Desk) -> tuple[int, int]:
    """Of a session that is opened now."""
    session = desk.again().session
    return session.heartbeat_interval, session.heartbeat_timeout


def test_sessions_are_opened_with_the_pace_that_holds_for_the_account() -> None:
    tenant = TenantFactory.create()
    one, other = Desk.open("srv:1", tenant=tenant), Desk.open("srv:2", tenant=tenant)
    assert pace(one) == (5, 15)
    save(tenant, heartbeat_interval=7, heartbeat_timeout=42)
    assert pace(one) == pace(other) == (7, 42)
    save(tenant, one.account, heartbeat_timeout=90)
    assert (pace(one), pace(other)) == ((7, 90), (7, 42))


def test_the_rule_on_unknown_keys_is_a_whole_tenants_and_moves_them_off_the_desk(client: Client) -> None:
    account = BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345")
    assert ask(client).status_code == 201
    assert queries.waiting_keys().count() == 1
    save(account.tenant, self_enrolment=False)
    assert queries.waiting_keys().count() == 0
    with pytest.raises(Unfit, match="a whole tenant"):
        save(account.tenant, account, self_enrolment=True)
