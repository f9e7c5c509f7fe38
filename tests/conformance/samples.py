"""A payload of every frame type that an EA may send after Hello, each valid."""

from collections.abc import Mapping
from typing import Any, Final

from tests.conformance.ea import INIT, opening

_ID: Final = "01a20b2a-6e38-77f0-8ffe-a8b3120c73be"
_MOMENT: Final = "2026-11-23T04:00:00.123Z"
_PLACE: Final = {"symbol": "EURUSD", "side": "buy", "lots": "0.1", "price": "1.1"}

SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "InitRequest": INIT,
    "StatusHeartbeat": {"balance": "10000", "terminal_time": _MOMENT},
    "OrderIntent": opening(1, sl="1.05", tp="1.2"),
    "ExecutionReport": {"status": "closed", "cause": "manual", "ticket": 7, "lots": "0.1"},
    "SyncSnapshot": {
        "phase": "report",
        "positions": [{"ticket": 1, **_PLACE}],
        "working_orders": [{"ticket": 2, "order_type": "limit", **_PLACE}],
        "quotes": [{"symbol": "EURUSD", "bid": "1.1", "ask": "1.2"}],
    },
    "ErrorAlert": {"code": "ea_trouble", "message": "no trade context"},
    "ShutdownNotice": {"reason": "terminal_closed"},
    "ResendRequest": {"from": 1, "to": 1},
    "GapFill": {"next": 2},
    "Ack": {"ack": 0},
    "Poll": {"hold_ms": 0},
}
