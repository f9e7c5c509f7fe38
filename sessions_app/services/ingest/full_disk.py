"""Whether the last attempt of this process to store frames found no room: `/readyz` says so, and an alert follows."""

from typing import Final

from sessions_app.domain.alerts import AlertCode
from sessions_app.services.operations import alerts

SUBJECT: Final = "database"
_TEXT: Final = "frames could not be stored: EAs were told to send them again later"
_full: Final[set[str]] = set()


def found() -> None:
    """A statement failed for want of room."""
    _full.add(SUBJECT)


def is_full() -> bool:
    """Whether nothing has been stored since."""
    return SUBJECT in _full


def over() -> None:
    """Something was stored: now the alert can be, too. Costs nothing when all was well."""
    if SUBJECT in _full:
        alerts.report_alert(code=AlertCode.DISK_FULL, text=_TEXT, subject=SUBJECT)
        _full.discard(SUBJECT)
