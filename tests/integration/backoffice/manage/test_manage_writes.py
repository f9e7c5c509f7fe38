"""What programs do: the verbs, what is refused and what then stays as it was, and that nothing is done twice."""

from datetime import timedelta
from typing import Any, Final

import pytest
from django.conf import settings

from orders.models import Subscription, SubscriptionVersion
from sessions_app.domain.keys import is_minted
from sessions_app.models import (
    AuthKey,
    BrokerAccount,
    ManagementRequest,
    ManagementToken,
    Member,
    OperatorAlert,
    PersonEvent,
)
from sessions_app.services.access import management_requests
from sessions_app.services.access.idempotency import only_one
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build
from tests.integration.backoffice.manage.programs import Program

pytestmark = [pytest.mark.django_db]
KEY: Final = "kY9sQ0v3T5nXc8Zr1WbMe7LhUa2GdJf4Ip6OxVyRtCs"
WHY: Final = {"reason": "because"}


@pytest.fixture
def subscription(house: House) -> Subscription:
    """One without copies, in the program's tenant."""
    row: Subscription = factories.SubscriptionFactory.create(strategy__tenant=house.tenant)
    return row


@pytest.fixture
def enrolling(settings: Any) -> None:
    """The deployment lets tenants enrol."""
    settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": True}


# Accounts and keys ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("enrolling")
def test_an_account_is_registered_once_and_under_one_name(house: House, program: Program) -> None:
    made = program.do("POST", "accounts", {"account": "Broker-Live:007", **WHY}, status=201)
    row = BrokerAccount.objects.get(pk=made["id"])
    assert (row.account_id, row.tenant, made["keys"]) == ("broker-live:7", house.tenant, {})
    for name in ("Broker-Live:007", "BROKER-LIVE:7"):
        assert program.refused("POST", "accounts", {"account": name, **WHY})[:2] == (409, "conflict")
    assert program.refused("POST", "accounts", {"account": "no colon", **WHY}) == (
        400, "account_id_invalid", "account",
    )  # fmt: skip


@pytest.mark.usefixtures("enrolling")
def test_an_account_that_somebody_has_or_has_asked_for_is_not_given_away_and_both_look_alike(program: Program) -> None:
    neighbours = factories.BrokerAccountFactory.create()
    asked_for = factories.BrokerAccountFactory.create(tenant=None)
    said = []
    for row in (neighbours, asked_for):
        answer = program.call("POST", "accounts", {"account": row.claimed_as, **WHY})
        said.append((answer.status_code, answer.content))
        owner = BrokerAccount.objects.get(pk=row.pk).tenant
        assert owner == row.tenant
    assert said[0] == said[1]


def test_a_key_is_shared_and_shown_once(house: House, program: Program) -> None:
    path = f"accounts/{house.row('sessions_app.brokeraccount').pk}/keys"
    made = program.do("POST", path, WHY, status=201, key="k1")
    assert is_minted(made["key"], secret=settings.KEY_FINGERPRINT_SECRET.encode())
    assert AuthKey.objects.get(pk=made["id"]).state == "approved"
    again = program.do("POST", path, WHY, status=201, key="k1")
    assert again == {**made, "key": None}
    assert made["key"] not in str(list(ManagementRequest.objects.values_list("body", "digest", "key")))
    own = program.do("POST", path, {"key": KEY, **WHY}, status=201)
    assert own["key"] is None
    assert program.refused("POST", path, {"key": KEY, **WHY})[:2] == (409, "conflict")
    assert program.refused("POST", path, {"key": "short", **WHY}) == (400, "key_malformed", "key")


def test_a_key_is_revoked_and_by_whom_is_kept(house: House, program: Program) -> None:
    key = house.row("sessions_app.authkey")
    told = program.do("POST", f"keys/{key.pk}/revoke", WHY)
    assert (told["state"], told["decided_as"], told["decision_reason"]) == ("revoked", program.name, "because")
    assert program.refused("POST", f"keys/{key.pk}/revoke", WHY)[:2] == (409, "conflict")


def test_approving_is_the_staffs_unless_the_deployment_says_otherwise(
    house: House, program: Program, settings: Any
) -> None:
    key, other = (factories.AuthKeyFactory.create(account=house.row("sessions_app.brokeraccount")) for _ in range(2))
    for verb in ("approve", "reject"):
        assert program.refused("POST", f"keys/{key.pk}/{verb}", WHY)[:2] == (403, "left_to_staff")
    assert program.refused("POST", "accounts", {"account": "New:1", **WHY})[:2] == (403, "left_to_staff")
    settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": True}
    assert program.do("POST", f"keys/{key.pk}/approve", {"overlap_hours": 1, **WHY})["state"] == "approved"
    assert program.do("POST", f"keys/{other.pk}/reject", WHY)["state"] == "rejected"
    assert program.refused("POST", f"keys/{key.pk}/approve", WHY)[:2] == (409, "conflict")


