"""What a master says, and when it is complete."""

from typing import Any

import msgspec
import pytest

from orders.domain.wire.intents import ADDS_EXPOSURE, ENDS_POSITION, Action, OrderIntent, OrderType, fault, lineage
from tests.unit.builders import intent, wire_intent


@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_said_completely(action: Action) -> None:
    assert fault(intent(action)) is None


@pytest.mark.parametrize(
    ("action", "missing"),
    [
        (Action.OPEN, "side"),
        (Action.OPEN, "lots"),
        (Action.PLACE, "side"),
        (Action.PLACE, "lots"),
        (Action.PLACE, "price"),
        (Action.PARTIAL_CLOSE, "lots"),
        (Action.PARTIAL_CLOSE, "remaining_lots"),
    ],
)
def test_a_missing_field_is_named_by_its_path(action: Action, missing: str) -> None:
    found = fault(intent(action, **{missing: None}))
    assert found is not None
    assert found[0] == f"$.{missing}"
    assert missing in found[1]


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (Action.OPEN, "lots"),
        (Action.PLACE, "lots"),
        (Action.PARTIAL_CLOSE, "lots"),
        (Action.PARTIAL_CLOSE, "remaining_lots"),
    ],
)
def test_lots_that_matter_are_above_zero(action: Action, field: str) -> None:
    fields = {"lots": "0.1", "remaining_lots": "0.1", "side": "buy", "price": "1.1", "order_type": "market"}
    fields |= {"order_type": "limit"} if action is Action.PLACE else {}
    found = fault(wire_intent(action=action.value, **(fields | {field: "0"})))
    assert found is not None
    assert found[0] == f"$.{field}"


@pytest.mark.parametrize("action", [Action.CLOSE, Action.CANCEL, Action.MODIFY, Action.ACTIVATE])
def test_what_follows_a_position_needs_no_more_than_its_tickets(action: Action) -> None:
    assert fault(wire_intent(action=action.value)) is None


def test_a_pending_order_is_placed_and_a_market_order_opened() -> None:
    placed = fault(intent(Action.PLACE, order_type=OrderType.MARKET))
    opened = fault(intent(Action.OPEN, order_type=OrderType.STOP))
    assert placed is not None
    assert opened is not None
    assert (placed[0], opened[0]) == ("$.order_type", "$.order_type")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "open_sesame"),
        ("position_id", 0),
        ("ticket", 2**53),
        ("symbol", ""),
        ("symbol", "EUR\x00USD"),
        ("side", "long"),
        ("lots", 0.1),
        ("price", "-1"),
        ("magic", -(2**63) - 1),
        ("comment", "c" * 65),
        ("age_ms", -1),
        ("broker_time", "2017-11-07 05:46:00"),
        ("broker_time", "2017.11.07 05:46"),
        ("broker_time", "2017.11.07 05:46:00\n"),
        ("broker_time", "2017.11.07 05:46:00.000"),
    ],
)
def test_a_value_out_of_its_bounds_is_not_read(field: str, value: object) -> None:
    fields: dict[str, Any] = {"action": "open", "side": "buy", "lots": "0.1"}
    with pytest.raises(msgspec.ValidationError, match=field):
        wire_intent(**(fields | {field: value}))


def test_an_intent_read_from_the_wire_keeps_its_decimals_exactly() -> None:
    read = wire_intent(action="close", profit="-0.10", swap="0.30000", broker_time="2017.11.07 05:46:00")
    assert isinstance(read, OrderIntent)
    assert (str(read.profit), str(read.swap), read.age_ms) == ("-0.10", "0.30000", 0)


def test_what_adds_exposure_never_ends_a_position() -> None:
    assert {Action.OPEN, Action.PLACE} == ADDS_EXPOSURE
    assert {Action.CLOSE, Action.CANCEL} == ENDS_POSITION


@pytest.mark.parametrize(
    ("told", "tickets"),
    [
        ({"position_id": 72, "ticket": 72}, [72]),
        ({"position_id": 72, "ticket": 73}, [72, 73]),
        ({"position_id": 72, "ticket": 72, "parent_ticket": 71}, [72, 71]),
        ({"position_id": 72, "ticket": 73, "parent_ticket": 71, "comment": "from #70"}, [72, 73, 71, 70]),
        ({"position_id": 72, "ticket": 72, "comment": "scalper from #71[tp]"}, [72, 71]),
        ({"position_id": 72, "ticket": 72, "comment": "from #0"}, [72]),
        ({"position_id": 72, "ticket": 72, "comment": "#71"}, [72]),
    ],
)
def test_a_position_may_be_known_by_each_ticket_of_its_lineage(told: dict[str, Any], tickets: list[int]) -> None:
    assert lineage(intent(**told)) == tickets


@pytest.mark.parametrize("moment", ["2026-12-01T00:00:00Z", "2026-12-01T00:00:00.5+02:00"])
def test_an_expiry_with_its_offset_is_one(moment: str) -> None:
    assert fault(intent(Action.PLACE, expiry=moment)) is None


@pytest.mark.parametrize("moment", ["2026.12.01 00:00:00", "2026-12-01T00:00:00", "2026-13-01T00:00:00Z", "soon"])
def test_an_expiry_that_no_clock_can_read_is_named(moment: str) -> None:
    found = fault(intent(Action.PLACE, expiry=moment))
    assert found is not None
    assert found[0] == "$.expiry"
