"""Which alerts a person is mailed about, and when: his choices as values, and the moment that follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sessions_app.domain.alerts import ALERTS, AlertCode
from sessions_app.domain.frames.payloads import Severity

MORNING: Final = time(8)
UTC_ZONE: Final = ZoneInfo("UTC")


class MailMode(StrEnum):
    """How a person hears of one kind of alert."""

    AT_ONCE = "at_once"
    DIGEST = "digest"
    OFF = "off"


class MessageKind(StrEnum):
    """By which way a message goes out."""

    EMAIL = "email"


class MessagePurpose(StrEnum):
    """Why it is sent."""

    ALERTS = "alerts"
    TEST = "test"


class MessageState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


MESSAGE_MOVES: Final[Mapping[MessageState, frozenset[MessageState]]] = {
    MessageState.WAITING: frozenset({MessageState.SENDING}),
    # A process that died while it sent leaves the row here: it stays, with another deadline, and is sent again.
    MessageState.SENDING: frozenset(
        {MessageState.WAITING, MessageState.SENT, MessageState.GIVEN_UP, MessageState.DROPPED}
    ),
    MessageState.SENT: frozenset(),
    MessageState.GIVEN_UP: frozenset(),
    MessageState.DROPPED: frozenset(),
}
STANDING: Final = (MessageState.WAITING, MessageState.SENDING)
"""What is still to be sent."""

# Retries --------------------------------------------------------------------------------------------------------------

MOST_TRIES: Final = 10
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=1)


def wait_after(tries: int) -> timedelta | None:
    """How long to wait after so many tries that failed; None: give it up. The last of them is some three hours after
    the first."""
    if tries >= MOST_TRIES:
        return None
    doubled: int = 2 ** (tries - 1)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


# Choices --------------------------------------------------------------------------------------------------------------


def default_mode(code: AlertCode, *, acts: bool) -> MailMode:
    """What holds until a person chooses. `acts`: he may do something about alerts, and is not only a viewer."""
    if not acts:
        return MailMode.OFF
    return MailMode.AT_ONCE if ALERTS[code][0] is Severity.CRITICAL else MailMode.DIGEST


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person has chosen. `quiet`: from when until when, by his clock, no mail shall come; it may span midnight.
    `breaks_through`: alerts that are critical and chosen at once come also then."""

    modes: Mapping[AlertCode, MailMode] = field(default_factory=dict)
    zone: ZoneInfo = UTC_ZONE
    quiet: tuple[time, time] | None = None
    breaks_through: bool = False
    digest_at: time = MORNING
    acts: bool = True

    def mode(self, code: AlertCode) -> MailMode:
        """How he hears of this kind."""
        return self.modes.get(code) or default_mode(code, acts=self.acts)

    def due(self, code: AlertCode, now: datetime) -> datetime | None:
        """When he is mailed about such an alert that was seen now; None: never.

        Everything that is held back by the quiet hours is due at one moment, their end: it comes in one mail.
        """
        mode = self.mode(code)
        if mode is MailMode.OFF:
            return None
        at = now if mode is MailMode.AT_ONCE else _next(self.digest_at, now, self.zone)
        urgent = mode is MailMode.AT_ONCE and ALERTS[code][0] is Severity.CRITICAL and self.breaks_through
        return at if urgent else self._after_quiet(at)

    def _after_quiet(self, at: datetime) -> datetime:
        if self.quiet is None or not _within(at.astimezone(self.zone).time(), self.quiet):
            return at
        return _next(self.quiet[1], at, self.zone)


def _within(clock: time, span: tuple[time, time]) -> bool:
    start, end = span
    return start <= clock < end if start <= end else clock >= start or clock < end


def _next(clock: time, now: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after now at which a clock of this zone shows this time.

    On the day on which clocks are put forward over it, as much later as they were put forward.
    """
    today = now.astimezone(zone).date()
    moments = []
    for day in (0, 1, 2):
        wanted = datetime.combine(today + timedelta(days=day), clock)
        for fold in (0, 1):  # where clocks are put back, a time comes twice
            moment = wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            # One of the two that stand for a time inside a gap lies before it.
            if moment > now and moment.astimezone(zone).replace(tzinfo=None) >= wanted:
                moments.append(moment)
    return min(moments)
