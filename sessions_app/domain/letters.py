"""The text of a mail about alerts. What EAs, brokers and people wrote stands in its body alone, on lines of ours. The
subject names an account where its name is one that no sentence can be made of."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sessions_app.domain.alerts import ALERTS, AlertCode
from sessions_app.domain.frames.payloads import Severity
from sessions_app.domain.texts import legible

MOST_TOLD: Final = 50
_LONGEST_NAME: Final = 40
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}:[A-Za-z0-9]{1,32}")
"""As brokers call their servers. Strangers may claim other names; those stand in the body."""
_WORST_FIRST: Final = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)


Say = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Tongue:
    """How texts of ours are said in somebody's language. `count`: one of two texts, by a number."""

    say: Say
    count: Callable[[str, str, int], str]


ENGLISH: Final = Tongue(str, lambda one, many, number: one if number == 1 else many)


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


def letter(told: Sequence[Told], *, place: str, zone: ZoneInfo, link: str, tongue: Tongue = ENGLISH) -> Letter:
    """The mail about these alerts: those that stand first, the worst first. `place`: the tenant's name."""
    say = tongue.say
    ordered = sorted(told, key=lambda one: (one.over_at is not None, _WORST_FIRST.index(one.severity), one.first_at))
    shown = [_paragraph(one, zone, say) for one in ordered[:MOST_TOLD]]
    more = len(ordered) - len(shown)
    lines = [
        *shown,
        *([say("And %(count)s more: they stand on the page of alerts.") % {"count": more}] if more else []),
    ]
    lines.append(
        say("All alerts: %(link)s") % {"link": link} if link else say("All alerts stand on the page of alerts.")
    )
    lines.append(say("Which of them come by mail, and when, is chosen on that page."))
    subject = f"[{_short(place)}] {_headline(ordered, tongue)}{_about(ordered, tongue)}"
    return Letter(subject, "\n\n".join(lines) + "\n")


def trial(*, zone: ZoneInfo, tongue: Tongue = ENGLISH) -> Letter:
    """The mail that a person sends to himself."""
    say = tongue.say
    body = say("Mails about alerts reach you. Their times are those of %(zone)s.") % {"zone": zone.key}
    return Letter(say("EA Gateway: a mail to try it"), f"{body}\n")


def _headline(told: Sequence[Told], tongue: Tongue) -> str:
    """Words of ours alone."""
    say, count = tongue.say, tongue.count
    standing = [one for one in told if one.over_at is None]
    if len(told) == 1:
        name = told[0].code.replace("_", " ")
        return f"{told[0].severity.value}: {name}" if standing else say("over: %(name)s") % {"name": name}
    if not standing:
        return say("%(count)s alerts are over") % {"count": len(told)}
    critical = sum(one.severity is Severity.CRITICAL for one in standing)
    worst = say(", %(count)s critical") % {"count": critical} if critical else ""
    ended = len(told) - len(standing)
    stand = count("%(count)s alert", "%(count)s alerts", len(standing)) % {"count": len(standing)}
    return f"{stand}{worst}" + (say(", %(count)s over") % {"count": ended} if ended else "")


def _about(told: Sequence[Told], tongue: Tongue) -> str:
    """Which account it is about: that of the worst alert, and how many others there are."""
    accounts = dict.fromkeys(one.account for one in told if one.account)
    named = next((name for name in accounts if _ACCOUNT.fullmatch(name)), None)
    if named is None:
        return ""
    others = len(accounts) - 1
    if not others:
        return f", {named}"
    and_others = tongue.count(
        "%(account)s and %(count)s other account", "%(account)s and %(count)s other accounts", others
    )
    return f", {and_others % {'account': named, 'count': others}}"


def _paragraph(one: Told, zone: ZoneInfo, say: Say) -> str:
    over = say("OVER since %(time)s: ") % {"time": _clock(one.over_at, zone)} if one.over_at else ""
    seen = say(", acknowledged by %(person)s") % {"person": legible(one.seen_as)} if one.seen_as else ""
    since = say(", since %(time)s") % {"time": _clock(one.first_at, zone)}
    lines = [
        f"{over}{one.severity.value.upper()} {one.code.replace('_', ' ')}{since}"
        + (say(", %(count)s times") % {"count": one.times} if one.times > 1 else "")
        + seen,
        *([f"  {say('Account')}: {legible(one.account)}"] if one.account else []),
        f"  {say('What')}: {legible(one.text)}",
        f"  {say('Meaning')}: {say(ALERTS[one.code][1])}",
    ]
    return "\n".join(lines)


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}"


def _short(place: str) -> str:
    name = legible(" ".join(place.split()))
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
