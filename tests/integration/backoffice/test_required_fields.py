"""A field that is required says so, before anybody has sent the form without it."""

import re
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client

from backoffice.actions.registry import ACTIONS
from tests import factories
from tests.integration.backoffice.house import House, build
from tests.integration.backoffice.test_tenant_pages import PAGES, address

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]

LABELS: Final = re.compile(r'<label for="id_(\w+)">(.*?)</label>', flags=re.S)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setitem(settings.GATEWAY, "tenants_enrol", True)
    return build("Own")


def unmarked(html: str) -> list[str]:
    """Fields that the browser demands, and the reason, which the service demands, without a word at their label."""
    demanded = {
        match[1]
        for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", html)
        if (match := re.search(r'id="id_(\w+)"', tag)) and (" required" in tag or match[1] == "reason")
    }
    marked = {name for name, words in LABELS.findall(html) if "(required)" in words}
    return sorted(demanded - marked)


def test_every_form_of_a_tenant_marks_what_it_requires(client: Client, house: House) -> None:
    member = factories.MemberFactory.create(tenant=house.tenant, role="owner", user__is_staff=False)
    client.force_login(member.user)
    seen = 0
    for name, table in PAGES.items():
        answer: Any = client.get(address(name, house.tenant, *([house.row(table).pk] if table else [])))
        html = answer.content.decode()
        assert unmarked(html) == [], name
        seen += html.count("(required)")
    assert seen >= 20


def test_every_act_of_staff_marks_what_it_requires(client: Client, house: House) -> None:
    client.force_login(factories.UserFactory.create(is_superuser=True))
    seen = 0
    for action in ACTIONS.values():
        table = action.noun._meta.label_lower
        if not action.makes and table not in house.rows:
            continue
        answer: Any = client.get(action.address(None if action.makes else house.row(table)))
        if answer.status_code == 200:
            html = answer.content.decode()
            assert unmarked(html) == [], action.name
            seen += html.count("(required)")
    assert seen > 10


def test_an_optional_field_is_not_called_required(client: Client, house: House) -> None:
    member = factories.MemberFactory.create(tenant=house.tenant, role="owner", user__is_staff=False)
    client.force_login(member.user)
    html = client.get(address("share_key", house.tenant, house.row("sessions_app.brokeraccount").pk)).content.decode()
    labels = dict(LABELS.findall(html))
    assert "(required)" not in labels["overlap"]
    assert "(required)" in labels["reason"]
    # What is not shown has no label either: nobody could fill it in.
    assert "once" not in labels
    assert 'name="once"' in html
