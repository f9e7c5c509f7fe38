"""Recordings made by the tests themselves."""

import json
from typing import Any

from eagateway_sdk.paper import AccountInfo, Recording
from eagateway_sdk.paper.recording import read_account

SYMBOL = {"digits": 5, "contract_size": "100000", "lots_min": "0.01", "lots_step": "0.01", "lots_max": "50"}


def account(**changes: Any) -> AccountInfo:
    content: dict[str, Any] = {
        "currency": "USD", "money_decimals": 2, "leverage": 500, "starting_balance": None,
        "time_zone": "Etc/GMT-3", "symbols": {"EURUSD": SYMBOL, "XAUUSD": SYMBOL | {"digits": 2}},
    }  # fmt: skip
    return read_account(content | changes)


def line(ev: str, ticket: int, second: int = 0, **fields: Any) -> str:
    """One event with the usual fields, changed as told; a field set to ... is left out."""
    usual: dict[str, dict[str, Any]] = {
        "balance": {"amount": "1000.00"},
        "open": {"type": "buy", "lots": "0.10", "symbol": "EURUSD", "price": "1.10000", "sl": "0.00000",
                 "tp": "0.00000", "magic": None},
        "place": {"type": "buy limit", "lots": "0.10", "symbol": "EURUSD", "price": "1.10000", "sl": "0.00000",
                  "tp": "0.00000"},
        "activate": {"type": "buy", "lots": "0.10", "symbol": "EURUSD", "price": "1.10000", "sl": "0.00000",
                     "tp": "0.00000", "magic": None},
        "modify": {"symbol": "EURUSD", "price": "1.10200", "sl": "1.09000", "tp": "1.12000"},
        "partial_close": {"lots": "0.04", "price": "1.10500", "commission": "-0.28", "taxes": "0.00",
                          "swap": "0.00", "profit": "20.00"},
        "close": {"lots": "0.10", "symbol": "EURUSD", "price": "1.10500", "commission": "-0.70", "taxes": "0.00",
                  "swap": "-0.11", "profit": "50.00", "comment": ""},
        "cancel": {"state": "deleted"},
        "summary": {"commission": "-1.00", "taxes": "0.00", "swap": "0.50", "profit": "7.00"},
    }  # fmt: skip
    time = f"2026.03.02 10:{second // 60:02}:{second % 60:02}"
    content = {"t": time, "ev": ev, "ticket": ticket} | usual[ev] | fields
    return json.dumps({name: value for name, value in content.items() if value is not ...})


def recording(*lines: str, **changes: Any) -> Recording:
    return Recording.of_lines(account(**changes), lines)
