"""What somebody with a wrong key, or none that we know, can find out: nothing."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_app.auth import hashing
from sessions_app.models import AuthKey, Tenant
from tests.factories import AuthKeyFactory, BrokerAccountFactory, EaSessionFactory, TenantFactory
from tests.factories.sessions import key_material
from tests.integration.sessions_app.rest.test_rest_sessions import ask, problem_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for every argon2 run, to hash or to compare."""
    made: list[str] = []
    for name in ("hash_key", "matches"):
        original = getattr(hashing, name)

        def counted(*args: Any, name: str = name, original: Any = original) -> Any:
            made.append(name)
            return original(*args)

        monkeypatch.setattr(hashing, name, counted)
    return made


OWN_RULES = {"wants no requests": False, "wants requests": True}


@pytest.fixture(params=["live", "idle", "of nobody", "suspended", *OWN_RULES])
def known(request: pytest.FixtureRequest) -> str:
    """An account that exists, in some state or other."""
    name, own_rule = "PaperMarkets-Demo:12345", OWN_RULES.get(request.param)
    tenant = None if request.param == "of nobody" else TenantFactory.create(self_enrolment=own_rule)
    account = BrokerAccountFactory.create(claimed_as=name, tenant=tenant)
    key = AuthKeyFactory.create(account=account, material=key_material(7), approved=True)
    if request.param == "live":
        EaSessionFactory.create(account=account, key=key, state="authenticated", fence=1)
    if request.param == "suspended":
        account.suspended_at = account.created_at
        account.save(update_fields=["suspended_at"])
    return name


def asked(client: Client, name: str, runs: list[str], number: int) -> tuple[Any, list[str], int]:
    """The answer, the argon2 runs and the statements that one request with an unknown key costs."""
    runs.clear()
    with CaptureQueriesContext(connection) as statements:
        answer = ask(client, account_id=name, auth_key=key_material(number))
    return answer, list(runs), len(statements)


def test_case_018_a_known_and_an_unknown_account_look_alike(client: Client, runs: list[str], known: str) -> None:
    ask(client, account_id="Warm-Up:1", auth_key=key_material(90))
    mine, my_runs, my_statements = asked(client, known, runs, 91)
    other, other_runs, other_statements = asked(client, "Nobody-Demo:1", runs, 92)
    assert (mine.status_code, other.status_code) == (201, 201)
    assert mine.json()["status"] == "pending"
    assert shape(mine) == shape(other)
    assert my_runs == other_runs == ["hash_key"]
    assert my_statements == other_statements


def shape(answer: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of an answer, without what is each session's own; lengths go with the account's name."""
    own_fields = {"session_id", "session_token", "key_code", "account_id", "exchange_url", "created_at", "server_time"}
    body = {name: "its own" if name in own_fields else value for name, value in answer.json().items()}
    return {name: value for name, value in answer.headers.items() if name != "Content-Length"}, body


def test_case_018_without_self_enrolment_both_are_answered_alike(
    client: Client, runs: list[str], known: str, settings: Any
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "self_enrolment": False}
    ask(client, account_id="Warm-Up:1", auth_key=key_material(90))
    before = AuthKey.objects.count()
    mine, my_runs, my_statements = asked(client, known, runs, 91)
    other, other_runs, other_statements = asked(client, "Nobody-Demo:1", runs, 92)
    # One tenant that wants requests, and unknown keys are kept for every account.
    if Tenant.objects.filter(self_enrolment=True).exists():
        assert (mine.status_code, other.status_code) == (201, 201)
        assert shape(mine) == shape(other)
        assert my_runs == other_runs == ["hash_key"]
    else:
        assert problem_of(mine, 403, "key_not_enrolled") == problem_of(other, 403, "key_not_enrolled")
        assert (my_runs, other_runs) == ([], [])
        assert AuthKey.objects.count() == before
    assert my_statements == other_statements


def test_strangers_do_not_use_up_the_share_of_an_address_where_the_owner_was(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 3}
    owner = EaSessionFactory.create(authenticated=True, fence=1, remote_address="192.0.2.1")
    name = owner.account.claimed_as
    answers = [
        ask(client, account_id=name, auth_key=key_material(item), address=f"203.0.113.{item}").status_code
        for item in range(2, 8)
    ]
    assert answers == [201] * 3 + [429] * 3
    assert ask(client, account_id=name, auth_key=key_material(8), address="192.0.2.1").status_code == 201


def test_one_unknown_key_opens_five_sessions_a_minute(client: Client) -> None:
    answers = [ask(client, auth_key=key_material(2), address=f"203.0.113.{item}").status_code for item in range(8)]
    assert answers == [201] * 5 + [429] * 3