# Subscriptions -------------------------------------------------------------------------------------------------------


def test_a_subscription_is_made_tried_changed_and_led_back(house: House, program: Program) -> None:
    strategy = house.row("orders.strategy")
    follower = factories.BrokerAccountFactory.create(tenant=house.tenant)
    pair = {"strategy_id": str(strategy.pk), "follower_id": str(follower.pk)}
    tried = program.do("POST", "subscriptions/preview", {**pair, "settings": {"multiplier": "2"}})
    assert [one["symbol"] for one in tried["items"]] == [house.row("orders.intent").symbol]
    assert not Subscription.objects.filter(follower=follower).exists()
    made = program.do("POST", "subscriptions", {**pair, "settings": {"multiplier": "2"}, **WHY}, status=201)
    path = f"subscriptions/{made['id']}"
    assert (made["state"], made["version"]) == ("active", 1)
    before = program.read(f"{path}/settings")
    assert before["settings"]["multiplier"] == "2"

    wanted = {**before["settings"], "multiplier": "0.5"}
    tried = program.do("POST", f"{path}/preview", {"settings": wanted})
    assert len(tried["items"]) == 1
    changed = program.do("PUT", f"{path}/settings", {"settings": wanted, "version": 1, **WHY})
    assert (changed["version"], changed["settings"]) == (2, wanted)
    stale = {"settings": wanted, "version": 1, **WHY}
    assert program.refused("PUT", f"{path}/settings", stale)[:2] == (409, "conflict")

    back = program.do("POST", f"{path}/restore", {"number": 1, "version": 2, "reason": "it was better"})
    assert (back["version"], back["settings"]) == (3, before["settings"])
    missing = {"number": 9, "version": 3, **WHY}
    assert program.refused("POST", f"{path}/restore", missing) == (404, "not_found", "number")
    rows = program.read(f"{path}/versions")["items"]
    assert [(one["number"], one["actor"]) for one in rows] == [(number, program.name) for number in (3, 2, 1)]
    assert rows[0]["note"] == "it was better"


def test_a_subscription_that_is_not_possible_is_not_made(house: House, program: Program) -> None:
    row = house.row("orders.subscription")
    pair = {"strategy_id": str(row.strategy_id), "follower_id": str(row.follower_id), **WHY}
    assert program.refused("POST", "subscriptions", pair)[:2] == (409, "conflict")
    own = {**pair, "follower_id": str(row.strategy.master_id)}
    assert program.refused("POST", "subscriptions", own)[:2] == (409, "conflict")
    back = factories.StrategyFactory.create(tenant=house.tenant, master=row.follower)
    circle = {**pair, "strategy_id": str(back.pk), "follower_id": str(row.strategy.master_id)}
    answer = program.call("POST", "subscriptions", circle)
    assert (answer.status_code, "circle" in answer.json()["detail"]) == (409, True)
    assert Subscription.objects.filter(strategy__tenant=house.tenant).count() == 1


def test_a_subscription_is_paused_and_resumed(subscription: Subscription, program: Program) -> None:
    path = f"subscriptions/{subscription.pk}"
    assert program.do("POST", f"{path}/pause", WHY)["state"] == "close_only"
    assert program.refused("POST", f"{path}/pause", WHY)[:2] == (409, "conflict")
    assert program.do("POST", f"{path}/resume", WHY)["state"] == "active"
    events = subscription.events.order_by("id").values_list("actor", "note")
    assert list(events) == [(program.name, "because")] * 2


# Alerts, members -----------------------------------------------------------------------------------------------------


def test_an_alert_is_acknowledged_once_and_faults_of_the_gateway_are_the_staffs(house: House, program: Program) -> None:
    account = house.row("sessions_app.brokeraccount")
    row = factories.OperatorAlertFactory.create(account=account, code="unprotected")
    told = program.do("POST", f"alerts/{row.pk}/acknowledge", {})
    assert told["acknowledged_as"] == program.name
    assert program.refused("POST", f"alerts/{row.pk}/acknowledge", {})[:2] == (409, "conflict")
    fault = house.row("sessions_app.operatoralert")
    assert program.refused("POST", f"alerts/{fault.pk}/acknowledge", {})[:2] == (403, "left_to_staff")
    assert OperatorAlert.objects.get(pk=fault.pk).acknowledged_at is None


def test_alerts_of_nobodys_account_are_not_listed(house: House, program: Program) -> None:
    factories.OperatorAlertFactory.create(account=None, subject="x", code="mass_silence")
    factories.OperatorAlertFactory.create()
    shown = program.read("alerts")["items"]
    assert [one["id"] for one in shown] == [str(house.row("sessions_app.operatoralert").pk)]


