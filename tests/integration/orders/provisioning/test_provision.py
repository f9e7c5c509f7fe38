"""`manage.py provision`: a deployment from one file."""

import copy
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import models

from orders.domain.decision.settings import Settings
from orders.models import Strategy, Subscription, SubscriptionEvent
from orders.services.provisioning import deployment
from orders.services.provisioning.deployment import ProvisioningRefused
from sessions_app.auth import hashing
from sessions_app.models import AuthKey, BrokerAccount, EaSession, Member, SessionEvent, Tenant
from sessions_app.models.broker_account import DEFAULT_INTENT_RATE
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor
from tests.factories import AuthKeyFactory, BrokerAccountFactory, CopyFactory, EaSessionFactory
from tests.factories.sessions import key_material
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)

BY = Actor("olga")
MOST_CALLS = 45
MOST_CALLS_AGAIN = 28
MASTER, FOLLOWER, OTHER = "Paper-Demo:1", "Paper-Demo:2", "Paper-Demo:3"
DOCUMENT: dict[str, Any] = {
    "tenants": [
        {
            "name": "Acme",
            "members": [{"email": "Olga@Example.com", "role": "admin"}],
            "accounts": [
                {"account_id": MASTER, "intent_rate": 50, "keys": [{"key": key_material(1)}]},
                {"account_id": FOLLOWER, "keys": [{"key": key_material(2), "approved": False}]},
                {"account_id": OTHER},
            ],
            "strategies": [
                {
                    "name": "Scalper",
                    "master": MASTER,
                    "subscriptions": [
                        {"follower": FOLLOWER, "mode": "fixed_lots", "lots": "0.25", "suffix": ".r"},
                        {"follower": "PAPER-demo:003"},
                    ],
                }
            ],
        }
    ]
}
TABLES: tuple[type[models.Model], ...] = (
    Tenant, Member, BrokerAccount, AuthKey, Strategy, Subscription, SessionEvent, User,
)  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    """The document with values replaced, by paths such as `accounts.0.intent_rate` below its first tenant."""
    changed = copy.deepcopy(DOCUMENT)
    for path, value in changes.items():
        *way, last = path.split("__")
        place: Any = changed["tenants"][0]
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[int(last) if last.isdigit() else last] = value
    return changed


def provision(content: object = None) -> dict[str, Any]:
    return deployment.provision(document=DOCUMENT if content is None else content, by=BY)


def mistakes(content: object) -> dict[str, str]:
    before = contents()
    with pytest.raises(ProvisioningRefused) as refusal:
        provision(content)
    assert contents() == before
    return {mistake.path: mistake.message for mistake in refusal.value.mistakes}


def contents() -> list[Any]:
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


# What it makes -------------------------------------------------------------------------------------------------------


def test_a_deployment_is_made_from_a_document() -> None:
    result = provision()
    tenant = result["tenants"][0]
    assert tenant["id"] == str(Tenant.objects.get(name="Acme").id)
    assert set(tenant["accounts"]) == {MASTER, FOLLOWER, OTHER}
    assert tenant["members"] == {"olga@example.com": str(User.objects.get().pk)}
    master = BrokerAccount.objects.get(id=tenant["accounts"][MASTER])
    assert (master.account_id, master.claimed_as, master.intent_rate) == ("paper-demo:1", MASTER, 50)
    follower = BrokerAccount.objects.get(id=tenant["accounts"][FOLLOWER])
    assert (follower.intent_rate, str(follower.tenant)) == (20, "Acme")
    strategy = tenant["strategies"]["Scalper"]
    first = Subscription.objects.get(id=strategy["subscriptions"][FOLLOWER])
    told = first.settings
    assert (told.mode, told.lots, told.suffix, first.state) == ("fixed_lots", Decimal("0.25"), ".r", "active")
    second = Subscription.objects.get(id=strategy["subscriptions"]["PAPER-demo:003"])
    assert second.settings == Settings()
    assert (second.settings.mode, second.settings.max_age_seconds, second.settings.max_lots) == ("mirrored", 60, None)
    assert second.settings.multiplier == 1
    assert second.follower.claimed_as == OTHER


def test_a_new_member_cannot_sign_in_with_a_password() -> None:
    provision()
    member = Member.objects.get()
    assert (member.role, member.user.get_username()) == ("admin", "olga@example.com")
    assert not member.user.has_usable_password()
    assert not member.user.is_staff


