"""Lists of the management API: bounded pages, filters, and as many queries for two hundred rows as for one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from tests import factories
from tests.integration.backoffice.house import House
from tests.integration.backoffice.manage.programs import Program
from tests.integration.counting import counted

pytestmark = [pytest.mark.django_db]


def accounts(house: House) -> Any:
    account = factories.BrokerAccountFactory.create(tenant=house.tenant)
    factories.AuthKeyFactory.create(account=account)
    factories.EaSessionFactory.create(account=account, authenticated=True)
    return account


def keys(house: House) -> Any:
    return factories.AuthKeyFactory.create(account=house.row("sessions_app.brokeraccount"))


def strategies(house: House) -> Any:
    return factories.SubscriptionFactory.create(strategy__tenant=house.tenant).strategy


def subscriptions(house: House) -> Any:
    return factories.SubscriptionFactory.create(strategy__tenant=house.tenant)


def versions(house: House) -> Any:
    row = house.row("orders.subscription")
    return factories.SubscriptionVersionFactory.create(subscription=row, number=10 + row.versions.count(), settings={})


def trades(house: House) -> Any:
    row = factories.DecisionFactory.create(subscription__strategy__tenant=house.tenant)
    return row.intent


def copies(house: House) -> Any:
    return factories.CopyFactory.create(subscription=subscriptions(house))


def alerts(house: House) -> Any:
    return factories.OperatorAlertFactory.create(account=accounts(house))


def members(house: House) -> Any:
    return factories.MemberFactory.create(tenant=house.tenant)


def audit(house: House) -> Any:
    row = factories.PersonEventFactory.create(tenant=house.tenant)
    factories.SubscriptionEventFactory.create(subscription=subscriptions(house), actor="olga")
    return row


LISTS: Final[dict[str, Callable[[House], Any]]] = {
    "accounts": accounts, "accounts/{account}/keys": keys, "strategies": strategies, "subscriptions": subscriptions,
    "subscriptions/{subscription}/versions": versions, "trades": trades, "copies": copies, "alerts": alerts,
    "members": members, "audit": audit,
}  # fmt: skip


def path(name: str, house: House) -> str:
    ids = {"account": "sessions_app.brokeraccount", "subscription": "orders.subscription"}
    return name.format(**{place: house.row(table).pk for place, table in ids.items()})


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(name: str, house: House, program: Program) -> None:
    LISTS[name](house)
    program.read("me")  # notes the token's use of this minute
    with counted() as few:
        before = len(program.read(path(name, house))["items"])
    for _ in range(12):
        LISTS[name](house)
    with counted() as many:
        after = len(program.read(path(name, house))["items"])
    assert after >= before + 12
    assert many.calls == few.calls, many.sql
    assert few.calls <= (10 if name == "audit" else 9)  # of acts there are seven kinds, a table each


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_page_by_page_each_row_once_and_the_newest_first(
    name: str, house: House, program: Program
) -> None:
    made = [LISTS[name](house) for _ in range(5)]
    whole = program.read(f"{path(name, house)}?limit=200")
    assert whole["next"] is None
    pages, cursor = [], ""
    while True:
        page = program.read(f"{path(name, house)}?limit=2{cursor}")
        assert 1 <= len(page["items"]) <= 2
        pages += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert pages == whole["items"]
    if name != "subscriptions/{subscription}/versions":
        ids = [one["id"] for one in pages]
        assert ids == sorted(ids, reverse=True)
        assert {str(row.pk) for row in made} <= set(ids)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("limit=1&limit=2", "limit"),
     ("cursor=x", "cursor"), ("colour=red", "query"), ("cursor=", "cursor")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["accounts", "audit"])
def test_a_parameter_that_is_wrong_is_named(name: str, query: str, wrong: str, program: Program) -> None:
    assert program.refused("GET", f"{name}?{query}") == (400, "invalid", wrong)


def test_lists_are_narrowed(house: House, program: Program) -> None:
    account, subscription = house.row("sessions_app.brokeraccount"), house.row("orders.subscription")
    for _ in range(3):
        subscriptions(house), alerts(house), trades(house), copies(house)

    def ids(asked: str) -> list[str]:
        return [one["id"] for one in program.read(asked)["items"]]

    assert ids(f"accounts?account={account.claimed_as}") == [str(account.pk)]
    assert ids(f"subscriptions?follower_id={account.pk}") == [str(subscription.pk)]
    assert ids(f"subscriptions?strategy_id={subscription.strategy_id}&state=close_only") == []
    assert ids(f"alerts?state=open&account_id={account.pk}") == [str(house.row("sessions_app.operatoralert").pk)]
    assert ids("alerts?state=resolved") == []
    assert len(ids(f"trades?position_id={house.row('orders.intent').position_id}")) >= 1
    assert ids(f"copies?subscription_id={subscription.pk}&state={house.row('orders.copy').state}")
    assert program.refused("GET", "alerts?state=gone") == (400, "invalid", "state")


# What rows say -------------------------------------------------------------------------------------------------------


def test_an_account_says_how_it_stands(house: House, program: Program) -> None:
    follower = house.row("sessions_app.brokeraccount")
    type(follower).objects.filter(pk=follower.pk).update(equity=Decimal("10234.50"))
    factories.AuthKeyFactory.create(account=follower)
    assert program.read(f"accounts/{follower.pk}")["currency"] == ""
    profile = factories.TerminalProfileFactory.create(account=follower, content={"currency": "JPY", "symbols": []})
    type(follower).objects.filter(pk=follower.pk).update(profile=profile)
    told = program.read(f"accounts/{follower.pk}")
    assert told["currency"] == "JPY"
    assert told["account"] == follower.claimed_as
    assert told["standing"] in ("connected", "silent")
    assert Decimal(told["equity"]) == Decimal("10234.5")
    assert isinstance(told["equity"], str)
    assert sum(told["keys"].values()) == follower.keys.count()
    [master] = [one for one in program.read("accounts")["items"] if one["standing"] == "offline"]
    assert master["id"] == str(house.row("orders.strategy").master_id)


def test_a_trade_says_who_got_it_and_why_not(house: House, program: Program) -> None:
    intent = house.row("orders.intent")
    denied = factories.DecisionFactory.create(
        subscription__strategy=house.row("orders.strategy"), intent=intent, denied="symbol_not_found"
    )
    row = next(one for one in program.read("trades")["items"] if one["id"] == str(intent.pk))
    assert row["outcomes"] == {"copied": 1, "denied": 1}
    why = program.read(f"trades/{intent.pk}")
    assert why["more"] is False
    by_outcome = {one["outcome"]: one for one in why["followers"]}
    assert by_outcome["denied"]["decision_id"] == str(denied.pk)
    assert by_outcome["denied"]["sentence"] == "The follower's broker has no such symbol; add it to the symbol map."
    assert by_outcome["denied"]["commands"] == []
    [command] = by_outcome["copied"]["commands"]
    assert command["id"] == str(house.row("orders.command").pk)
    assert [one["id"] for one in command["reports"]] == [str(house.row("orders.report").pk)]


def test_health_says_what_its_page_says(house: House, program: Program) -> None:
    factories.CopyFactory.create(
        subscription=house.row("orders.subscription"), state="open", lots_open=Decimal("0.1"), position_id=99
    )
    told = program.read("health")
    [follower] = [
        one for one in told["followers"] if one["account_id"] == str(house.row("sessions_app.brokeraccount").pk)
    ]
    assert follower["open_copies"] >= 1
    assert follower["currency"] == ""  # its EA has not introduced itself
    assert told["level"] in ("bad", "warning", "ok", "idle")
    assert told["sentence"].endswith(".")


def test_what_programs_do_stands_in_the_record_under_their_names(house: House, program: Program) -> None:
    row = subscriptions(house)
    program.do("POST", f"subscriptions/{row.pk}/pause", {"reason": "holidays"})
    first = program.read("audit")["items"][0]
    assert (first["actor"], first["kind"], first["why"]) == (program.name, "subscription", "holidays")
    assert first["what"] == "active → paused"