def test_members_change_their_role_and_leave_but_the_last_owner_stays(house: House, program: Program) -> None:
    row = house.row("sessions_app.member")
    assert program.do("PUT", f"members/{row.pk}", {"role": "owner"})["role"] == "owner"
    assert program.refused("PUT", f"members/{row.pk}", {"role": "owner"})[:2] == (409, "conflict")
    for method, body in (("PUT", {"role": "viewer"}), ("DELETE", {})):
        assert program.refused(method, f"members/{row.pk}", body)[:2] == (409, "conflict")
    second = factories.MemberFactory.create(tenant=house.tenant, role="owner")
    program.do("DELETE", f"members/{row.pk}", status=204, key="once")
    program.do("DELETE", f"members/{row.pk}", status=204, key="once")
    assert program.refused("DELETE", f"members/{row.pk}", key="other")[:2] == (404, "not_found")
    assert list(Member.objects.filter(tenant=house.tenant)) == [second]
    acts = PersonEvent.objects.filter(tenant=house.tenant, actor=program.name).order_by("id")
    assert [(one.act, one.note) for one in acts] == [
        ("role_changed", "operator to owner"), ("member_removed", "was owner"),
    ]  # fmt: skip


def test_who_leaves_or_is_no_admin_any_more_takes_his_tokens_with_him(house: House, program: Program) -> None:
    factories.MemberFactory.create(tenant=house.tenant, role="owner")
    row = factories.MemberFactory.create(tenant=house.tenant, role="owner")
    elsewhere = factories.MemberFactory.create(user=row.user, role="owner")
    of = {scope: Program.of(house.tenant, scope, made_by=row.user) for scope in ("read", "administer", "own")}
    kept = Program.of(elsewhere.tenant, "own", made_by=row.user)
    program.do("PUT", f"members/{row.pk}", {"role": "admin"})
    assert of["own"].refused("GET", "me")[0] == 401
    assert of["administer"].read("me")
    program.do("PUT", f"members/{row.pk}", {"role": "operator"})
    assert {one.refused("GET", "me")[0] for one in of.values()} == {401}
    assert kept.read("me")


# Under one Idempotency-Key -------------------------------------------------------------------------------------------


def test_the_same_request_under_one_key_is_done_once_and_answered_alike(
    house: House, subscription: Subscription, program: Program
) -> None:
    path = f"subscriptions/{subscription.pk}/pause"
    first = program.call("POST", path, WHY, key="one")
    again = program.call("POST", path, WHY, key="one")
    assert (first.status_code, again.status_code, first.json()) == (200, 200, again.json())
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert subscription.events.count() == 1
    assert program.refused("POST", path, {"reason": "another"}, key="one") == (
        422, "idempotency_key_reused", "Idempotency-Key",
    )  # fmt: skip
    elsewhere = f"subscriptions/{subscription.pk}/resume"
    assert program.refused("POST", elsewhere, WHY, key="one")[0] == 422
    # Under the same key of another token, and of another tenant, it is another request.
    assert Program.of(house.tenant, "operate").refused("POST", path, WHY, key="one")[:2] == (409, "conflict")
    neighbour = build("Neighbour")
    theirs = factories.SubscriptionFactory.create(strategy__tenant=neighbour.tenant)
    assert Program.of(neighbour.tenant).do("POST", f"subscriptions/{theirs.pk}/pause", WHY, key="one")


def test_a_refusal_leaves_the_key_free(subscription: Subscription, program: Program) -> None:
    path = f"subscriptions/{subscription.pk}"
    assert program.refused("POST", f"{path}/resume", WHY, key="one")[:2] == (409, "conflict")
    assert program.refused("POST", f"{path}/pause", {"reason": ""}, key="one")[:2] == (400, "invalid")
    assert program.do("POST", f"{path}/pause", WHY, key="one")["state"] == "close_only"
    assert program.refused("POST", f"{path}/pause", WHY, key="x" * 65) == (400, "invalid", "Idempotency-Key")