def test_keys_are_stored_hashed_and_approved_with_history() -> None:
    provision()
    key = AuthKey.objects.get(account__account_id="paper-demo:1")
    assert (key.state, key.decided_as, key.requested_from) == ("approved", "olga", "provisioning")
    assert hashing.matches(key.key_hash, key_material(1))
    moves = SessionEvent.objects.filter(key=key).order_by("id").values_list("from_state", "to_state", "actor")
    assert list(moves) == [("", "pending", "olga"), ("pending", "approved", "olga")]
    assert AuthKey.objects.get(account__account_id="paper-demo:2").state == "pending"


def test_the_same_document_again_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = provision()
    before = contents()
    hashed: list[list[str]] = []

    def hash_nothing(materials: list[str]) -> list[str]:
        hashed.append(materials)
        return []

    monkeypatch.setattr(deployment, "hash_keys", hash_nothing)
    assert provision() == first
    assert contents() == before
    assert hashed == [[]]


def test_what_changed_in_the_document_is_updated() -> None:
    provision()
    changed = document(members__0__role="viewer", accounts__0__intent_rate=5)
    entry = changed["tenants"][0]["strategies"][0]["subscriptions"][0]
    entry |= {"mode": "balance_ratio", "lots": None, "max_lots": "2.5", "symbol_map": {"XAUUSD": "GOLD"}}
    provision(changed)
    assert Member.objects.get().role == "viewer"
    assert BrokerAccount.objects.get(account_id="paper-demo:1").intent_rate == 5
    row = Subscription.objects.get(follower__account_id="paper-demo:2")
    settings = row.settings
    assert (settings.mode, settings.lots, settings.max_lots, settings.symbol_map) == (
        "balance_ratio", None, Decimal("2.5"), {"XAUUSD": "GOLD"},
    )  # fmt: skip


def test_a_pause_outlives_a_document_that_does_not_speak_of_it() -> None:
    provision()
    Subscription.objects.update(state="close_only")
    provision()
    assert set(Subscription.objects.values_list("state", flat=True)) == {"close_only"}
    provision(document(strategies__0__subscriptions__0__state="active"))
    assert Subscription.objects.filter(state="active").count() == 1


def test_a_waiting_key_is_approved_and_its_living_session_promoted() -> None:
    session = EaSessionFactory.create(account__claimed_as=FOLLOWER, account__tenant=None, key__material=key_material(2))
    provision(document(accounts__1__keys__0__approved=True))
    session.refresh_from_db()
    assert (session.state, str(session.account.tenant)) == ("authenticated", "Acme")
    assert EaSession.objects.count() == 1


def test_an_approved_key_is_not_withdrawn_by_a_document() -> None:
    provision()
    provision(document(accounts__0__keys__0__approved=False))
    assert AuthKey.objects.get(account__account_id="paper-demo:1").state == "approved"


