"""Subscriptions on the tenants' pages: made, changed, previewed, taken back; and what the form refuses."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from orders.domain.decision.settings import SETTINGS
from orders.models import Subscription, SubscriptionVersion
from tests import factories
from tests.integration.backoffice.house import House, build
from tests.integration.counting import counted

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]


@pytest.fixture
def house(client: Client) -> House:
    made = build("Own")
    member = factories.MemberFactory.create(tenant=made.tenant, role="admin", user__username="ada")
    client.force_login(member.user)
    return made


def page_of(house: House, name: str = "edit") -> str:
    return f"/t/{house.tenant.pk}/subscriptions/{house.row('orders.subscription').pk}/{name}/"


def fields_of(client: Client, page: str) -> dict[str, str]:
    """What a browser would send if nothing was typed."""
    html = client.get(page).content.decode()
    sent = {}
    for tag in re.findall(r"<input[^>]+>", html):
        attrs = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attrs.get("type") in ("text", "hidden") and attrs.get("name"):
            sent[attrs["name"]] = attrs.get("value", "")
        if attrs.get("type") == "checkbox" and "checked" in tag:
            sent[attrs["name"]] = "on"
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', html, flags=re.S):
        chosen = re.findall(r'<option value="([^"]*)" selected', options) or re.findall(r'value="([^"]*)"', options)
        sent[name] = chosen[0]
    for name, text in re.findall(r'<textarea name="(\w+)".*?>(.*?)</textarea>', html, flags=re.S):
        sent[name] = text.strip().replace("&quot;", '"')
    return sent


def test_what_was_not_touched_changes_nothing(client: Client, house: House) -> None:
    """Every setting survives its way through the form."""
    row = house.row("orders.subscription")
    Subscription.objects.filter(pk=row.pk).update(
        mode="balance_ratio", multiplier=Decimal("2.50"), max_lots=Decimal(3), symbol_map={"EURUSD": "EURUSD.pro"},
        prefix="m.", filters={"symbols_allow": ["EURUSD"]}, reverse=True, deviation_points=10, late_seconds=77,
    )  # fmt: skip
    before = Subscription.objects.values().get(pk=row.pk)
    sent = fields_of(client, page_of(house))
    assert set(sent) >= {item.name for item in SETTINGS.rows}
    answer = client.post(page_of(house), {**sent, "reason": "none", "save": "1"}, follow=True)
    assert "Nothing was different" in answer.content.decode()
    assert Subscription.objects.values().get(pk=row.pk) == before


def test_a_multiplier_is_changed_previewed_first_and_taken_back(client: Client, house: House) -> None:
    page = page_of(house)
    sent = {**fields_of(client, page), "multiplier": "3", "reason": "grow"}
    looked = client.post(page, {**sent, "preview": "1"}, follow=True).content.decode()
    assert "Multiplier: <bdi>1</bdi> → <bdi>3</bdi>" in looked
    assert "What the last ten trades would have become" in looked
    assert 'value="3"' in looked, "what was typed is there still"
    # It stands beside what saves, and the browser goes there.
    assert 'formaction="#preview"' in looked
    between = looked.partition('id="preview"')[2].partition('name="save"')[0]
    assert "<details" not in between
    assert between.count('<div class="field') == 1, "the reason alone"
    assert not SubscriptionVersion.objects.exists()
    client.post(page, {**sent, "save": "1"})
    row = Subscription.objects.get(pk=house.row("orders.subscription").pk)
    assert (row.settings.multiplier, row.version) == (Decimal(3), 2)
    told = client.get(page_of(house, "versions")).content.decode()
    assert "Multiplier: <bdi>1</bdi> → <bdi>3</bdi>" in told
    assert "grow" in told
    back = f"{page}?version=1"
    assert back in told
    assert "The values of version 1 stand below" in client.get(back).content.decode()
    sent = {**fields_of(client, back), "reason": "too much", "save": "1"}
    client.post(back, sent)
    row.refresh_from_db()
    assert (row.settings.multiplier, row.version) == (Decimal(1), 3)


def test_an_answer_has_an_address_that_asks_again_for_the_same_and_sends_nothing(client: Client, house: House) -> None:
    """So that a browser goes back to it, with everything that was typed."""
    page = f"{page_of(house)}?at=symbol_map&map=GOLD"
    pairs = "\n".join(f"MASTERS-SYMBOL-{number} = FOLLOWERS-SYMBOL-{number}" for number in range(400))
    sent = {**fields_of(client, page), "symbol_map": pairs, "multiplier": "7", "reason": "grow"}
    answer: Any = client.post(page, {**sent, "preview": "1"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{page}&answer="), "the address keeps what it said"
    looked = client.get(answer["Location"]).content.decode()
    assert "What the last ten trades would have become" in looked
    other = Client()
    other.force_login(factories.MemberFactory.create(tenant=house.tenant, role="admin").user)
    assert "MASTERS-SYMBOL" not in other.get(answer["Location"]).content.decode(), "it is with his log-in alone"
    client.post(answer["Location"], {**sent, "save": "1"})
    assert Subscription.objects.get(pk=house.row("orders.subscription").pk).version == 2
    back = client.get(answer["Location"])
    assert back.content.decode() == looked
    assert fields_of(client, answer["Location"])["symbol_map"] == pairs
    assert "no-store" in back.headers["Cache-Control"]
    # Saved once more from there it is told that somebody was first.
    told = client.post(answer["Location"], {**sent, "save": "1"}, follow=True).content.decode()
    assert "Version 2 holds now: <bdi>grow</bdi>" in told


def test_the_latest_answers_are_kept_and_an_address_without_one_shows_the_form(client: Client, house: House) -> None:
    page, addresses = page_of(house), []
    for number in range(5):
        sent = {**fields_of(client, page), "max_age_seconds": f"none {number}"}
        addresses.append(client.post(page, sent)["Location"])
    kept = [f"none {number}" in client.get(one).content.decode() for number, one in enumerate(addresses)]
    assert kept == [False, False, True, True, True]
    versions = page_of(house, "pause")
    query = addresses[-1].partition("?")[2]
    assert "none 4" not in client.get(f"{versions}?{query}").content.decode(), "of another page"


def test_what_has_no_effect_in_the_chosen_mode_is_said_at_its_field_in_the_preview_and_when_it_is_saved(
    client: Client, house: House
) -> None:
    page = page_of(house)
    said = "“Multiplier” has no effect while “Mode” is “fixed lots”."
    sent = {**fields_of(client, page), "multiplier": "3", "reason": "grow"}
    assert said not in client.post(page, {**sent, "preview": "1"}, follow=True).content.decode()
    typed = {**sent, "mode": "fixed_lots", "lots": "0.1"}
    looked = client.post(page, {**typed, "preview": "1"}, follow=True).content.decode()
    field = looked.partition('id="id_multiplier"')[2].partition('class="field')[0]
    assert said in field
    assert said in looked.partition('id="preview"')[2]
    assert said in client.post(page, {**typed, "save": "1"}, follow=True).content.decode()
    assert said in client.get(page).content.decode(), "also before anything is typed"


def test_another_who_was_faster_is_told_of(client: Client, house: House) -> None:
    page = page_of(house)
    first, second = fields_of(client, page), fields_of(client, page)
    client.post(page, {**first, "multiplier": "3", "reason": "grow", "save": "1"})
    answer = client.post(
        page, {**second, "multiplier": "4", "reason": "grow more", "save": "1"}, follow=True
    ).content.decode()
    assert "has changed these settings since you opened this page. Version 2 holds now: " in answer
    assert "Multiplier: <bdi>3</bdi> → <bdi>4</bdi>" in answer
    row = Subscription.objects.get(pk=house.row("orders.subscription").pk)
    assert row.settings.multiplier == 3
    # Sent once more it is refused again; who has read what was changed may put his own in its place, and only of that.
    client.post(page, {**second, "multiplier": "4", "reason": "grow more", "save": "1"})
    for other in ("instead-of-1", "instead-of-x", "instead-of-" + "9" * 5000):
        client.post(page, {**second, "multiplier": "4", "reason": "grow more", "save": other})
    row.refresh_from_db()
    assert (row.settings.multiplier, row.version) == (Decimal(3), 2)
    assert 'value="instead-of-2"' in answer
    client.post(page, {**second, "multiplier": "4", "reason": "grow more", "save": "instead-of-2"})
    row.refresh_from_db()
    assert (row.settings.multiplier, row.version) == (Decimal(4), 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"multiplier": "-1"}, "expected a decimal above 0"),
        ({"multiplier": "0"}, "expected a decimal above 0"),
        ({"max_risk_multiple": "-1"}, "expected 1 or more"),
        ({"max_risk_multiple": "0.5"}, "expected 1 or more"),
        ({"multiplier": "1,5"}, "decimal"),
        ({"lots": "", "mode": "fixed_lots"}, "fixed_lots needs lots above 0"),
        ({"max_age_seconds": "0"}, "1"),
        ({"max_age_seconds": "many"}, "whole number"),
        ({"symbol_map": "{no json"}, "is read as JSON, and this is none"),
        ({"symbol_map": '{"EURUSD": 1}'}, "expected symbol names"),
        ({"symbol_map": '["EURUSD"]'}, "Line 1: expected two names"),
        ({"symbol_map": "EURUSD = EURUSD.m\r\n\r\nGBPUSD"}, "Line 3: expected two names"),
        ({"symbol_map": "EURUSD =\n= EURUSD"}, "Line 2: expected two names"),
        ({"symbol_map": "EURUSD = A\nGOLD=" + "x" * 65}, "Line 2: expected symbol names of 1 to 64 characters"),
        ({"symbol_map": "EURUSD = A\nGOLD = B\nEURUSD = C"}, "Line 3: EURUSD stands in line 1 already"),
        ({"symbol_map": "A = B = C"}, "Line 1: expected two names"),
        ({"repairs": "missing = notify\nextra = forget"}, "Line 2: expected one of flatten, notify, repair"),
        ({"repairs": "nonsense = notify"}, "Line 1: no difference is called"),
        ({"filters": "{no json"}, "is read as JSON, and this is none"),
        ({"filters": '{"unknown": 1}'}, "unknown field"),
        ({"filters": "sides = buy\nsymbol = EURUSD"}, "Line 2: expected a filter, “=” and its value"),
        ({"filters": "symbols_deny = A\nsymbols deny = B"}, "Line 2: symbols deny stands there already"),
        ({"filters": "sides = up"}, "sides[0]: invalid enum value"),
        ({"filters": "sl_required = perhaps"}, "Line 1: expected yes or no"),
        ({"filters": "hours = at noon"}, "Line 1: expected hours such as mon-fri 08:00-17:30"),
        ({"filters": "hours = mon 08:00-17:00\nhours = foo 08:00-17:00"}, "hours[1].days[0]: invalid enum value"),
        ({"filters": "hours = 08:00-25:00"}, "hours[0].until"),
        ({"filters": "lots_least = 2\nlots_most = 1"}, "lots_least: expected at most"),
        ({"prefix": "x" * 17}, "16"),
        ({"mode": "nonsense"}, "not one of"),
        ({"reason": " "}, "Say why"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_is_saved(
    client: Client, house: House, wrong: dict[str, str], said: str
) -> None:
    page = page_of(house)
    sent = {**fields_of(client, page), "reason": "grow", "save": "1", **wrong}
    html = client.post(page, sent, follow=True).content.decode()
    name = next(iter(wrong))
    field = re.findall(rf'<div class="field wrong"><label for="id_{name}".*?</p></div>', html, flags=re.S)
    assert field, html
    assert said in field[0]
    assert not SubscriptionVersion.objects.exists()


def test_a_field_says_its_bounds_before_they_are_broken_and_what_holds_while_it_is_empty(
    client: Client, house: House
) -> None:
    html = client.get(page_of(house)).content.decode()
    helps = dict(re.findall(r'<div class="quiet" id="id_(\w+)_helptext">(.*?)</div>', html, flags=re.S))
    assert helps["multiplier"].endswith("half of it. Above 0. Empty: 1.")
    assert helps["max_risk_multiple"].endswith("1 or more. Empty: 5.")
    assert helps["max_age_seconds"].endswith("1 to 86,400. Empty: 60.")
    assert helps["max_lots"].endswith("Above 0. Empty: not set.")
    sent = {**fields_of(client, page_of(house)), "multiplier": "3", "reason": "grow", "save": "1"}
    client.post(page_of(house), sent)
    sent = {**fields_of(client, page_of(house)), "multiplier": "", "reason": "shrink", "save": "1"}
    client.post(page_of(house), sent)
    assert Subscription.objects.get(pk=house.row("orders.subscription").pk).settings.multiplier == 1


@pytest.mark.parametrize(
    ("typed", "pairs"),
    [
        ("EURUSD = EURUSD.m\r\n\r\n GOLD=XAUUSD ", {"EURUSD": "EURUSD.m", "GOLD": "XAUUSD"}),
        ("EURUSD=X = EURUSD", {"EURUSD=X": "EURUSD"}),
        ('{"EURUSD": "EURUSD.m"}', {"EURUSD": "EURUSD.m"}),
        ('{"A = B": "C"}', {"A = B": "C"}),
        ("", {}),
    ],
)
def test_a_symbol_map_is_written_one_pair_a_line_or_as_programs_send_it(
    client: Client, house: House, typed: str, pairs: dict[str, str]
) -> None:
    page = page_of(house)
    client.post(page, {**fields_of(client, page), "symbol_map": typed, "reason": "map", "save": "1"})
    row = Subscription.objects.get(pk=house.row("orders.subscription").pk)
    assert row.settings.symbol_map == pairs
    # What is shown then is read back as the same.
    shown = fields_of(client, page)
    assert shown["symbol_map"].startswith("{") is ("A = B" in pairs)
    client.post(page, {**shown, "reason": "again", "save": "1"})
    assert Subscription.objects.get(pk=row.pk).settings.symbol_map == pairs


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("symbols_allow = EURUSD, GBP*\r\n\r\nsides=buy", {"symbols_allow": ["EURUSD", "GBP*"], "sides": ["buy"]}),
        ("Symbols allow = XAUUSD\nlots_most = 2.5", {"symbols_allow": ["XAUUSD"], "lots_most": "2.5"}),
        (
            "hours = mon-fri 8:00-17:30\nhours = sun 22:00 - 24:00\nhours = 0:00-1:00\ntime_zone = Europe/Berlin",
            {
                "hours": [
                    {"days": ["mon", "tue", "wed", "thu", "fri"], "since": "08:00", "until": "17:30"},
                    {"days": ["sun"], "since": "22:00", "until": "24:00"},
                    {"since": "00:00", "until": "01:00"},
                ],
                "time_zone": "Europe/Berlin",
            },
        ),
        ("sl_required = Ja\ntp_required = no", {"sl_required": True, "tp_required": False}),
        ("magics_deny = 0, 100..199", {"magics_deny": ["0", "100..199"]}),
        (
            '{"comments_deny": ["a, b"], "hours": [{"until": "12:00"}]}',
            {"comments_deny": ["a, b"], "hours": [{"until": "12:00"}]},
        ),
        ("", {}),
    ],
)
def test_filters_are_written_one_a_line_or_as_programs_send_them(
    client: Client, house: House, typed: str, filters: dict[str, Any]
) -> None:
    page = page_of(house)
    client.post(page, {**fields_of(client, page), "filters": typed, "reason": "filter", "save": "1"})
    row = Subscription.objects.get(pk=house.row("orders.subscription").pk)
    assert row.settings.filters == filters
    # What is shown then is read back as the same.
    shown = fields_of(client, page)
    assert shown["filters"].startswith("{") is ("comments_deny" in filters)
    client.post(page, {**shown, "reason": "again", "save": "1"})
    assert Subscription.objects.get(pk=row.pk).settings.filters == filters


def test_a_line_with_two_signs_that_stand_close_is_no_pair(client: Client, house: House) -> None:
    page = page_of(house)
    sent = {**fields_of(client, page), "symbol_map": "EURUSD = EURUSD.pro\na=b=c", "reason": "map", "save": "1"}
    answer = client.post(page, sent, follow=True).content.decode()
    assert "Line 2: expected two names with one “=” between them." in answer
    assert Subscription.objects.get(pk=house.row("orders.subscription").pk).settings.symbol_map == {}


def test_a_new_subscription_is_made_with_a_preview_before(client: Client, house: House) -> None:
    follower = factories.BrokerAccountFactory.create(tenant=house.tenant)
    page = f"/t/{house.tenant.pk}/subscriptions/new/"
    chosen = {"strategy": str(house.row("orders.strategy").pk), "follower": str(follower.pk)}
    sent = {**fields_of(client, page), **chosen, "multiplier": "0.5", "reason": "a new one"}
    assert "would have become" in client.post(page, {**sent, "preview": "1"}, follow=True).content.decode()
    assert not Subscription.objects.filter(follower=follower).exists()
    client.post(page, {**sent, "save": "1"})
    row = Subscription.objects.get(follower=follower)
    assert (row.settings.multiplier, row.state, row.version) == (Decimal("0.5"), "active", 1)
    again = client.post(page, {**sent, "save": "1"}, follow=True).content.decode()
    assert "copies this strategy already" in again


def test_a_neighbours_account_or_strategy_cannot_be_chosen(client: Client, house: House) -> None:
    neighbour = build("Neighbour")
    page = f"/t/{house.tenant.pk}/subscriptions/new/"
    mine = {"strategy": str(house.row("orders.strategy").pk),
            "follower": str(house.row("sessions_app.brokeraccount").pk)}  # fmt: skip
    sent: dict[str, str] = {}
    for name, table in (("strategy", "orders.strategy"), ("follower", "sessions_app.brokeraccount")):
        chosen = {**mine, name: str(neighbour.row(table).pk)}
        sent = {**fields_of(client, page), **chosen, "reason": "mine now", "save": "1"}
        assert "not one of the available choices" in client.post(page, sent, follow=True).content.decode()
    before = Subscription.objects.count()
    other = f"/t/{house.tenant.pk}/subscriptions/{neighbour.row('orders.subscription').pk}/edit/"
    assert client.post(other, {**sent, "multiplier": "9"}).status_code == 404
    assert Subscription.objects.count() == before


def test_a_preview_asks_the_database_little(client: Client, house: House) -> None:
    factories.IntentFactory.create_batch(12, account=house.row("orders.strategy").master)
    sent = {**fields_of(client, page_of(house)), "preview": "1"}
    with counted() as cost:
        answer: Any = client.post(page_of(house), sent, follow=True)
    assert answer.content.decode().count('data-label="It was"') == 10
    assert cost.calls <= 12, cost.sql
