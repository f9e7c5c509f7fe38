"""The application's figures of an account, whatever its callback returns: a heartbeat goes out all the same."""

import inspect
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from eagateway_sdk.frames import StatusHeartbeat

log = logging.getLogger(__name__)

_MONEY: Final = frozenset({"balance", "equity", "margin", "free_margin"})
_DIGITS: Final = 15


class Funds:
    """Calls `ask` for each heartbeat. What of its answer no heartbeat can carry is left out, and told once, until an
    answer is right again: a silent account would be taken for a dead terminal.
    """

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._told = False

    def __call__(self) -> StatusHeartbeat:
        try:
            answer = self._ask()
        except Exception as error:  # noqa: BLE001 - the application's own
            self._tell(repr(error), error)
            return StatusHeartbeat()
        if not isinstance(answer, StatusHeartbeat):
            if inspect.iscoroutine(answer):
                answer.close()
            self._tell(f"it returned {type(answer).__name__}, not StatusHeartbeat")
            return StatusHeartbeat()
        faults = dict(_faults(answer))
        if not faults:
            self._told = False
            return answer
        self._tell(", ".join(f"{field} {why}" for field, why in faults.items()))
        return msgspec.structs.replace(answer, **{field: _mended(field, getattr(answer, field)) for field in faults})

    def _tell(self, why: str, error: Exception | None = None) -> None:
        if not self._told:
            log.error("client.funds_unusable: %s", why, exc_info=error)
        self._told = True


def _faults(beat: StatusHeartbeat) -> Iterator[tuple[str, str]]:
    for name in beat.__struct_fields__:
        value = getattr(beat, name)
        if value is not None and not _fits(name, value):
            yield name, f"is {value!r:.60}" + (", not a finite Decimal" if name in _MONEY else "")


def _fits(name: str, value: object) -> bool:
    if name in _MONEY:
        return isinstance(value, Decimal) and value.is_finite() and value.adjusted() < _DIGITS
    try:
        msgspec.convert({name: value}, StatusHeartbeat)
    except (msgspec.ValidationError, TypeError):
        return False
    return not isinstance(value, int) or value >= 0


def _mended(name: str, value: Any) -> Decimal | None:
    """A float's digits are what was meant; everything else is left out."""
    if name in _MONEY and isinstance(value, int | float) and not isinstance(value, bool):
        read = Decimal(str(value))
        return read if _fits(name, read) else None
    return None
