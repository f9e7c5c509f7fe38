"""What pages call things: the field's words, and money with its currency."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build, person
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house() -> House:
    cache.clear()
    return build("Own")


def text_of(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def earns(account: Any, session: Any, currency: str) -> None:
    """The account's EA has introduced itself, and told 10,234.50 of this currency."""
    profile = factories.TerminalProfileFactory.create(
        session=session, account=account, content={"currency": currency, "symbols": []}
    )
    type(account).objects.filter(pk=account.pk).update(
        profile=profile, equity=Decimal("10234.5"), balance=Decimal(10000), funds_at=now()
    )


def test_money_has_its_currency_on_every_page_that_shows_it(house: House) -> None:
    follower, master = house.row("sessions_app.brokeraccount"), house.row("orders.strategy").master
    earns(follower, house.row("sessions_app.easession"), "CHF")
    earns(master, factories.EaSessionFactory.create(account=master, authenticated=True), "JPY")
    neighbour = build("Neighbour")
    owner = person("the tenant's owner", house, neighbour).client
    staff = person("staff: Administrator", house, neighbour).client
    for name in ("health", "accounts"):
        page = text_of(owner, reverse(f"tenants:{name}", args=[house.tenant.pk]))
        assert "10,234.50 CHF" in page, name
        assert "10,234.50 JPY" in page, name
    for client, address in (
        (owner, reverse("tenants:account", args=[house.tenant.pk, follower.pk])),
        (staff, reverse("admin:sessions_app_brokeraccount_changelist")),
    ):
        assert "CHF" in text_of(client, address), address


@pytest.mark.parametrize("name", ["health", "accounts"])
def test_what_says_currencies_asks_twelve_times_at_most_on_either_database(house: House, name: str) -> None:
    """PostgreSQL is asked for its clock beside everything else."""
    earns(house.row("sessions_app.brokeraccount"), house.row("sessions_app.easession"), "CHF")
    owner = person("the tenant's owner", house, build("Neighbour")).client
    with counted() as cost:
        owner.get(reverse(f"tenants:{name}", args=[house.tenant.pk]))
    assert cost.calls <= 12, cost.sql


def test_a_currency_stays_text_and_one_that_nobody_has_told_is_left_out(house: House) -> None:
    follower = house.row("sessions_app.brokeraccount")
    address = reverse("tenants:health", args=[house.tenant.pk])
    owner = person("the tenant's owner", house, build("Neighbour")).client
    type(follower).objects.filter(pk=follower.pk).update(equity=Decimal(5))
    assert re.search(r">5\.00</td>", owner.get(address).content.decode())
    earns(follower, house.row("sessions_app.easession"), "<script>\N{RIGHT-TO-LEFT OVERRIDE}")
    html = owner.get(address).content.decode()
    assert "10,234.50 <bdi>&lt;script&gt;\\u202e</bdi>" in html


def test_tables_are_called_by_the_words_of_the_field() -> None:
    """Names that Django takes from a class would be "ea sessions" and "oauth clients"."""
    wrong = re.compile(r"\b(ea|oauth|ip|id|api|uuid|sign in)s?\b")
    called = [
        str(text)
        for app in ("sessions_app", "orders")
        for model in apps.get_app_config(app).get_models()
        for text in (model._meta.verbose_name, model._meta.verbose_name_plural)
    ]
    assert [text for text in called if wrong.search(text)] == []


def test_staffs_lists_say_that_they_are_empty_and_filter_by_words(house: House) -> None:
    client = person("staff: Administrator", house, build("Neighbour")).client
    empty = text_of(client, reverse("admin:orders_fillwait_changelist") + "?state__exact=denied")
    assert "Nothing fits the search and the filters." in empty
    assert "Times are UTC." in empty
    assert "results" not in empty
    type(house.row("orders.fillwait")).objects.all().delete()
    assert "There is nothing here yet." in text_of(client, reverse("admin:orders_fillwait_changelist"))
    filters = text_of(client, reverse("admin:orders_subscription_changelist"))
    assert "balance ratio" in filters
    assert "balance_ratio" not in filters


def test_a_rows_page_says_nothing_where_there_is_nothing_and_writes_ea_and_id(house: House) -> None:
    client = person("staff: Administrator", house, build("Neighbour")).client
    session, copy = house.row("sessions_app.easession"), house.row("orders.copy")
    told = text_of(client, reverse("admin:sessions_app_easession_change", args=[session.pk]))
    assert "EA version:" in told
    assert "None" not in told
    told = text_of(client, reverse("admin:orders_copy_change", args=[copy.pk]))
    assert f"ID: {copy.pk}" in told
    assert "None" not in told


def test_a_form_of_settings_says_the_values_as_its_choices_do(house: House) -> None:
    client = person("the tenant's owner", house, build("Neighbour")).client
    form = text_of(
        client, reverse("tenants:edit_subscription", args=[house.tenant.pk, house.row("orders.subscription").pk])
    )
    assert "The factor k of every mode but \u201cfixed lots\u201d" in form
    assert not re.search(r"\b[a-z]+_[a-z_]+\b", form)


def test_who_is_signed_in_and_asked_for_nothing_is_not_told_that_he_may_not(house: House) -> None:
    client = person("the tenant's owner", house, build("Neighbour")).client
    assert "who may not open" not in text_of(client, "/sign-in/")
    assert "who may not open" in text_of(client, "/sign-in/?next=/admin/")


