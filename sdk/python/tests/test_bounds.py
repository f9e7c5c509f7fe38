"""What opens is looked at before it is written down: the gateway would refuse it for good."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from eagateway_sdk import Action, OrderIntent, OrderType, Side, Unsendable
from eagateway_sdk.bounds import check_intent

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
    ("side", "BUY"),
    ("order_type", "MARKET"),
    ("close_reason", "bored"),
    ("lots", 0.1),
    ("lots", -0.1),
    ("lots", 1),
    ("price", 1.085),
    ("sl", True),
    ("ticket", 1.0),
    ("position_id", "71"),
    ("magic", True),
    ("symbol", 7),
    ("age_ms", -1),
    ("age_ms", 0.5),
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
    ("side", "buy"),
    ("order_type", "market"),
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
        check_intent(msgspec.structs.replace(OPEN, **{field: value}))
    assert caught.value.field == field


@pytest.mark.parametrize(("field", "value"), FAULTS)
def test_what_follows_a_trade_is_sent_whatever_it_says(field: str, value: object) -> None:
    check_intent(msgspec.structs.replace(OPEN, **{"action": Action.CLOSE, field: value}))


@pytest.mark.parametrize(("field", "value"), FINE)
def test_an_open_within_its_bounds_is_sent(field: str, value: object) -> None:
    check_intent(msgspec.structs.replace(OPEN, **{field: value}))


PART = msgspec.structs.replace(OPEN, action=Action.PARTIAL_CLOSE, remaining_lots=Decimal("0.05"))


@pytest.mark.parametrize("field", ["lots", "remaining_lots"])
@pytest.mark.parametrize("value", [Decimal(0), Decimal("-0.01"), Decimal("NaN"), 0.05])
def test_a_partial_close_tells_no_odd_lots(field: str, value: object) -> None:
    check_intent(PART)
    with pytest.raises(Unsendable) as caught:
        check_intent(msgspec.structs.replace(PART, **{field: value}))
    assert caught.value.field == field


def test_a_partial_close_needs_one_of_its_figures() -> None:
    check_intent(msgspec.structs.replace(PART, remaining_lots=None))
    check_intent(msgspec.structs.replace(PART, lots=None))
    with pytest.raises(Unsendable, match="lots: a partial close needs them, or `remaining_lots`"):
        check_intent(msgspec.structs.replace(PART, lots=None, remaining_lots=None))


def test_an_action_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(Unsendable, match="action: one of activate, cancel, close, modify, open, partial_close, place"):
        check_intent(msgspec.structs.replace(OPEN, action="buy"))


def test_the_type_that_is_meant_stands_in_the_message() -> None:
    with pytest.raises(Unsendable, match=r'lots: a Decimal, not float: Decimal\("0.1"\)'):
        check_intent(msgspec.structs.replace(OPEN, lots=0.1))
    with pytest.raises(Unsendable, match="lots: a Decimal, not str"):
        check_intent(msgspec.structs.replace(OPEN, lots="0.1"))


def test_a_symbol_that_the_terminal_has_not_told_is_not_opened_and_the_nearest_is_named() -> None:
    with pytest.raises(Unsendable, match=r"EURUSD is none of InitRequest.symbols: did you mean EURUSD\.m\?"):
        check_intent(OPEN, {"EURUSD.m", "XAUUSD.m"})
    with pytest.raises(Unsendable, match=r"EURUSD is none of InitRequest.symbols \(US30\)"):
        check_intent(OPEN, {"US30"})
    check_intent(OPEN, {"EURUSD"})
    check_intent(OPEN)
    check_intent(msgspec.structs.replace(OPEN, action=Action.CLOSE), {"XAUUSD"})  # who holds it must get rid of it


def test_a_pending_order_needs_its_price_and_its_kind() -> None:
    place = msgspec.structs.replace(OPEN, action=Action.PLACE, order_type=OrderType.STOP)
    check_intent(place)
    for field, value in (("price", None), ("order_type", OrderType.MARKET)):
        with pytest.raises(Unsendable, match=field):
            check_intent(msgspec.structs.replace(place, **{field: value}))
