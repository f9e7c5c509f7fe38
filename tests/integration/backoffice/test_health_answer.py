"""Health answers its title: is my money copied right now? Yes, no or partly, who is not, and what else is wrong."""

from datetime import timedelta
from typing import Any

import pytest

from backoffice.standings import Row
from backoffice.tenants.answer import Answer, answer, nobody
from tests import factories
from tests.factories.sessions import now


def row_of(name: str = "Broker:1", *, standing: str = "connected", **told: Any) -> Row:
    """A follower, or a master, as the page knows it."""
    account = factories.BrokerAccountFactory.build(claimed_as=name, suspended_at=told.pop("suspended_at", None))
    return Row(account, standing=standing, strategies=["Trend"], **told)


MASTER = row_of("Master:1")
ROWS = {MASTER.account.pk: MASTER}


def follower(name: str = "Broker:1", **told: Any) -> Row:
    return row_of(name, leaders=[MASTER.account.pk], **told)


def told(found: Answer) -> tuple[str, str]:
    return found.level, found.text


def answered(*followers: Row) -> tuple[str, str]:
    return told(answer(followers, ROWS, [MASTER]))


AWAY = {"standing": "offline", "silence": timedelta(minutes=5)}


def test_all_who_are_copied_are_a_yes() -> None:
    assert answered(follower()) == ("ok", "Yes: 1 follower is copied.")
    assert answered(follower(), follower()) == ("ok", "Yes: all 2 followers are copied.")
    assert answered(follower(denied=2)) == (
        "idle",
        "Yes, but not every trade: 1 follower is copied. 2 copies were denied today: “Denied today” leads to why.",
    )


def test_one_who_is_not_copied_is_named_and_the_rest_is_not_dropped() -> None:
    bad = follower("Lost:1", open_copies=2, **AWAY)
    why = "offline with 2 open copies, last heard 5 min ago"
    assert answered(bad) == ("bad", f"No: Lost:1 is not copied: {why}.")
    assert answered(bad, follower(), follower()) == (
        "bad",
        f"Partly: 2 of 3 followers are copied. Lost:1 is not: {why}.",
    )


def test_one_who_was_never_heard_is_said_to_be_so_and_his_name_stays_a_name() -> None:
    found = answer([follower("<b>:1", standing="offline")], ROWS, [MASTER])
    assert found.text == "No: <b>:1 is not copied: offline, never heard."
    assert found.html == "No: <bdi>&lt;b&gt;:1</bdi> is not copied: offline, never heard."


def test_several_who_are_not_copied_are_counted_by_their_reasons() -> None:
    lost = [follower("Lost:1", open_copies=open_copies, **AWAY) for open_copies in (2, 0)]
    stuck = follower(undelivered=3, oldest=timedelta(minutes=2))
    paused = row_of(paused=1)
    suspended = follower(suspended_at=now())
    why = "2 out of reach with 2 open copies, 1 paused or switched off by people"
    assert answered(*lost, paused) == ("bad", f"No: none of 3 followers is copied: {why}.")
    assert answered(*lost, paused, follower(), stuck, suspended) == (
        "bad",
        f"Partly: 1 of 6 followers are copied. 5 are not: {why}, 1 whose commands nobody fetches, 1 suspended.",
    )


def test_other_troubles_are_told_beside_the_answer() -> None:
    level, words = answered(follower(unprotected=1, failed=2), follower(unprotected=1, differences=1))
    assert level == "bad"
    assert words == (
        "Yes: all 2 followers are copied. 2 open copies have no stop loss at their brokers. 2 commands failed today. "
        "1 difference between books."
    )


def test_a_master_who_is_away_makes_it_a_no_or_partly() -> None:
    away = row_of("Away:1", standing="offline", depending=3)
    rows = {**ROWS, away.account.pk: away}
    alone = row_of(leaders=[away.account.pk])
    differing = row_of(leaders=[away.account.pk], differences=1)
    assert answer([differing], rows, []).text == "No: Broker:1 is not copied: its master is away, 1 difference."
    both = row_of(leaders=[away.account.pk, MASTER.account.pk])
    missed = "1 master with 3 open copies at followers cannot be reached."
    assert told(answer([alone], rows, [MASTER, away])) == (
        "warning",
        f"No: Broker:1 is not copied: its master is away. {missed}",
    )
    assert told(answer([both], rows, [MASTER, away])) == (
        "warning",
        f"Partly: 1 follower is copied, but not of everything that it follows. {missed}",
    )
    away.depending = 0
    assert "1 master is away: nothing new is copied from there." in answer([both], rows, [MASTER, away]).text


@pytest.mark.parametrize(
    ("accounts", "strategies", "first"),
    [
        (False, False, "First the accounts are registered."),
        (True, False, "First who runs this gateway makes a strategy of a master's account."),
        (True, True, "First make a subscription."),
    ],
)
def test_where_nobody_follows_it_says_what_comes_first(accounts: bool, strategies: bool, first: str) -> None:
    said = f"No: no account follows a strategy yet. {first}"
    assert told(nobody(accounts=accounts, strategies=strategies)) == ("idle", said)