def test_a_terminal_that_was_never_heard_is_told_of_once(house: House) -> None:
    session = house.row("sessions_app.easession")
    type(session).objects.filter(pk=session.pk).update(last_heartbeat_at=None)
    client = person("the tenant's owner", house, build("Neighbour")).client
    told = text_of(
        client, reverse("tenants:account", args=[house.tenant.pk, house.row("sessions_app.brokeraccount").pk])
    )
    assert "silent never heard" in told
    assert told.count("never") == 1


def test_whoever_was_overtaken_is_told_once_that_nothing_was_saved(house: House) -> None:
    client = person("the tenant's owner", house, build("Neighbour")).client
    address = reverse("tenants:edit_subscription", args=[house.tenant.pk, house.row("orders.subscription").pk])
    sent = {"version": "77", "multiplier": "0.625", "reason": "half", "mode": "mirrored", "save": "yes"}
    html = client.post(address, sent, follow=True).content.decode()
    if "somebody</bdi> has changed" not in html:
        pytest.fail(re.sub(r"<[^>]+>", " ", html)[:2000])
    assert html.count("Nothing was saved") == 1
    assert "What you typed stands below" in html
    assert 'value="0.625"' in html


# Words of machines ----------------------------------------------------------------------------------------------------


def machine_words(text: str) -> list[str]:
    return re.findall(r"\b(?:[a-z]+(?:_[a-z]+)+|noop|ok)\b", text)


def test_no_page_about_a_decision_or_its_settings_shows_a_machine_word(house: House) -> None:
    subscription, decision = house.row("orders.subscription"), house.row("orders.decision")
    type(subscription).objects.filter(pk=subscription.pk).update(
        state="close_only", mode="balance_ratio", late_policy="pending_at_master_price", repairs={"extra": "notify"},
        symbol_map={"GOLD": "XAU_USD"},
    )  # fmt: skip
    steps = [
        {"step": "allocation", "result": "ok", "mode": "equity_ratio", "cut": True, "symbol": "m_gold"},
        {"step": "guards", "result": "max_open_positions", "open": 5},
    ]
    type(decision).objects.filter(pk=decision.pk).update(outcome="noop", code="not_copied", steps=steps)
    house.row("orders.command").__class__.objects.update(state="void", reason="subscription_close_only")
    client = person("the tenant's owner", house, build("Neighbour")).client
    for name, row in (
        ("trade", decision.intent), ("subscription", subscription), ("edit_subscription", subscription),
        ("account", subscription.follower), ("strategy", subscription.strategy), ("pause", subscription),
    ):  # fmt: skip
        text = text_of(client, reverse(f"tenants:{name}", args=[house.tenant.pk, row.pk]))
        # Names at brokers keep what they have.
        assert machine_words(text.replace("XAU_USD", "").replace("m_gold", "")) == [], name
    trade = client.get(reverse("tenants:trade", args=[house.tenant.pk, decision.intent_id])).content.decode()
    for shown in (
        '<span class="state noop">nothing to do</span>',
        '<span title="guards">Limits</span></strong>: <span title="max_open_positions">max open positions</span>',
        ': <span title="ok">passed</span>',
        '<dd><span title="equity_ratio">equity ratio</span></dd>',
        "<dd>yes</dd>",
        "<dd><bdi>m_gold</bdi></dd>",
        '<span title="subscription_close_only">the subscription was paused</span>',
    ):
        assert shown in trade, shown
    told = client.get(reverse("tenants:subscription", args=[house.tenant.pk, subscription.pk])).content.decode()
    assert '<span title="not_copied">The position was never copied to this follower.</span>' in told
    assert "<bdi>GOLD = XAU_USD</bdi>" in told


def test_a_preview_and_the_versions_say_outcomes_and_values_in_words(house: House) -> None:
    subscription = house.row("orders.subscription")
    client = person("the tenant's owner", house, build("Neighbour")).client
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, subscription.pk])
    sent = {
        "mode": "balance_ratio", "contract_size": "check", "late_policy": "deny", "min_lots_policy": "deny",
        "max_lots": "2", "symbol_map": "GOLD = XAUUSD", "version": "1", "reason": "trial",
    }  # fmt: skip
    looked = client.post(edit, {**sent, "preview": "1"}, follow=True).content.decode()
    assert "Mode: <bdi>mirrored</bdi> → <bdi>balance ratio</bdi>" in looked
    assert "Max lots: <bdi>off</bdi> → <bdi>2</bdi>" in looked
    client.post(edit, {**sent, "save": "1"})
    versions = reverse("tenants:versions", args=[house.tenant.pk, subscription.pk])
    shown = text_of(client, versions)
    assert "Symbol map: \N{EN DASH} → GOLD = XAUUSD" in shown
    assert machine_words(shown) == []


def test_the_staffs_pages_about_decisions_say_the_same_words(house: House) -> None:
    decision, subscription = house.row("orders.decision"), house.row("orders.subscription")
    steps = [{"step": "guards", "result": "ok", "mode": "balance_ratio"}]
    type(decision).objects.filter(pk=decision.pk).update(outcome="noop", code="not_copied", steps=steps)
    type(subscription).objects.filter(pk=subscription.pk).update(state="close_only", mode="balance_ratio")
    staff = person("staff: Administrator", house, build("Neighbour")).client
    page = text_of(staff, reverse("admin:orders_decision_change", args=[decision.pk]))
    assert "Limits passed mode balance ratio" in page
    assert "nothing to do not_copied" in page, "the code itself beside it"
    listed = staff.get(reverse("admin:orders_decision_changelist")).content.decode()
    assert '<span class="state noop" title="noop">nothing to do</span>' in listed
    listed = staff.get(reverse("admin:orders_subscription_changelist")).content.decode()
    assert '<span class="state close_only" title="close_only">paused</span>' in listed
    assert "balance_ratio</td>" not in listed
