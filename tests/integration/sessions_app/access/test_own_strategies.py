"""A fourth way to authenticate: one class, one line of settings, and the REST door serves it."""

import secrets
from typing import Any, Final

import pytest
from django.test import Client

from sessions_app.auth.interface import MaterialField, Presented, Vouched
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AccountGrant, EaSession
from sessions_app.services.access import grants
from sessions_app.services.operations.history import Actor
from tests.factories import BrokerAccountFactory
from tests.integration.sessions_app.rest.test_rest_sessions import ask, problem_of

pytestmark = pytest.mark.django_db(transaction=True)


class Badge:
    """Whoever shows today's badge may serve any account that has a tenant."""

    method: Final = "badge"
    material: Final = MaterialField("badge", 20, "The badge of the day.")

    def verify(self, presented: Presented) -> Vouched:
        if not secrets.compare_digest(presented.material, "green"):
            raise Refused("credentials_refused", path="badge")
        return Vouched(subject="the gatekeeper")


@pytest.fixture(autouse=True)
def fourth(settings: Any) -> None:
    settings.AUTH_STRATEGIES = [*settings.AUTH_STRATEGIES, f"{__name__}.Badge"]
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": ["account_session_key", "badge"]}
    BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345")


def show(client: Client, badge: Any) -> Any:
    return ask(client, auth_method="badge", auth_key=..., badge=badge)


def test_a_fourth_strategy_opens_sessions(client: Client) -> None:
    assert show(client, "green").json()["status"] == "authenticated"
    session = EaSession.objects.get()
    assert (session.auth_method, session.grant) == ("badge", AccountGrant.objects.get())
    assert AccountGrant.objects.get().subject == "the gatekeeper"


def test_it_refuses_in_its_own_words_and_its_field_has_its_bounds(client: Client) -> None:
    assert problem_of(show(client, "red"), 401, "credentials_refused")["path"] == "badge"
    assert problem_of(show(client, ...), 400, "invalid")["path"] == "badge"
    assert problem_of(show(client, "g" * 21), 400, "invalid")["path"] == "badge"
    assert not EaSession.objects.exists()


def test_preemption_and_revocation_come_with_it(client: Client) -> None:
    show(client, "green")
    show(client, "green")
    assert EaSession.objects.filter(close_reason=Reason.PREEMPTED).count() == 1
    grants.withdraw_grant(grant_id=AccountGrant.objects.get().id, by=Actor("pit"), reason="closed")
    assert not EaSession.objects.filter(state=SessionStatus.AUTHENTICATED).exists()
    problem_of(show(client, "green"), 403, "account_not_granted")


def test_its_method_is_unknown_until_it_is_switched_on(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": ["account_session_key"]}
    problem_of(show(client, "green"), 400, "auth_method_unknown")