# What it refuses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, [], "text", 7])
def test_a_document_that_is_no_object_is_refused(content: object) -> None:
    with pytest.raises(ProvisioningRefused, match="document: expected an object"):
        deployment.provision(document=content, by=BY)


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"colour": "red"}, "colour", "unknown field: expected one of name, members"),
        ({"name": 7}, "name", "expected a string"),
        ({"name": " "}, "name", "expected a text"),
        ({"name": None}, "name", "missing: expected a text"),
        ({"name": "a\x00"}, "name", "expected at most 100 characters without control characters"),
        ({"members": {}}, "members", "expected a list"),
        ({"members__0": "olga"}, "members[0]", "expected an object"),
        ({"members__0__email": "olga"}, "members[0].email", "expected an e-mail address"),
        ({"members__0__role": "boss"}, "members[0].role", "expected one of: admin, operator, owner, viewer"),
        ({"accounts__0__account_id": "nobody"}, "accounts[0].account_id", "Expected <broker server>:<login>"),
        ({"accounts__2__account_id": "paper-DEMO:01"}, "accounts[2].account_id", "this account is in the file twice"),
        ({"accounts__0__intent_rate": "9"}, "accounts[0].intent_rate", "expected a whole number"),
        ({"accounts__0__intent_rate": 0}, "accounts[0].intent_rate", "expected a whole number from 1 to 1000"),
        ({"accounts__0__intent_rate": True}, "accounts[0].intent_rate", "expected a whole number"),
        ({"accounts__0__keys__0__key": "weak"}, "accounts[0].keys[0].key", "Expected at least 128 random bits"),
        ({"accounts__0__keys__0__key": 5}, "accounts[0].keys[0].key", "expected a string"),
        ({"accounts__0__keys__0__approved": 1}, "accounts[0].keys[0].approved", "expected true or false"),
        ({"strategies__0__master": "Paper-Demo:9"}, "strategies[0].master", "this tenant has no such account"),
        ({"strategies__0__master": FOLLOWER}, "strategies[0].subscriptions[0].follower", "cannot copy itself"),
        ({"strategies__0__subscriptions__0__follower": OTHER}, "strategies[0].subscriptions[1].follower", "twice"),
        ({"strategies__0__subscriptions__0__follower": "Paper-Demo:9"},
         "strategies[0].subscriptions[0].follower", "this tenant has no such account"),
        ({"strategies__0__subscriptions__0__mode": "twice"}, "strategies[0].subscriptions[0].mode", "expected one of"),
        ({"strategies__0__subscriptions__0__mode": ["mirrored"]},
         "strategies[0].subscriptions[0].mode", "expected one of"),
        ({"strategies__0__subscriptions__0__state": "on"}, "strategies[0].subscriptions[0].state", "expected one of"),
        ({"strategies__0__subscriptions__0__lots": None}, "strategies[0].subscriptions[0].lots", "needs lots"),
        ({"strategies__0__subscriptions__0__lots": 0.25},
         "strategies[0].subscriptions[0].lots", "expected a decimal as a string"),
        ({"strategies__0__subscriptions__0__lots": "0"}, "strategies[0].subscriptions[0].lots", "above 0"),
        ({"strategies__0__subscriptions__0__max_age_seconds": 0},
         "strategies[0].subscriptions[0].max_age_seconds", "from 1 to 86400"),
        ({"strategies__0__subscriptions__0__symbol_map": {"A": 1}},
         "strategies[0].subscriptions[0].symbol_map", "symbol names"),
        ({"strategies__0__subscriptions__0__prefix": "p" * 17},
         "strategies[0].subscriptions[0].prefix", "at most 16"),
        ({"strategies__0__subscriptions__0__filters": {"sides": ["long"]}},
         "strategies[0].subscriptions[0].filters.sides[0]", "long"),
        ({"strategies__0__subscriptions__0__filters": {"time_zone": "Mars/Base"}},
         "strategies[0].subscriptions[0].filters.time_zone", "IANA"),
        ({"strategies__0__subscriptions__0__filters": []}, "strategies[0].subscriptions[0].filters", "an object"),
        ({"strategies__0__subscriptions__0__reverse": "yes"},
         "strategies[0].subscriptions[0].reverse", "true or false"),
        ({"strategies__0__subscriptions__0__late_policy": "later"},
         "strategies[0].subscriptions[0].late_policy", "pending_at_master_price"),
        ({"strategies__0__subscriptions__0__late_seconds": 59},
         "strategies[0].subscriptions[0].late_seconds", "from 60"),
        ({"strategies__0__subscriptions__0__deviation_points": 0},
         "strategies[0].subscriptions[0].deviation_points", "from 1"),
        ({"strategies__0__subscriptions__0__pending_wait_seconds": 0},
         "strategies[0].subscriptions[0].pending_wait_seconds", "from 1"),
        ({"strategies__0__subscriptions__0__max_risk_multiple": "0.9"},
         "strategies[0].subscriptions[0].max_risk_multiple", "1 or more"),
        ({"strategies__0__subscriptions__0__max_risk_multiple": "0"},
         "strategies[0].subscriptions[0].max_risk_multiple", "1 or more"),
        ({"strategies__0__subscriptions__0__max_lot": "1"},
         "strategies[0].subscriptions[0].max_lot", "unknown field: expected one of follower, state, mode"),
        ({"strategies__0__subscriptions__0__repairs": {"lost": "notify"}},
         "strategies[0].subscriptions[0].repairs", "no difference is called 'lost': expected some of missing, extra"),
        ({"strategies__0__subscriptions__0__repairs": {"missing": "repair"}},
         "strategies[0].subscriptions[0].repairs.missing", "expected one of notify"),
        ({"strategies__0__relay_copies": 1}, "strategies[0].relay_copies", "true or false"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_nothing_is_stored(
    changes: dict[str, Any], path: str, message: str
) -> None:
    found = mistakes(document(**changes))
    assert list(found) == [f"tenants[0].{path}"]
    assert message in found[f"tenants[0].{path}"]


def test_every_setting_of_a_subscription_is_stored_and_goes_back_to_its_default_when_left_out() -> None:
    settings = {
        "mode": "equity_ratio",
        "filters": {
            "symbols_deny": ["XAU*"],
            "hours": [{"since": "08:00", "until": "17:00"}],
            "time_zone": "Asia/Tokyo",
        },
        "reverse": True,
        "late_policy": "pending_at_master_price",
        "late_seconds": 900,
        "deviation_points": 30,
        "pending_wait_seconds": 9,
        "min_lots_policy": "force_min",
        "max_risk_multiple": "2.5",
    }
    entry = {"follower": FOLLOWER, **settings}
    provision(document(strategies__0__relay_copies=True, strategies__0__subscriptions__0=entry))
    row = Subscription.objects.get(follower__account_id="paper-demo:2")
    stored = {name: getattr(row, name) for name in settings}
    assert stored == settings | {"max_risk_multiple": Decimal("2.5")}
    assert Strategy.objects.get().relay_copies
    provision(document(strategies__0__subscriptions__0={"follower": FOLLOWER}))
    row.refresh_from_db()
    now = row.settings
    assert (now.reverse, now.filters, now.late_policy, now.pending_wait_seconds) == (False, {}, "deny", 5)
    assert (now.deviation_points, now.min_lots_policy, now.max_risk_multiple) == (None, "deny", Decimal(5))
    assert now == Settings()


def test_a_change_of_state_by_the_document_is_a_row_and_pauses_as_a_person_would() -> None:
    provision()
    provision(document(strategies__0__subscriptions__1__state="close_only"))
    events = SubscriptionEvent.objects.filter(subscription__follower__account_id="paper-demo:3").order_by("id")
    assert list(events.values_list("from_state", "to_state", "actor")) == [
        ("", "active", "olga"),
        ("active", "close_only", "olga"),
    ]


def test_a_subscription_with_open_copies_cannot_be_off() -> None:
    provision()
    CopyFactory.create(subscription=Subscription.objects.get(follower__account_id="paper-demo:3"), state="open")
    found = mistakes(document(strategies__0__subscriptions__1__state="off"))
    assert found == {
        "tenants[0].strategies[0]": "a subscription cannot be off: 1 open copies: close them first, or detach them"
    }


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes(document(name=None, members__0__role="boss", accounts__0__keys__0__key="weak"))
    assert set(found) == {"tenants[0].name", "tenants[0].members[0].role", "tenants[0].accounts[0].keys[0].key"}


def test_an_account_of_another_tenant_is_refused() -> None:
    BrokerAccountFactory.create(claimed_as=OTHER)
    assert mistakes(DOCUMENT) == {
        "tenants[0].accounts[2].account_id": "this account belongs to another tenant",
    }


def test_a_follower_of_another_tenant_is_refused() -> None:
    BrokerAccountFactory.create(claimed_as="Paper-Demo:9")
    found = mistakes(document(strategies__0__subscriptions__0__follower="Paper-Demo:9"))
    assert found == {"tenants[0].strategies[0].subscriptions[0].follower": "this tenant has no such account"}


def test_a_key_that_was_refused_before_stays_refused() -> None:
    key = AuthKeyFactory.create(account__claimed_as=MASTER, account__tenant=None, material=key_material(1))
    keys.reject(key_id=key.id, by=BY, reason="unknown")
    assert mistakes(DOCUMENT) == {"tenants[0].accounts[0].keys[0].key": "this key was rejected; make a new one"}


def test_the_master_of_a_strategy_cannot_change() -> None:
    provision()
    changed = document(strategies__0__master=OTHER, strategies__0__subscriptions=[])
    assert list(mistakes(changed)) == ["tenants[0].strategies[0].master"]


def circle(state: str) -> dict[str, Any]:
    back = {"name": "Back", "master": OTHER, "subscriptions": [{"follower": FOLLOWER}]}
    home = {"name": "Home", "master": FOLLOWER, "subscriptions": [{"follower": MASTER, "state": state}]}
    changed = copy.deepcopy(DOCUMENT)
    changed["tenants"][0]["strategies"] += [back, home]
    return changed


def test_case_153_a_circle_of_accounts_cannot_be_saved() -> None:
    found = mistakes(circle("active"))
    assert list(found) == ["tenants[0].strategies[2].subscriptions[0].follower"]
    assert "in a circle" in next(iter(found.values()))
    provision(circle("off"))
    assert list(mistakes(circle("active"))) == ["tenants[0].strategies[2].subscriptions[0].follower"]


def test_a_circle_with_what_is_stored_already_is_found() -> None:
    provision()
    home = [{"name": "Home", "master": OTHER, "subscriptions": [{"follower": MASTER}]}]
    assert "in a circle" in mistakes(document(strategies=home))["tenants[0].strategies[0].subscriptions[0].follower"]


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_reads_a_file_and_prints_the_ids(tmp_path: Path) -> None:
    file, out = tmp_path / "deployment.json", io.StringIO()
    file.write_text(json.dumps(DOCUMENT))
    call_command("provision", str(file), stdout=out)
    printed = json.loads(out.getvalue())
    assert printed["tenants"][0]["name"] == "Acme"
    assert AuthKey.objects.get(state="approved").decided_as.startswith("provision by ")


def test_the_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(DOCUMENT)))
    call_command("provision", "-", stdout=io.StringIO())
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot read"),
        ("[" * 100_000, "cannot read"),
        ('{"tenants": [{}]}', "tenants[0].name: missing"),
    ],
)
def test_the_command_names_mistakes_and_fails(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "deployment.json"
    file.write_text(text)
    with pytest.raises(CommandError) as error:
        call_command("provision", str(file))
    assert says in str(error.value)
    assert error.value.returncode == 1


def test_a_mistake_never_shows_a_key(tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    file.write_text(json.dumps(document(accounts__0__keys__0__key="SECRETSECRET", accounts__0__intent_rate=0)))
    with pytest.raises(CommandError) as error:
        call_command("provision", str(file))
    assert "SECRET" not in str(error.value)


@pytest.mark.lane("production")
def test_new_accounts_with_keys_and_subscriptions_cost_the_same_statements_however_many() -> None:
    costs = []
    # The first one reads what a process keeps from then on.
    for house, followers in (("first", 2), ("few", 5), ("many", 60)):
        wanted = _house(house, followers)
        with counted() as cost:
            deployment.provision(document=wanted, by=BY)
        costs.append(cost.of("calls"))
        assert AuthKey.objects.filter(account__tenant__name=house, state="approved").count() == followers + 1
        assert Subscription.objects.filter(strategy__name=house, state="active").count() == followers
        events = SessionEvent.objects.filter(key__account__tenant__name=house)
        assert events.count() == 2 * (followers + 1)
    assert costs[1] == costs[2] <= MOST_CALLS


@pytest.mark.lane("production")
def test_the_same_document_again_costs_the_same_statements_however_many_it_names() -> None:
    costs = []
    for house, followers in (("first", 2), ("few", 5), ("many", 60)):
        wanted = _house(house, followers)
        told, before = deployment.provision(document=wanted, by=BY), _stored()
        with counted() as cost:
            assert deployment.provision(document=wanted, by=BY) == told
        costs.append(cost.of("calls"))
        assert _stored() == before
    assert costs[1] == costs[2] <= MOST_CALLS_AGAIN


@pytest.mark.lane("production")
def test_what_differs_is_written_for_all_accounts_together() -> None:
    costs = []
    for house, followers in (("first", 2), ("few", 5), ("many", 60)):
        wanted = _house(house, followers)
        deployment.provision(document=wanted, by=BY)
        for account in wanted["tenants"][0]["accounts"]:
            account["intent_rate"] = 7
        other = BrokerAccount.objects.create(account_id=f"{house}:x", claimed_as="x", created_at=database_now())
        with counted() as cost:
            deployment.provision(document=wanted, by=BY)
        costs.append(cost.of("calls"))
        assert set(BrokerAccount.objects.filter(tenant__name=house).values_list("intent_rate", flat=True)) == {7}
        other.refresh_from_db()
        assert (other.tenant_id, other.intent_rate) == (None, DEFAULT_INTENT_RATE)
    assert costs[1] == costs[2] <= MOST_CALLS_AGAIN + 1


def _stored() -> dict[str, list[Any]]:
    """All rows that a document writes, and the history of them."""
    models = (Tenant, BrokerAccount, AuthKey, SessionEvent, Strategy, Subscription, SubscriptionEvent)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def _house(house: str, followers: int) -> dict[str, Any]:
    names = [f"{house}:{number}" for number in range(followers + 1)]
    keyed = [{"account_id": name, "keys": [{"key": hashing.mint_key(), "approved": True}]} for name in names]
    subscribed = [{"follower": name} for name in names[1:]]
    strategy = {"name": house, "master": names[0], "subscriptions": subscribed}
    return {"tenants": [{"name": house, "accounts": keyed, "strategies": [strategy]}]}
