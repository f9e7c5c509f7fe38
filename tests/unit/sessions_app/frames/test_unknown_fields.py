"""A name that no field has, near one that there is, is told; all others are ignored as ever."""

import json
from typing import Any

import pytest

from orders.domain.wire.intents import OrderIntent
from sessions_app.domain.decimals import to_json
from sessions_app.domain.frames.payloads import Ack, Payload, StatusHeartbeat
from sessions_app.domain.frames.unknown_fields import MOST, slips, strict
from sessions_app.transport.inbound.decoding import decode_payload

OPEN: dict[str, Any] = {
    "action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.1",
}  # fmt: skip


def text(**more: Any) -> bytes:
    return json.dumps(OPEN | more).encode()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("stoploss", "sl"), ("StopLoss", "sl"), ("stop_loss", "sl"), ("SL", "sl"), ("takeProfit", "tp"),
        ("volume", "lots"), ("lot", "lots"), ("positionId", "position_id"), ("orderType", "order_type"),
        ("tickets", "ticket"), ("type", "side"), ("magicNumber", "magic"), ("coment", "comment"),
        ("remaining-lots", "remaining_lots"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_the_name_that_is_meant(name: str, meant: str) -> None:
    [note] = slips(OrderIntent, text(**{name: "1.08"}))
    assert (note.code, note.path) == ("unknown_field", f"$.{name}")
    assert note.what == f"there is no such field: did you mean `{meant}`?"


@pytest.mark.parametrize("name", ["strategy_tag", "x", "leverage", "\u0001sl", "s" * 5000, "", "bro ker"])
def test_what_is_near_to_nothing_is_ignored(name: str) -> None:
    assert slips(OrderIntent, text(**{name: 1})) == ()


def test_known_names_are_no_slips() -> None:
    assert slips(OrderIntent, text(sl="1.0", tp=None)) == ()
    assert slips(StatusHeartbeat, b'{"balance":"1"}') == ()


def test_of_a_frame_full_of_slips_a_few_are_searched_for_and_told() -> None:
    slip = {f"stoploss{'_' * number}": 1 for number in range(30)}
    assert len(slips(OrderIntent, text(**slip))) == MOST
    unheard = {f"unheard{number}": 1 for number in range(MOST)}
    assert slips(OrderIntent, text(**unheard, **slip)) == ()


def test_what_is_no_object_has_no_names() -> None:
    for raw in (b"[]", b"7", b"{", b'{"a'):
        assert slips(OrderIntent, raw) == ()


def test_a_sound_frame_is_read_in_one_go_and_a_slip_shows_in_the_type_alone() -> None:
    sound, odd = decode_payload(OrderIntent, text()), decode_payload(OrderIntent, text(stoploss="1.0"))
    assert type(sound) is strict(OrderIntent)
    assert type(odd) is OrderIntent
    assert isinstance(sound, OrderIntent)
    assert to_json(sound) == to_json(odd)


@pytest.mark.parametrize("kind", [OrderIntent, StatusHeartbeat, Ack])
def test_the_strict_kind_has_the_same_fields(kind: type[Payload]) -> None:
    assert strict(kind).__struct_encode_fields__ == kind.__struct_encode_fields__
    assert strict(kind).__name__ == kind.__name__
    assert strict(kind) is strict(kind)