def test_what_broke_in_the_middle_is_not_done_again(
    subscription: Subscription, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act is committed, and the process dies before its answer is written."""
    path = f"subscriptions/{subscription.pk}/pause"
    with monkeypatch.context() as broken:
        broken.setattr("backoffice.manage.subscriptions.SubscriptionItem", None)
        assert program.call("POST", path, WHY, key="one").status_code == 500
    assert program.refused("POST", path, WHY, key="one") == (409, "outcome_unknown", "Idempotency-Key")
    assert (Subscription.objects.get(pk=subscription.pk).state, subscription.events.count()) == ("close_only", 1)


@pytest.mark.lane("embedded")  # PostgreSQL's lock belongs to a connection, which here is one for both
def test_while_one_is_answered_the_other_is_told_to_wait(subscription: Subscription, program: Program) -> None:
    token = ManagementToken.objects.get(scope="own")
    path = f"subscriptions/{subscription.pk}/pause"
    with only_one(f"manage {token.pk} one"):
        assert program.refused("POST", path, WHY, key="one")[:2] == (409, "request_in_flight")
    assert program.do("POST", path, WHY, key="one")["state"] == "close_only"


def test_requests_are_forgotten_after_a_day(program: Program, subscription: Subscription) -> None:
    program.do("POST", f"subscriptions/{subscription.pk}/pause", WHY, key="one")
    assert management_requests.forget_old(now=now() + timedelta(hours=23)) == 0
    assert management_requests.forget_old(now=now() + timedelta(hours=25)) == 1
    assert not ManagementRequest.objects.exists()


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "reason"), ({"reason": ""}, "reason"), ({"reason": "  "}, "reason"), ({"reason": 7}, "reason"),
        ({"reason": None}, "reason"), ({"reason": ["x"]}, "reason"), ({"reason": "x" * 256}, "reason"),
        ({"reason": "a\x00b"}, "reason"), ({**WHY, "colour": "red"}, "colour"), ({**WHY, "no name!": 1}, "body"),
        ([], None), ("because", None), (7, None),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_is_refused_with_its_place(
    body: Any, path: str | None, subscription: Subscription, program: Program
) -> None:
    assert program.refused("POST", f"subscriptions/{subscription.pk}/pause", body) == (400, "invalid", path)
    assert Subscription.objects.get(pk=subscription.pk).state == "active"


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ('{"reason": "a", "reason": "b"}', 400, "bad_request"), ("{", 400, "bad_request"), ("", 400, "invalid"),
        ('{"reason": NaN}', 400, "bad_request"), ('{"reason": "\\ud800"}', 400, "bad_request"),
        ("[" * 40_000, 400, "bad_request"), ('{"reason": "' + "x" * 70_000 + '"}', 413, "body_too_big"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_request_is_refused(
    text: str, status: int, code: str, subscription: Subscription, program: Program
) -> None:
    path = f"subscriptions/{subscription.pk}/pause"
    assert program.refused("POST", path, text=text)[:2] == (status, code)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"settings": {"multiplier": "-1"}}, "settings.multiplier"),
        ({"settings": {"multiplier": True}}, "settings.multiplier"),
        ({"settings": {"colour": "red"}}, "settings.colour"), ({"settings": {"follower": "A:1"}}, "settings.follower"),
        ({"settings": {"state": "off"}}, "settings.state"), ({"settings": []}, "settings"),
        ({"settings": None}, "settings"),
        ({"version": "1"}, "version"), ({"version": True}, "version"), ({"version": 1.5}, "version"),
        ({"version": 0}, "version"),
    ],
)  # fmt: skip
def test_settings_are_judged_as_those_of_a_file(
    changed: dict[str, Any], path: str, subscription: Subscription, program: Program
) -> None:
    body = {"settings": {}, "version": 1, **WHY, **changed}
    assert program.refused("PUT", f"subscriptions/{subscription.pk}/settings", body) == (400, "invalid", path)
    assert not SubscriptionVersion.objects.filter(subscription=subscription).exists()


@pytest.mark.parametrize("wrong", [7, None, "x", "", ["a"], {"id": 1}, True])
def test_an_id_is_a_uuid(wrong: Any, program: Program) -> None:
    body = {"strategy_id": wrong, "follower_id": "01a00000-0000-7000-8000-000000000000", **WHY}
    assert program.refused("POST", "subscriptions", body) == (400, "invalid", "strategy_id")


def test_a_body_that_is_no_json_and_a_token_in_the_address_are_refused(program: Program) -> None:
    headers = {"Authorization": f"Bearer {program.token}"}
    answer = program.client.post("/ea-gateway/v1/manage/accounts", {"a": "b"}, headers=headers)
    assert answer.status_code in (403, 415)
    answer = program.client.get(f"/ea-gateway/v1/manage/accounts?token={program.token}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "token_in_address")


# Pace ----------------------------------------------------------------------------------------------------------------


def test_each_token_has_its_own_pace(house: House, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "management_per_token": 3}
    quick, slow = Program.of(house.tenant, "read"), Program.of(house.tenant, "read")
    assert [quick.call("GET", "me").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = quick.call("GET", "me")
    assert (answer.json()["code"], int(answer["Retry-After"]) >= 1) == ("throttled", True)
    assert slow.call("GET", "me").status_code == 200


def test_a_token_keeps_when_it_was_used_last_to_the_minute(house: House, program: Program) -> None:
    row = ManagementToken.objects.get(scope="own")
    assert row.last_used_at is None
    program.read("me")
    first = ManagementToken.objects.get(pk=row.pk).last_used_at
    program.read("me")
    assert first is not None
    assert ManagementToken.objects.get(pk=row.pk).last_used_at == first
