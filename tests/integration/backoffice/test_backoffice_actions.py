"""Every action of the registry: it refuses who lacks its permission, and looking at it changes nothing.

The tests walk over the registry, so that a new action is covered by itself.
"""

import re
from typing import Any, Final
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from backoffice.actions.action import Action
from backoffice.actions.registry import ACTIONS
from sessions_app.models import BrowserSession
from sessions_app.services.access import oauth_clients
from sessions_app.services.operations.history import Actor
from tests import factories
from tests.factories import (
    AuthKeyFactory,
    BrokerAccountFactory,
    CopyFactory,
    DifferenceFactory,
    SubscriptionFactory,
    TenantFactory,
    UserFactory,
    grant,
)
from tests.factories.sessions import now

pytestmark = pytest.mark.django_db

FACTORIES: Final[dict[type[Any], Any]] = {
    factory._meta.model: factory for name, factory in vars(factories).items() if name.endswith("Factory")
}
NAMES: Final = list(ACTIONS)
ON_ROWS: Final = [name for name, action in ACTIONS.items() if not (action.makes or action.many)]


def missing_copy() -> Any:
    return DifferenceFactory.create(kind="missing", state="held").account


def registered_client() -> Any:
    tenant = TenantFactory.create()
    return oauth_clients.register(tenant_id=tenant.id, client_id="robot", by=Actor("pit"), now=now()).client


# Where what a factory makes by itself is not a row on which the action is open.
OPEN: Final[dict[str, Any]] = {
    "revoke_key": lambda: AuthKeyFactory.create(approved=True),
    "retire_key": lambda: AuthKeyFactory.create(approved=True),
    "lift_suspension": lambda: BrokerAccountFactory.create(suspended_at=now()),
    "resume_subscription": lambda: SubscriptionFactory.create(state="close_only"),
    "lift_tombstone": lambda: CopyFactory.create(tombstoned_at=now()),
    "renew_secret": registered_client,
    "let_go_held": missing_copy,
    "lift_tenant": lambda: TenantFactory.create(suspended_at=now()),
    "keep_held": missing_copy,
}


@pytest.fixture
def olga(client: Client) -> User:
    """Someone who may do everything."""
    user = UserFactory.create(username="olga", is_superuser=True)
    client.force_login(user)
    return user


def open_row(action: Action) -> Any:
    if action.makes:
        return None
    return OPEN.get(action.name, FACTORIES[action.noun].create)()


def everything() -> dict[str, list[Any]]:
    """All rows of ours as the database has them, but for the sessions of who looks."""
    models = [model for app in ("sessions_app", "orders") for model in apps.get_app_config(app).get_models()]
    models.remove(BrowserSession)
    rows = {}
    with connection.cursor() as cursor:  # fifty tables, in each test several times: a query set takes ten times as long
        for table in (model._meta.db_table for model in models):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a name of the models
            rows[table] = sorted(cursor.fetchall(), key=repr)
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_an_action_refuses_staff_without_its_permission(client: Client, name: str) -> None:
    address = ACTIONS[name].address(open_row(ACTIONS[name]))
    others = {action.permission for action in ACTIONS.values()} - {ACTIONS[name].permission}
    before = everything()
    client.force_login(grant(UserFactory.create(), *others))
    answers = [client.get(address), client.post(address, {"reason": "because", "sure": "yes"})]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert everything() == before


@pytest.mark.parametrize("name", NAMES)
def test_an_action_asks_strangers_to_sign_in(client: Client, name: str) -> None:
    address = ACTIONS[name].address(open_row(ACTIONS[name]))
    before = everything()
    for _ in range(2):
        answers = [client.get(address), client.post(address, {"reason": "because", "sure": "yes"})]
        assert [answer["Location"].partition("?")[0] for answer in answers] == [reverse("admin:login")] * 2
        # Once more as somebody who is known, may do it by name, and is no staff.
        client.force_login(grant(UserFactory.create(is_staff=False), ACTIONS[name].permission))
    assert everything() == before


@pytest.mark.parametrize("name", NAMES)
def test_its_permission_alone_opens_an_action_and_looking_changes_nothing(client: Client, name: str) -> None:
    action = ACTIONS[name]
    address = action.address(open_row(action))
    client.force_login(grant(UserFactory.create(), action.permission))
    before = everything()
    answer: Any = client.get(address)
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == 200, f"{name} is not open on its row: say in OPEN how to make one"
    assert f"{'Continue' if action.second_look else action.verb}</button>" in text
    assert re.findall(r"\sstyle=|<script(?![^>]*\ssrc=)", text) == []
    assert client.head(address).status_code == 200
    if answer.context["form"].fields:
        assert client.post(address, {}).status_code == 200
    assert everything() == before


@pytest.mark.parametrize("name", NAMES)
def test_an_action_without_a_token_of_its_form_is_refused(olga: User, name: str) -> None:
    address = ACTIONS[name].address(open_row(ACTIONS[name]))
    before = everything()
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(olga)
    assert guarded.post(address, {"reason": "because", "sure": "yes"}).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("name", ON_ROWS)
def test_an_action_on_nothing_is_not_found(client: Client, olga: User, name: str) -> None:
    address = reverse(f"admin:{name}", args=[uuid4()])
    assert [client.get(address).status_code, client.post(address).status_code] == [404, 404]


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_of_its_table_link_an_action(client: Client, olga: User, name: str) -> None:
    action = ACTIONS[name]
    row = open_row(action)
    table = f"admin:{action.noun._meta.app_label}_{action.noun._meta.model_name}"
    if action.many:
        # A form of its place has a box for each row.
        html = client.get(action.leads_to([row]).address).content.decode()
        assert f'action="{reverse(f"admin:{name}")}"' in html
        assert f'name="row" value="{row.pk}"' in html
        return
    page = reverse(f"{table}_changelist") if action.makes else reverse(f"{table}_change", args=[row.pk])
    assert action.address(row) in client.get(page).content.decode()


def test_who_may_act_and_not_read_is_led_to_the_overview(client: Client) -> None:
    window = FACTORIES[ACTIONS["close_window"].noun].create()
    address = ACTIONS["close_window"].address(window)
    client.force_login(grant(UserFactory.create(), ACTIONS["close_window"].permission))
    assert client.post(address, {"reason": "over"})["Location"] == reverse("admin:index")
