"""The text of a mail about alerts. What EAs, brokers and people wrote stands in its body alone, on lines of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sessions_app.domain.alerts import ALERTS, AlertCode
from sessions_app.domain.frames.payloads import Severity
from sessions_app.domain.texts import legible

MOST_TOLD: Final = 50
_LONGEST_NAME: Final = 40
_WORST_FIRST: Final = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as a mail tells it. `over_at`: the fact has ended by itself; `seen_as`: who has acknowledged it."""

    code: AlertCode
    text: str
    account: str
    first_at: datetime
    times: int
    over_at: datetime | None = None
    seen_as: str = ""

    @property
    def severity(self) -> Severity:
        return ALERTS[self.code][0]


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    body: str


def letter(told: Sequence[Told], *, place: str, zone: ZoneInfo, link: str) -> Letter:
    """The mail about these alerts: those that stand first, the worst first. `place`: the tenant's name."""
    ordered = sorted(told, key=lambda one: (one.over_at is not None, _WORST_FIRST.index(one.severity), one.first_at))
    shown = [_paragraph(one, zone) for one in ordered[:MOST_TOLD]]
    more = len(ordered) - len(shown)
    lines = [*shown, *([f"And {more} more: they stand on the page of alerts."] if more else [])]
    lines.append(f"All alerts: {link}" if link else "All alerts stand on the page of alerts.")
    lines.append("Which of them come by mail, and when, is chosen on that page.")
    return Letter(f"[{_short(place)}] {_headline(ordered)}", "\n\n".join(lines) + "\n")


def trial(*, zone: ZoneInfo) -> Letter:
    """The mail that a person sends to himself."""
    body = f"Mails about alerts reach you. Their times are those of {zone.key}.\n"
    return Letter("EA Gateway: a mail to try it", body)


def _headline(told: Sequence[Told]) -> str:
    """Words of ours alone."""
    standing = [one for one in told if one.over_at is None]
    if len(told) == 1:
        name = told[0].code.replace("_", " ")
        return f"{told[0].severity.value}: {name}" if standing else f"over: {name}"
    if not standing:
        return f"{len(told)} alerts are over"
    critical = sum(one.severity is Severity.CRITICAL for one in standing)
    worst = f", {critical} critical" if critical else ""
    ended = len(told) - len(standing)
    return f"{len(standing)} alert{'s' if len(standing) != 1 else ''}{worst}" + (f", {ended} over" if ended else "")


def _paragraph(one: Told, zone: ZoneInfo) -> str:
    over = f"OVER since {_clock(one.over_at, zone)}: " if one.over_at else ""
    seen = f", acknowledged by {legible(one.seen_as)}" if one.seen_as else ""
    lines = [
        f"{over}{one.severity.value.upper()} {one.code.replace('_', ' ')}, since {_clock(one.first_at, zone)}"
        + (f", {one.times} times" if one.times > 1 else "")
        + seen,
        *([f"  Account: {legible(one.account)}"] if one.account else []),
        f"  What: {legible(one.text)}",
        f"  Meaning: {ALERTS[one.code][1]}",
    ]
    return "\n".join(lines)


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}"


def _short(place: str) -> str:
    name = legible(" ".join(place.split()))
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
