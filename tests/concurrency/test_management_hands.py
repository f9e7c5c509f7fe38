"""Owners who go in the same instant, and one request that comes eight times at once."""

import json
from functools import partial
from typing import Any

import pytest
from django.test import Client

from orders.models import SubscriptionEvent
from sessions_app.models import ManagementToken, Member, Role, TokenScope
from sessions_app.services.access import management_tokens, members
from sessions_app.services.access.management_tokens import TooManyTokens
from sessions_app.services.access.members import LastOwner, MemberChanged
from sessions_app.services.operations.history import Actor
from tests import factories
from tests.concurrency.hands import at_once

pytestmark = pytest.mark.django_db(transaction=True)
OLGA = Actor("olga")


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_owners_who_go_in_the_same_instant_one_stays(attempt: int) -> None:
    tenant = factories.TenantFactory.create()
    rows = [factories.MemberFactory.create(tenant=tenant, role="owner") for _ in range(2)]
    acts = [
        partial(members.remove, row=rows[0], by=OLGA, address=""),
        partial(members.change_role, row=rows[1], role=Role.VIEWER, by=OLGA, address=""),
    ]
    said = at_once(*acts)
    assert sorted(type(one).__name__ for one in said) == ["LastOwner", "NoneType"], said
    assert Member.objects.filter(tenant=tenant, role="owner").count() == 1


def test_one_member_is_changed_by_one_of_two_hands() -> None:
    tenant = factories.TenantFactory.create()
    row = factories.MemberFactory.create(tenant=tenant, role="viewer")
    mine = [Member.objects.select_related("user").get(pk=row.pk) for _ in range(2)]
    said = at_once(
        partial(members.change_role, row=mine[0], role=Role.ADMIN, by=OLGA, address=""),
        partial(members.remove, row=mine[1], by=OLGA, address=""),
    )
    assert sum(one is None for one in said) == 1
    assert all(one is None or isinstance(one, MemberChanged | LastOwner) for one in said)


def test_the_last_place_for_a_token_is_taken_once() -> None:
    tenant = factories.TenantFactory.create()
    factories.ManagementTokenFactory.create_batch(management_tokens.MOST - 1, tenant=tenant)
    made = [
        partial(
            management_tokens.make,
            tenant_id=tenant.pk, name=f"n{number}", scope=TokenScope.READ, days=1, by=OLGA, address="",
        )
        for number in range(3)
    ]  # fmt: skip
    said = at_once(*made)
    assert sum(isinstance(one, TooManyTokens) for one in said) == 2, said
    assert ManagementToken.objects.filter(tenant=tenant).count() == management_tokens.MOST


def test_a_request_that_comes_eight_times_at_once_is_done_once() -> None:
    row = factories.SubscriptionFactory.create()
    token = "eagm_at_once"
    factories.ManagementTokenFactory.create(tenant=row.strategy.tenant, scope="operate", token=token)

    def ask() -> Any:
        return Client().post(
            f"/ea-gateway/v1/manage/subscriptions/{row.pk}/pause",
            json.dumps({"reason": "at once"}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "one"},
        )

    answers = at_once(*[ask] * 8)
    codes = {one.json().get("code") for one in answers if one.status_code != 200}
    assert codes <= {"request_in_flight"}
    assert any(one.status_code == 200 for one in answers)
    assert SubscriptionEvent.objects.filter(subscription=row).count() == 1
