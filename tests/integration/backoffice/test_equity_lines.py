"""Lines of equity: the figures and places are worked out by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.charts import LINE_HEIGHT, LINE_WIDTH, Equity, equity_lines
from sessions_app.queries import database_now
from tests.factories import IntentFactory, ReportFactory, SubscriptionFactory
from tests.integration.backoffice.test_tenant_pages import member

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
MASTER, FOLLOWER, OTHER = (UUID(int=number) for number in (1, 2, 3))


def told(account: UUID, *figures: tuple[int, str]) -> list[Equity]:
    return [Equity(account, NOW - timedelta(minutes=minutes), Decimal(equity)) for minutes, equity in figures]


def latest_first(*some: list[Equity]) -> list[Equity]:
    return sorted((one for group in some for one in group), key=lambda one: one.at, reverse=True)


def test_all_lines_have_one_scale_of_percent_and_one_of_time() -> None:
    # 48 minutes in 48 steps of 2 units each: -48 min is 0, -24 min is 48. The master gains 10 %, and the follower loses
    # 10 % of a tenth of that money.
    both = latest_first(told(MASTER, (48, "1000"), (24, "1100")), told(FOLLOWER, (48, "100"), (24, "90")))
    lines = equity_lines(both, NOW)
    assert (lines[MASTER].percent, lines[FOLLOWER].percent) == (Decimal(10), Decimal(-10))
    assert (lines[MASTER].points, lines[FOLLOWER].points) == ("0.0,12.0 48.0,1.0", "0.0,12.0 48.0,23.0")
    assert lines[MASTER].level == lines[FOLLOWER].level == 12.0
    assert (LINE_WIDTH, LINE_HEIGHT) == (96, 24)
    assert lines[MASTER].span == timedelta(minutes=48)


def test_of_a_step_the_last_figure_counts() -> None:
    moments = ((5, 130), (6, 1))
    quick = [Equity(MASTER, NOW - timedelta(seconds=before), Decimal(equity)) for before, equity in moments]
    line = equity_lines(latest_first(told(MASTER, (48, "100")), quick), NOW)[MASTER]
    assert (line.first, line.last, line.percent) == (Decimal(100), Decimal(130), Decimal(30))
    assert line.points.count(",") == 2


def test_one_figure_alone_is_no_line_nor_is_a_beginning_without_money() -> None:
    known = latest_first(
        told(MASTER, (48, "100"), (1, "101")), told(FOLLOWER, (5, "7")), told(OTHER, (40, "0"), (2, "9"))
    )
    assert set(equity_lines(known, NOW)) == {MASTER}
    assert equity_lines([], NOW) == {}


def test_equity_that_never_moves_is_a_line_in_the_middle() -> None:
    line = equity_lines(told(MASTER, (1, "100"), (48, "100")), NOW)[MASTER]
    assert {point.partition(",")[2] for point in line.points.split()} == {"12.0"}


@pytest.mark.django_db(transaction=True)
def test_health_draws_what_masters_and_followers_have_told_and_lists_the_last_trades(client: Client) -> None:
    now = database_now()
    subscription, neighbours = SubscriptionFactory.create(), SubscriptionFactory.create()
    master = subscription.strategy.master
    for number in range(1, 8):
        moment = now - timedelta(hours=8 - number)
        content = {"side": "buy", "equity": str(1000 + 10 * number)}
        IntentFactory.create(account=master, received_at=moment, ticket=number, position_id=number, content=content)
    for one in (subscription, neighbours):
        for hours, equity in ((6, "200"), (2, "150")):
            ReportFactory.create(account=one.follower, received_at=now - timedelta(hours=hours), equity=Decimal(equity))
    member(client, subscription.strategy.tenant)
    page = client.get(reverse("tenants:health", args=[subscription.strategy.tenant_id])).content.decode()
    assert page.count("<polyline") == 2
    assert "From 1,010.00 to 1,070.00 in 7 h" in page
    assert "+5.94 %" in page  # 60 of 1,010
    assert "From 200.00 to 150.00 in 6 h" in page
    assert "-25.00 %" in page
    # The latest five of seven.
    assert [f"#{number}</a>" in page for number in range(1, 8)] == [False, False, True, True, True, True, True]


@pytest.mark.django_db(transaction=True)
def test_figures_of_yesterday_and_of_former_sessions_draw_nothing(client: Client) -> None:
    now = database_now()
    subscription = SubscriptionFactory.create()
    for hours, late in ((30, False), (25, False), (3, True), (1, False)):
        ReportFactory.create(
            account=subscription.follower, received_at=now - timedelta(hours=hours), equity=Decimal(hours), late=late
        )
    member(client, subscription.strategy.tenant)
    page = client.get(reverse("tenants:health", args=[subscription.strategy.tenant_id])).content.decode()
    assert "<polyline" not in page
    assert "No master has traded yet." in page
