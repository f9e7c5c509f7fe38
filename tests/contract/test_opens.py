"""The SDK's own look at what opens, and the gateway's: neither lets through what the other one refuses."""

import pytest
from eagateway_sdk import Action, OrderIntent, Unsendable
from eagateway_sdk.bounds import check_intent
from eagateway_sdk.envelope import payload_json
from msgspec.structs import replace

from orders.domain.wire import intents
from sdk.python.tests.test_bounds import FAULTS, FINE, OPEN
from sessions_app.domain.problems import Refused
from sessions_app.transport.inbound.decoding import decode_payload


def taken_by_the_sdk(intent: OrderIntent) -> bool:
    try:
        check_intent(intent)
    except Unsendable:
        return False
    return True


def taken_by_the_gateway(intent: OrderIntent) -> bool:
    try:
        payload = decode_payload(intents.OrderIntent, payload_json(replace(intent, comment=None)))
    except (Refused, ValueError):
        return False
    return intents.fault(payload) is None


@pytest.mark.parametrize(("field", "value"), FAULTS + FINE)
def test_both_agree_about_an_open(field: str, value: object) -> None:
    intent = replace(OPEN, **{field: value})
    assert taken_by_the_sdk(intent) == taken_by_the_gateway(intent)
    assert OPEN.action is Action.OPEN
