"""A tenant's approval policies: fingerprints approved beforehand, enrolment windows, keys shared beforehand."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from sessions_app import queries
from sessions_app.auth.account_session_key import key_fingerprint
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import KeyState, SessionStatus
from sessions_app.models import ApprovedFingerprint, AuthKey, BrokerAccount, EaSession, EnrolmentWindow, SessionEvent
from sessions_app.services.access import enrolment_policies, keys
from sessions_app.services.operations.history import Actor
from tests.factories import (
    ApprovedFingerprintFactory,
    AuthKeyFactory,
    BrokerAccountFactory,
    EnrolmentWindowFactory,
    TenantFactory,
)
from tests.factories.sessions import key_material, now
from tests.integration.sessions_app.rest.test_rest_races import together
from tests.integration.sessions_app.rest.test_rest_sessions import ask, problem_of

pytestmark = pytest.mark.django_db(transaction=True)

OLGA = Actor("olga")
NAME = "PaperMarkets-Demo:12345"


@pytest.fixture
def account() -> BrokerAccount:
    return BrokerAccountFactory.create(claimed_as=NAME)


def status_of(answer: Any) -> str:
    assert answer.status_code == 201, answer.content
    return str(answer.json()["status"])


# Fingerprints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [token_digest, key_fingerprint], ids=["SHA-256", "the desk's"])
def test_a_fingerprint_approved_beforehand_is_authenticated_at_once(
    client: Client, account: BrokerAccount, mark: Any
) -> None:
    ApprovedFingerprintFactory.create(tenant=account.tenant, fingerprint=mark(key_material(1)))
    assert status_of(ask(client)) == "authenticated"
    key = AuthKey.objects.get()
    assert (key.state, key.decided_as) == (KeyState.APPROVED, "policy: approved fingerprint")
    told = SessionEvent.objects.filter(key=key, to_state="approved").values_list("actor", "note").get()
    assert told == ("policy: approved fingerprint", "told by its owner (by an operator)")


def test_it_needs_no_self_enrolment_and_no_room_among_strangers(
    client: Client, account: BrokerAccount, settings: Any
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 2}
    assert [ask(client, auth_key=key_material(n)).status_code for n in (2, 3, 4)] == [201, 201, 429]
    settings.GATEWAY |= {"self_enrolment": False}
    ApprovedFingerprintFactory.create(
        tenant=account.tenant, material=key_material(8)
    )  # another key's, whatever came before
    problem_of(ask(client, auth_key=key_material(9)), 403, "key_not_enrolled")
    ApprovedFingerprintFactory.create(tenant=account.tenant, material=key_material(9))
    assert status_of(ask(client, auth_key=key_material(9))) == "authenticated"


def test_an_account_of_nobody_becomes_the_tenants(client: Client) -> None:
    row = ApprovedFingerprintFactory.create(material=key_material(1))
    assert status_of(ask(client)) == "authenticated"
    assert BrokerAccount.objects.get().tenant == row.tenant


def test_two_tenants_that_claim_one_account_leave_it_to_a_person(client: Client) -> None:
    for _ in range(2):
        ApprovedFingerprintFactory.create(material=key_material(1))
    assert status_of(ask(client)) == "pending"


@pytest.mark.parametrize("change", [{"accounts": "other:*"}, {"withdrawn_at": now(), "withdrawn_as": "olga"}, {}])
def test_a_policy_that_does_not_apply_leaves_the_key_to_the_desk(
    client: Client, account: BrokerAccount, change: dict[str, Any]
) -> None:
    tenant = account.tenant if change else TenantFactory.create()
    ApprovedFingerprintFactory.create(tenant=tenant, material=key_material(1), **change)
    assert status_of(ask(client)) == "pending"


def test_a_key_that_waits_is_approved_when_it_asks_again(client: Client, account: BrokerAccount) -> None:
    assert status_of(ask(client)) == "pending"
    ApprovedFingerprintFactory.create(tenant=account.tenant, material=key_material(1))
    assert status_of(ask(client)) == "authenticated"
    assert EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).count() == 1


def test_a_key_that_was_rejected_stays_rejected(client: Client, account: BrokerAccount) -> None:
    ask(client)
    keys.reject(key_id=AuthKey.objects.get().id, by=OLGA, reason="unknown")
    ApprovedFingerprintFactory.create(tenant=account.tenant, material=key_material(1))
    problem_of(ask(client), 403, "key_rejected")


def test_a_fingerprint_is_approved_once_and_withdrawn_once(account: BrokerAccount) -> None:
    assert account.tenant is not None
    wanted = {"tenant_id": account.tenant.id, "fingerprint": "AB" * 32, "accounts": "*", "reason": "told"}
    row = enrolment_policies.approve_fingerprint(**wanted, by=OLGA, now=now())  # type: ignore[arg-type]
    with pytest.raises(enrolment_policies.AlreadyThere):
        enrolment_policies.approve_fingerprint(**wanted, by=OLGA, now=now())  # type: ignore[arg-type]
    enrolment_policies.withdraw_fingerprint(fingerprint_id=row.id, by=OLGA)
    with pytest.raises(enrolment_policies.AlreadyEnded):
        enrolment_policies.withdraw_fingerprint(fingerprint_id=row.id, by=OLGA)
    enrolment_policies.approve_fingerprint(**wanted, by=OLGA, now=now())  # type: ignore[arg-type]
    assert ApprovedFingerprint.objects.filter(fingerprint="ab" * 32).count() == 2


# Windows -------------------------------------------------------------------------------------------------------------


def test_a_window_approves_an_accounts_first_key_also_without_self_enrolment(
    client: Client, account: BrokerAccount, settings: Any
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "self_enrolment": False}
    problem_of(ask(client), 403, "key_not_enrolled")
    window = EnrolmentWindowFactory.create(tenant=account.tenant)
    assert status_of(ask(client)) == "authenticated"
    window.refresh_from_db()
    assert (window.enrolled, AuthKey.objects.get().decided_as) == (1, "policy: enrolment window")


@pytest.mark.parametrize("state", ["approved", "revoked", "rejected"])
def test_a_window_is_for_first_keys_alone(client: Client, account: BrokerAccount, state: str) -> None:
    first = AuthKeyFactory.create(account=account, approved=state != "rejected", material=key_material(7))
    if state == "revoked":
        keys.revoke(key_id=first.id, by=OLGA, reason="sold")
    if state == "rejected":
        keys.reject(key_id=first.id, by=OLGA, reason="unknown")
    EnrolmentWindowFactory.create(tenant=account.tenant)
    assert status_of(ask(client)) == "pending"


@pytest.mark.parametrize(
    "change",
    [
        {"opens_at": now() + timedelta(days=1), "closes_at": now() + timedelta(days=2)},
        {"closes_at": now() - timedelta(days=1), "opens_at": now() - timedelta(days=2)},
        {"accounts": "other:*"},
        {"addresses": ["203.0.113.0/24"]},
        {"max_keys": 3, "enrolled": 3},
        {"closed_at": now(), "closed_as": "olga"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_outside_a_window_a_key_waits(client: Client, account: BrokerAccount, change: dict[str, Any]) -> None:
    EnrolmentWindowFactory.create(tenant=account.tenant, **change)
    assert status_of(ask(client)) == "pending"


def test_a_window_takes_accounts_of_nobody_only_if_it_says_so(client: Client) -> None:
    window = EnrolmentWindowFactory.create(accounts="papermarkets-demo:1*")
    assert status_of(ask(client)) == "pending"
    EnrolmentWindow.objects.update(adopts=True)
    assert status_of(ask(client)) == "authenticated"
    assert BrokerAccount.objects.get().tenant == window.tenant


def test_a_window_closes_once_before_its_time(client: Client, account: BrokerAccount) -> None:
    window = EnrolmentWindowFactory.create(tenant=account.tenant)
    enrolment_policies.close_window(window_id=window.id, by=OLGA)
    with pytest.raises(enrolment_policies.AlreadyEnded):
        enrolment_policies.close_window(window_id=window.id, by=OLGA)
    assert status_of(ask(client)) == "pending"


def test_a_window_never_approves_more_keys_than_it_may(client: Client, settings: Any) -> None:
    tenant = TenantFactory.create()
    for number in range(6):
        BrokerAccountFactory.create(claimed_as=f"Paper-Demo:{number}", tenant=tenant)
    EnrolmentWindowFactory.create(tenant=tenant, max_keys=2)
    answers = together(lambda n: ask(Client(), account_id=f"Paper-Demo:{n}", auth_key=key_material(n)))
    assert sorted(status_of(answer) for answer in answers) == ["authenticated"] * 2 + ["pending"] * 4
    assert EnrolmentWindow.objects.get().enrolled == 2


def test_of_many_first_keys_at_once_a_window_approves_one(account: BrokerAccount) -> None:
    EnrolmentWindowFactory.create(tenant=account.tenant)
    answers = together(lambda number: ask(Client(), auth_key=key_material(number)))
    assert sorted(status_of(answer) for answer in answers) == ["authenticated"] + ["pending"] * 5


def test_half_a_policy_cannot_be_stored() -> None:
    for broken in ({"closes_at": now() - timedelta(days=1)}, {"closed_at": now()}, {"max_keys": 1, "enrolled": 2}):
        with pytest.raises(IntegrityError), transaction.atomic():
            EnrolmentWindowFactory.create(**broken)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovedFingerprintFactory.create(withdrawn_as="olga")


# Keys shared beforehand ----------------------------------------------------------------------------------------------


def share(tenant: Any, material: str = key_material(1), **options: Any) -> keys.Approval:
    return keys.share_key(tenant_id=tenant.id, claimed_as=NAME, material=material, by=OLGA, reason="told", **options)


def test_a_shared_key_is_authenticated_when_it_is_shown_first(client: Client) -> None:
    tenant = TenantFactory.create()
    share(tenant)
    assert BrokerAccount.objects.get().tenant == tenant
    assert status_of(ask(client)) == "authenticated"
    assert AuthKey.objects.get().decided_as == "olga"


def test_a_key_is_not_shared_for_a_foreign_account_or_twice(account: BrokerAccount) -> None:
    with pytest.raises(keys.ForeignAccount):
        share(TenantFactory.create())
    assert not AuthKey.objects.exists()
    share(account.tenant)
    with pytest.raises(keys.AlreadyDecided):
        share(account.tenant)


def test_policies_are_asked_by_the_databases_clock() -> None:
    assert abs(queries.database_now() - now()) < timedelta(seconds=5)
