"""Is my money copied right now? The answer in words: yes, no or partly, who is not, and whatever else is wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from backoffice.foreign import foreign, legible
from backoffice.standings import Row, partly_line


class Answer(NamedTuple):
    """How bad it is, the answer, in which `{}` stands for the name of the one account that it is about, and what else
    is to be said."""

    level: str
    answer: str
    more: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        return f"{self.answer.format(legible(self.name))} {self.more}".rstrip()

    @property
    def html(self) -> SafeString:
        return format_html(self.answer, foreign(self.name))


def answer(followers: Sequence[Row], rows: Mapping[UUID, Row], masters: Sequence[Row]) -> Answer:
    """How the followers stand. `rows`: of all accounts, masters too, by their ids."""
    without = {row.account.pk: why for row in followers if (why := _why_not(row, rows))}
    apart = [row for row in followers if row.account.pk not in without and _is_partial(row, rows)]
    denied = sum(row.denied for row in followers)
    named = next(row for row in followers if row.account.pk in without) if len(without) == 1 else None
    others = [row for row in followers if row is not named]
    lead = _lead(followers, without, named, apart=bool(apart), denied=bool(denied))
    more = [
        *_troubles(others),
        _missed(masters, apart, rows),
        partly_line(apart),
        _denials(denied),
    ]
    level = "warning" if without or apart else "idle" if denied else "ok"
    worst = {row.level for row in followers} | {"warning" for row in masters if row.is_missed}
    level = next((one for one in ("bad", "warning") if one in worst), level)
    return Answer(level, lead, " ".join(filter(None, more)), named.account.claimed_as if named else "")


def nobody(*, accounts: bool, strategies: bool) -> Answer:
    """The answer where no account follows anything, with what comes first."""
    if not accounts:
        first = gettext("First the accounts are registered.")
    elif not strategies:
        first = gettext("First who runs this gateway makes a strategy of a master's account.")
    else:
        first = gettext("First make a subscription.")
    return Answer("idle", gettext("No: no account follows a strategy yet."), first)


# Who is not ----------------------------------------------------------------------------------------------------------


def _why_not(row: Row, rows: Mapping[UUID, Row]) -> str:
    """The first reason for which nothing new is copied to a follower; none for one to whom it is."""
    if row.standing != "connected":
        return "away"
    if row.account.suspended_at is not None:
        return "suspended"
    if row.is_stuck:
        return "stuck"
    if row.is_paused:
        return "paused"
    return "" if any(rows[master].standing == "connected" for master in row.leaders) else "alone"


def _is_partial(row: Row, rows: Mapping[UUID, Row]) -> bool:
    """Whether something is copied to it, and something else is not."""
    return row.paused > 0 or any(rows[master].standing != "connected" for master in row.leaders)


def _lead(
    followers: Sequence[Row], without: Mapping[UUID, str], named: Row | None, *, apart: bool, denied: bool
) -> str:
    count, copied = len(followers), len(followers) - len(without)
    said: dict[str, Any] = {"count": count, "copied": copied, "without": len(without)}
    if named is not None:
        said |= {"name": "{}", "why": _in_words(named, without[named.account.pk])}
        one = gettext("No: %(name)s is not copied: %(why)s.")
        some = gettext("Partly: %(copied)s of %(count)s followers are copied. %(name)s is not: %(why)s.")
        return (some if copied else one) % said
    if without:
        said["why"] = ", ".join(_counted(followers, without))
        none = gettext("No: none of %(count)s followers is copied: %(why)s.")
        some = gettext("Partly: %(copied)s of %(count)s followers are copied. %(without)s are not: %(why)s.")
        return (some if copied else none) % said
    if apart:
        words = ngettext(
            "Partly: %(count)d follower is copied, but not of everything that it follows.",
            "Partly: %(count)d followers are copied, but not of everything that they follow.",
            count,
        )
    elif denied:
        words = ngettext(
            "Yes, but not every trade: %(count)d follower is copied.",
            "Yes, but not every trade: all %(count)d followers are copied.",
            count,
        )
    else:
        words = ngettext("Yes: %(count)d follower is copied.", "Yes: all %(count)d followers are copied.", count)
    return words % said


def _in_words(row: Row, why: str) -> str:
    """All that is wrong with one follower: first what keeps trades from it."""
    said = [words for _, words in row.troubles]
    if why == "away":
        heard = gettext("never heard") if row.silence is None else gettext("last heard %(heard)s")
        said.append(heard % {"heard": row.heard})
    first = gettext("its master is away") if why == "alone" else row.pause if why == "paused" else ""
    also = row.pause if why != "paused" else ""
    return ", ".join(filter(None, [first, *said, also]))


def _counted(followers: Sequence[Row], without: Mapping[UUID, str]) -> Iterator[str]:
    """How many followers are not copied, for each reason."""
    copies = sum(row.open_copies for row in followers if without.get(row.account.pk) == "away")
    for why, count in Counter(without.values()).items():
        words = {
            "away": gettext("%(count)s out of reach"),
            "suspended": gettext("%(count)s suspended"),
            "stuck": gettext("%(count)s whose commands nobody fetches"),
            "paused": gettext("%(count)s paused or switched off by people"),
            "alone": gettext("%(count)s whose master is away"),
        }[why]  # fmt: skip
        said = words % {"count": count}
        if why == "away" and copies:
            held = _n("%(count)d open copy", "%(count)d open copies", copies)
            said = gettext("%(followers)s with %(copies)s") % {"followers": said, "copies": held}
        yield said


# What else is wrong --------------------------------------------------------------------------------------------------


def _troubles(rows: Sequence[Row]) -> Iterator[str]:
    """What else there is to look at, of all but the one whose troubles are told already."""
    bare, failed, differences = (
        sum(getattr(row, name) for row in rows) for name in ("unprotected", "failed", "differences")
    )
    if bare:
        yield _n(
            "%(count)d open copy has no stop loss at its broker.",
            "%(count)d open copies have no stop loss at their brokers.",
            bare,
        )
    if failed:
        yield _n("%(count)d command failed today.", "%(count)d commands failed today.", failed)
    if differences:
        yield _n("%(count)d difference between books.", "%(count)d differences between books.", differences)


def _missed(masters: Sequence[Row], apart: Sequence[Row], rows: Mapping[UUID, Row]) -> str:
    """What is to be said of masters who are away: a close that one makes by phone reaches none of his followers."""
    missed = [row for row in masters if row.is_missed]
    also = {master for row in apart for master in row.leaders if rows[master].standing != "connected"}
    away = len(also - {row.account.pk for row in missed})
    said = []
    if missed:
        copies = _n("%(count)d open copy", "%(count)d open copies", sum(row.depending for row in missed))
        words = ngettext(
            "%(count)d master with %(copies)s at followers cannot be reached.",
            "%(count)d masters with %(copies)s at followers cannot be reached.",
            len(missed),
        )
        said.append(words % {"count": len(missed), "copies": copies})
    if away:
        said.append(
            _n(
                "%(count)d master is away: nothing new is copied from there.",
                "%(count)d masters are away: nothing new is copied from there.",
                away,
            )
        )
    return " ".join(said)


def _denials(denied: int) -> str:
    if not denied:
        return ""
    return _n(
        "%(count)d copy was denied today: “Denied today” leads to why.",
        "%(count)d copies were denied today: “Denied today” leads to why.",
        denied,
    )


def _n(one: str, many: str, count: int) -> str:
    return ngettext(one, many, count) % {"count": count}
