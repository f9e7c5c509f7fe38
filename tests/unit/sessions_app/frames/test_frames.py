"""The payloads that say who is connected."""

from typing import Any

import msgspec
import pytest

from sessions_app.domain.decimals import decode_hook, to_builtins, to_json
from sessions_app.domain.frames import payloads
from sessions_app.domain.frames.payloads import Payload

EURUSD = {
    "name": "EURUSD",
    "digits": 5,
    "contract_size": "100000",
    "lots_min": "0.01",
    "lots_step": "0.01",
    "lots_max": "100",
}


def read(kind: type[Payload], content: dict[str, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(content), type=kind, dec_hook=decode_hook)


def refused_path(kind: type[Payload], content: dict[str, Any]) -> str:
    with pytest.raises(msgspec.ValidationError) as caught:
        read(kind, content)
    return str(caught.value).partition(" - at ")[2].strip("`")


def test_a_first_hello_says_nothing_at_all() -> None:
    hello = read(payloads.Hello, {})
    assert (hello.token, hello.epoch, hello.last_server_seq) == (None, None, 0)


def test_unknown_fields_are_ignored() -> None:
    assert read(payloads.StatusHeartbeat, {"mood": "fine"}) == payloads.StatusHeartbeat()


def test_an_init_request_brings_the_symbols_with_their_lots() -> None:
    request = read(payloads.InitRequest, {"currency": "USD", "symbols": [EURUSD]})
    assert request.margin_mode is payloads.MarginMode.HEDGING
    assert str(request.symbols[0].lots_step) == "0.01"


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({}, ""),
        ({"currency": ""}, "$.currency"),
        ({"currency": "US\x00D"}, "$.currency"),
        ({"currency": "USD", "margin_mode": "exchange"}, "$.margin_mode"),
        ({"currency": "USD", "money_decimals": 9}, "$.money_decimals"),
        ({"currency": "USD", "symbols": [EURUSD] * 2001}, "$.symbols"),
        ({"currency": "USD", "symbols": [EURUSD | {"digits": 16}]}, "$.symbols[0].digits"),
        ({"currency": "USD", "symbols": [EURUSD | {"lots_step": 0.01}]}, "$.symbols[0].lots_step"),
        ({"currency": "USD", "symbols": [EURUSD | {"lots_min": "-1"}]}, "$.symbols[0].lots_min"),
        ({"currency": "USD", "broker": "b" * 256}, "$.broker"),
    ],
)
def test_a_fault_of_an_init_request_is_named_by_its_path(content: dict[str, Any], path: str) -> None:
    assert refused_path(payloads.InitRequest, content) == path


def test_a_wished_interval_may_be_absurd_but_not_unbounded() -> None:
    def wish(seconds: int) -> dict[str, Any]:
        return {"currency": "USD", "heartbeat_interval_seconds": seconds}

    assert read(payloads.InitRequest, wish(-5)).heartbeat_interval_seconds == -5
    assert refused_path(payloads.InitRequest, wish(2**40)) == "$.heartbeat_interval_seconds"


def test_a_heartbeat_takes_money_as_strings_only() -> None:
    assert str(read(payloads.StatusHeartbeat, {"balance": "-12.50"}).balance) == "-12.50"
    assert refused_path(payloads.StatusHeartbeat, {"balance": 12.5}) == "$.balance"


def test_a_resend_request_calls_its_first_number_from() -> None:
    assert read(payloads.ResendRequest, {"from": 3, "to": 9}).from_ == 3
    assert to_builtins(payloads.ResendRequest(from_=3, to=9)) == {"from": 3, "to": 9}


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 0), (1, 2**53)])
def test_a_resend_request_asks_for_numbers_that_can_exist(first: int, last: int) -> None:
    assert refused_path(payloads.ResendRequest, {"from": first, "to": last}) in ("$.from", "$.to")


def test_an_alert_carries_no_null_character_and_no_novel() -> None:
    assert refused_path(payloads.ErrorAlert, {"code": "x", "message": "a\x00"}) == "$.message"
    assert refused_path(payloads.ErrorAlert, {"code": "x", "message": "a" * 1001}) == "$.message"


def test_what_has_its_usual_value_is_not_sent() -> None:
    assert to_json(payloads.ErrorAlert(code="malformed")) == b'{"code":"malformed"}'
    assert to_json(payloads.Ack(ack=0)) == b'{"ack":0}'


def test_a_payload_does_not_change_once_it_is_made() -> None:
    ack: Any = payloads.Ack(ack=1)
    with pytest.raises(AttributeError):
        ack.ack = 2
