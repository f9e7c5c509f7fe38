"""Versions of settings: written when they change and only then, named by decisions, and previewed by the same rules."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.provisioning.settings import settings_of, written
from orders.domain.sizing.modes import Mode
from orders.models import Decision, Subscription, SubscriptionVersion
from orders.services.subscriptions import lifecycle, preview, versions
from sessions_app.services.operations.history import Actor
from tests import factories

pytestmark = pytest.mark.django_db

OLGA = Actor("olga")
FULL = Settings(
    mode=Mode.FIXED_LOTS, lots=Decimal("0.5"), multiplier=Decimal("2.50"), symbol_map={"EURUSD": "EURUSD.pro"},
    prefix="m.", filters={"symbols_allow": ["EURUSD"]}, reverse=True, max_lots=Decimal(3), deviation_points=10,
)  # fmt: skip


@pytest.fixture
def row() -> Subscription:
    return factories.SubscriptionFactory.create()


def numbers(row: Subscription) -> list[tuple[int, str, str]]:
    return list(
        SubscriptionVersion.objects.filter(subscription=row).order_by("number").values_list("number", "actor", "note")
    )


def test_what_is_written_reads_back_as_it_was() -> None:
    for settings in (FULL, Settings()):
        document = written(settings, SETTINGS)
        again, mistakes = settings_of(document, SETTINGS)
        assert mistakes == []
        assert again == settings
    assert written(FULL, SETTINGS)["multiplier"] == "2.5"
    assert "max_open_positions" not in written(FULL, SETTINGS)


def test_a_change_is_a_version_and_what_was_there_before_is_the_first(row: Subscription) -> None:
    wanted = replace(row.settings, multiplier=Decimal(3))
    after = lifecycle.change_settings(subscription_id=row.pk, wanted=wanted, version=1, by=OLGA, note="more")
    row.refresh_from_db()
    assert (row.version, row.settings.multiplier, after.version) == (2, Decimal(3), 2)
    assert numbers(row) == [(1, "", "as it was before versions were kept"), (2, "olga", "more")]
    first, second = SubscriptionVersion.objects.order_by("number")
    assert [(one.name, one.before, one.after) for one in versions.changes(first.settings, second.settings)] == [
        ("multiplier", "1", "3")
    ]


def test_equal_settings_make_no_version(row: Subscription) -> None:
    lifecycle.change_settings(subscription_id=row.pk, wanted=row.settings, version=1, by=OLGA, note="")
    assert numbers(row) == []
    row.refresh_from_db()
    assert row.version == 1


def test_of_two_who_change_the_same_version_the_second_is_told(row: Subscription) -> None:
    wanted = replace(row.settings, multiplier=Decimal(3))
    lifecycle.change_settings(subscription_id=row.pk, wanted=wanted, version=1, by=OLGA, note="more")
    with pytest.raises(lifecycle.SettingsChanged):
        lifecycle.change_settings(subscription_id=row.pk, wanted=Settings(), version=1, by=Actor("pit"), note="less")
    row.refresh_from_db()
    assert row.settings.multiplier == 3


def test_settings_that_cannot_be_read_are_replaced_all_the_same(row: Subscription) -> None:
    assert versions._readable(Subscription(mode="nonsense")) == {}
    assert versions._readable(row) == written(row.settings, SETTINGS) != {}


def test_subscribing_begins_with_version_one(row: Subscription) -> None:
    follower = factories.BrokerAccountFactory.create(tenant=row.strategy.tenant)
    made = lifecycle.subscribe(strategy=row.strategy, follower=follower, wanted=FULL, by=OLGA, note="a new one")
    made.refresh_from_db()
    assert (made.state, made.version, made.settings) == ("active", 1, FULL)
    assert numbers(made) == [(1, "olga", "a new one")]
    with pytest.raises(lifecycle.AlreadySubscribed):
        lifecycle.subscribe(strategy=row.strategy, follower=follower, wanted=FULL, by=OLGA, note="")


def test_who_copies_himself_in_a_circle_or_across_tenants_is_refused(row: Subscription) -> None:
    strategy = row.strategy
    with pytest.raises(lifecycle.OwnMaster):
        lifecycle.subscribe(strategy=strategy, follower=strategy.master, wanted=FULL, by=OLGA, note="")
    back = factories.StrategyFactory.create(tenant=strategy.tenant, master=row.follower)
    with pytest.raises(lifecycle.CopyCycle):
        lifecycle.subscribe(strategy=back, follower=strategy.master, wanted=FULL, by=OLGA, note="")
    stranger = factories.BrokerAccountFactory.create(tenant=factories.TenantFactory.create())
    with pytest.raises(ValueError, match="own tenant"):
        lifecycle.subscribe(strategy=strategy, follower=stranger, wanted=FULL, by=OLGA, note="")
    assert Subscription.objects.count() == 1


# Preview --------------------------------------------------------------------------------------------------------------


def test_a_preview_decides_the_last_ten_trades_anew_and_stores_nothing() -> None:
    row = factories.SubscriptionFactory.create()
    profile = factories.TerminalProfileFactory.create()
    type(row.follower).objects.update(profile=profile)
    master = row.strategy.master
    content = {"side": "buy", "lots": "0.4", "price": "1.1"}
    for number in range(12):
        factories.IntentFactory.create(
            account=master, action="open", symbol="EURUSD", position_id=100 + number, ticket=100 + number,
            lots=Decimal("0.4"), content=content,
        )  # fmt: skip
    factories.IntentFactory.create(account=master, action="close", position_id=100, ticket=100)
    row = Subscription.objects.select_related("strategy__master", "follower").get(pk=row.pk)

    def shown(wanted: Settings) -> list[tuple[int, str, str]]:
        found = preview.last_trades(strategy=row.strategy, follower=row.follower, wanted=wanted)
        assert all(one.decided is not None for one in found)
        return [(one.intent.position_id, one.decided.outcome.value, f"{one.lots:f}") for one in found if one.decided]

    doubled = shown(Settings(multiplier=Decimal(2)))
    assert [position for position, _, _ in doubled] == list(range(111, 101, -1))
    assert {(outcome, Decimal(lots)) for _, outcome, lots in doubled} == {("copied", Decimal("0.8"))}
    cut = shown(Settings(multiplier=Decimal(2), max_lots=Decimal("0.5")))
    assert {Decimal(lots) for _, _, lots in cut} == {Decimal("0.5")}
    only_gold = shown(Settings(filters={"symbols_allow": ["XAUUSD"]}))
    assert {outcome for _, outcome, _ in only_gold} == {"denied"}
    assert Decision.objects.count() == 0


def test_a_trade_that_can_not_be_read_is_shown_without_a_verdict(row: Subscription) -> None:
    factories.IntentFactory.create(account=row.strategy.master, action="open", content={"side": "sideways"})
    (found,) = preview.last_trades(strategy=row.strategy, follower=row.follower, wanted=Settings())
    assert (found.decided, found.lots) == (None, Decimal(0))
