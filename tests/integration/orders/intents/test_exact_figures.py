"""Figures survive to their last digit in both databases, and what cannot be compared there is not."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection
from django.db.models import F, Model

from orders.models import Command, Copy, FollowerQuote, Intent, MasterPosition, Report, Subscription
from sessions_app.domain.decimals import plain
from sessions_app.domain.frames.mending import Note
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import ExactDecimalField
from sessions_app.services.ingest import batches
from tests.factories.orders import ReportFactory
from tests.integration.trading import Desk, held, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
MONEY = "-1234567890123.12345678"
RUPIAH = "987654321098765.43218765"
PRICE, SL, TP = "1234567890.0123456789", "0.0000000001", "9999999999.9999999999"
EXACT: tuple[type[Model], ...] = (
    BrokerAccount,
    Command,
    Copy,
    FollowerQuote,
    Intent,
    MasterPosition,
    Report,
    Subscription,
)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce(symbols=[odd_symbol("EURUSD")])


def odd_symbol(name: str) -> dict[str, Any]:
    """A symbol of ten digits, with terms as large as they come."""
    return {
        "name": name,
        "digits": 10,
        "contract_size": "9999999999999999.99999999",
        "lots_min": "0.01",
        "lots_step": "0.01",
        "lots_max": "99999999999",
    }


def figures(row: Any, *names: str) -> list[str]:
    row.refresh_from_db()
    return [plain(getattr(row, name)) for name in names]


def test_a_price_of_ten_digits_on_either_side_goes_through_every_table(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, contract_size="ignore")
    master.intend("place", 1, side="buy", lots="0.10", order_type="limit", price=PRICE, sl=SL, tp=TP)
    command = Command.objects.get()
    follower.report(command.id, "placed", ticket=900, lots="0.1", price=PRICE, sl=SL, tp=TP)
    for row in (command, Copy.objects.get(), MasterPosition.objects.get(), Report.objects.get()):
        assert figures(row, "price", "sl", "tp") == [PRICE, SL, TP]
    assert figures(Intent.objects.get(), "price") == [PRICE]
    assert command.lots == Decimal("0.1")


def test_money_of_thirteen_digits_and_more_is_kept_to_the_last_one(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, fixed_master_base=Decimal(RUPIAH))
    follower.send("StatusHeartbeat", {"balance": RUPIAH, "equity": MONEY, "free_margin": "0.00000001"})
    assert figures(follower.account, "balance", "equity", "free_margin") == [RUPIAH, MONEY, "0.00000001"]
    assert figures(Subscription.objects.get(), "fixed_master_base") == [RUPIAH]
    amounts = dict.fromkeys(("commission", "taxes", "swap", "profit", "balance", "equity"), MONEY)
    follower.report(None, "closed", cause="deposit_withdrawal", **amounts)
    assert figures(Report.objects.get(), *amounts) == [MONEY] * 6
    master.buy(1, profit=MONEY)
    assert figures(Intent.objects.get(), "profit") == [MONEY]


def test_many_rows_at_once_keep_their_digits_too(follower: Desk) -> None:
    rows = [
        ReportFactory.build(account=follower.account, session=follower.session, command=None, copy=None)
        for _ in range(3)
    ]
    for row in rows:
        row.price, row.profit = Decimal(PRICE), Decimal(MONEY)
    Report.objects.bulk_create(rows)
    assert {(plain(row.price), plain(row.profit)) for row in Report.objects.all() if row.price and row.profit} == {
        (PRICE, MONEY)
    }


def test_a_market_of_ten_digits_is_kept(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, deviation_points=10)
    follower.tell(held(None, 7), quotes=[{"symbol": "EURUSD", "bid": SL, "ask": PRICE}])
    assert figures(FollowerQuote.objects.get(), "bid", "ask") == [SL, PRICE]


@pytest.mark.lane("embedded")  # PostgreSQL has kept decimals all along
@pytest.mark.parametrize(("stored", "read"), [(1085.0875, "1085.0875"), (1e-07, "0.0000001"), (12, "12")])
def test_what_was_kept_as_a_number_has_lost_no_digit(follower: Desk, stored: float, read: str) -> None:
    """Rows of before the columns were texts: their numbers became texts as SQLite writes numbers."""
    FollowerQuote.objects.create(
        account=follower.account, symbol="X", bid=Decimal(1), ask=Decimal(1), at=follower.account.created_at
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_followerquote SET bid = CAST(%s AS REAL)", [stored])
    assert figures(FollowerQuote.objects.get(), "bid") == [read]


@pytest.mark.parametrize("lookup", ["lt", "lte", "gt", "gte", "range", "contains"])
def test_what_texts_cannot_answer_is_asked_of_neither_database(lookup: str) -> None:
    with pytest.raises(FieldError, match="not compared in queries"):
        list(Command.objects.filter(**{f"price__{lookup}": Decimal(1)}))


def test_equal_or_not_can_be_asked(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, contract_size="ignore")
    master.buy(1)
    assert Command.objects.filter(price=Decimal("1.10")).count() == 1
    assert Command.objects.filter(price__in=[Decimal("1.1000000"), Decimal(2)]).count() == 1
    assert Command.objects.filter(sl__isnull=True, price__in=[Decimal("1.11")]).count() == 0
    assert Command.objects.filter(price=F("copy__price")).count() == 1


def test_lots_are_numbers_still_because_they_are_compared() -> None:
    """Any column of lots that became a text would break a query without a sound."""
    texts = {
        field.name for model in EXACT for field in model._meta.concrete_fields if isinstance(field, ExactDecimalField)
    }
    assert "price" in texts
    assert not {name for name in texts if "lots" in name}


def test_an_intent_says_what_of_it_could_not_be_read(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, contract_size="ignore")
    master.buy(1)
    arrival = master.arrival("OrderIntent", {"action": "close", "position_id": 1, "ticket": 1, "symbol": "?"}, seq=2)
    arrival.mended = (Note("$.symbol", "left out: too long"),)
    batches.store(arrivals=[arrival])
    assert Intent.objects.get(action="close").content["mended"] == ["$.symbol left out: too long"]
    assert list(Command.objects.order_by("seq").values_list("action", flat=True)) == ["open", "close"]
