"""What opens is looked at before it is written down: the gateway would refuse it for good."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from eagateway_sdk import Action, OrderIntent, OrderType, Side, Unsendable
from eagateway_sdk.bounds import check_open

OPEN = OrderIntent(
    action=Action.OPEN,
    position_id=1,
    ticket=1,
    symbol="EURUSD",
    side=Side.BUY,
    lots=Decimal("0.1"),
    price=Decimal("1.1"),
)
FAULTS: list[tuple[str, Any]] = [
    ("side", None),
    ("lots", None),
    ("lots", Decimal(0)),
    ("lots", Decimal(-1)),
    ("lots", Decimal(10_000_000)),
    ("lots", Decimal("NaN")),
    ("price", Decimal("1E+20000")),
    ("price", Decimal(10_000_000_000)),
    ("sl", Decimal("-0.1")),
    ("tp", Decimal("1E-21")),
    ("balance", Decimal(10**15)),
    ("profit", Decimal(-(10**15))),
    ("order_type", OrderType.LIMIT),
    ("ticket", 0),
    ("position_id", 2**53),
    ("parent_ticket", 0),
    ("symbol", ""),
    ("symbol", "s" * 65),
    ("symbol", "EUR\x00USD"),
    ("magic", -(2**63) - 1),
    ("expiry", "2027.01.15 21:59:00"),
    ("expiry", "2027-01-15T21:59:00"),
    ("expiry", "2027-02-30T21:59:00Z"),
    ("broker_time", "2027-01-15 21:59:00"),
]
FINE: list[tuple[str, Any]] = [
    ("lots", Decimal("9999999.99999999")),
    ("sl", Decimal(0)),
    ("sl", Decimal("1.0818225753016053")),
    ("balance", Decimal("-999999999999999.99")),
    ("magic", 2**64 - 1),
    ("comment", "c" * 255),
    ("expiry", "2026-12-31T21:59:00.000Z"),
    ("expiry", "2026-12-31T21:59:00+02:00"),
    ("expiry", ""),
    ("broker_time", "2027.01.15 21:59:00"),
]


@pytest.mark.parametrize(("field", "value"), FAULTS)
def test_an_open_that_would_be_refused_says_which_field(field: str, value: object) -> None:
    with pytest.raises(Unsendable) as caught:
        check_open(msgspec.structs.replace(OPEN, **{field: value}))
    assert caught.value.field == field


@pytest.mark.parametrize(("field", "value"), FAULTS)
def test_what_follows_a_trade_is_sent_whatever_it_says(field: str, value: object) -> None:
    check_open(msgspec.structs.replace(OPEN, **{"action": Action.CLOSE, field: value}))


@pytest.mark.parametrize(("field", "value"), FINE)
def test_an_open_within_its_bounds_is_sent(field: str, value: object) -> None:
    check_open(msgspec.structs.replace(OPEN, **{field: value}))


def test_a_pending_order_needs_its_price_and_its_kind() -> None:
    place = msgspec.structs.replace(OPEN, action=Action.PLACE, order_type=OrderType.STOP)
    check_open(place)
    for field, value in (("price", None), ("order_type", OrderType.MARKET)):
        with pytest.raises(Unsendable, match=field):
            check_open(msgspec.structs.replace(place, **{field: value}))
