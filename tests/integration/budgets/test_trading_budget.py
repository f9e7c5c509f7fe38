"""What an intent, its reports, a heartbeat, a resume and a new session may cost, whatever the number of followers.

The bounds are the design's. One that is not kept yet is expected to fail, with what it is today; once it is kept, that
test fails, so that the change which keeps it takes the mark away.
"""

from collections.abc import Mapping
from functools import cache
from time import monotonic
from typing import Any, Final

import pytest
from django.db import connection

from orders import queries as order_queries
from orders.models import Command
from sessions_app.domain.decimals import Money
from sessions_app.domain.frames.payloads import Hello, StatusHeartbeat
from sessions_app.models import EaSession
from sessions_app.services.ingest import batches, beats
from sessions_app.services.ingest.beats import Beat
from sessions_app.services.lifecycle import resuming
from tests.integration.counting import Cost, counted
from tests.integration.trading import Desk, open_session, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
FEW: Final = 10
MANY: Final = 100
Costs = dict[str, Cost]
# Instances are those that a model's constructor makes. Rows of the hot path are made by `light`, without it.

# Each is for MANY followers. One round trip is one call: the sessions and known frames; the followers' lock and what
# decisions read; the writes with the COMMIT. Another one is the test's own, which asks for its session's fence.
AT_MOST: Final = {
    ("open", "commits"): 1,
    ("open", "hops"): 0,
    ("open", "messages"): 0,
    ("open", "calls"): 4,
    ("open", "instances"): 10,
    ("open", "encodes"): 10,
    ("close", "commits"): 1,
    ("close", "calls"): 4,
    ("close", "instances"): 10,
    ("close", "encodes"): 10,
    ("reports", "commits"): 1,
    ("reports", "hops"): 0,
    ("reports", "messages"): 0,
    ("reports", "calls"): 3,
    ("reports", "instances"): 10,
    ("reports", "encodes"): 10,
    # Of all links together, once a sweep: a link's answer has no SQL. The locks; the writes with the COMMIT.
    ("heartbeats", "calls"): 2,
    ("heartbeats", "commits"): 1,
    ("heartbeats", "instances"): 0,
    ("resume", "calls"): 2,
    ("resume", "commits"): 1,
    # The proof, clock, account and windows; the session's rows, the turn and the living sessions; the account and what
    # is told of it; all writes; what was held; the session as it is. It was 27.
    ("session", "calls"): 6,
    ("session", "commits"): 1,
}
# What must not be more at MANY followers than at FEW. On SQLite a row is a statement.
FLAT: Final = [
    (work, figure)
    for work in ("open", "close", "reports")
    for figure in ("calls", "statements", "instances", "encodes")
]
TODAY: Final[Mapping[tuple[str, str], str]] = {}
GROWS: Final[Mapping[tuple[str, str], str]] = {}


def _marked(cases: Any, today: Mapping[tuple[str, str], str]) -> list[Any]:
    """The cases; those that fail today as strict expected failures with the figure of today."""
    return [
        pytest.param(*case, marks=pytest.mark.xfail(reason=f"today {today[case]}", strict=True, raises=AssertionError))
        if case in today
        else pytest.param(*case)
        for case in cases
    ]


@pytest.mark.parametrize(("work", "figure"), _marked(AT_MOST, TODAY))
def test_it_costs_no_more_than_its_budget(work: str, figure: str) -> None:
    if figure == "calls" and connection.vendor == "sqlite":
        pytest.skip("a call of SQLite is no round trip")
    assert costs(MANY)[work].of(figure) <= AT_MOST[work, figure]


@pytest.mark.parametrize(("work", "figure"), _marked(FLAT, GROWS))
def test_it_does_not_grow_with_the_followers(work: str, figure: str) -> None:
    if figure in ("calls", "statements") and connection.vendor == "sqlite":
        pytest.skip("SQLite executes a statement for each row, and takes some hundred values in one")
    assert costs(MANY)[work].of(figure) <= costs(FEW)[work].of(figure)


@cache
def costs(followers: int) -> Costs:
    """Each kind of work once, after it has been done once uncounted. Kept for all tests of this file."""
    order_queries._shared_fields.cache_clear()  # the same orders for fewer followers may have been encoded before
    master = Desk.open(f"{followers}:1").introduce()
    desks = [Desk.open(f"{followers}:{number + 2}").introduce() for number in range(followers)]
    for desk in desks:
        subscribe(master, desk)
    master.buy(1)
    _report(desks, "filled")
    found: dict[str, Cost] = {}
    with counted() as found["open"]:
        master.buy(2)
    reports = _filled(desks, "filled")
    with counted() as found["reports"]:
        batches.store(arrivals=reports)
    with counted() as found["close"]:
        master.intend("close", 1)
    return found | _living(desks)


def _living(desks: list[Desk]) -> Costs:
    """A heartbeat of everybody, as the sweep writes them; one resume, one new session."""
    found: dict[str, Cost] = {}
    money = StatusHeartbeat(balance=Money(1000), equity=Money(1000))
    beats.flush({desk.session.id: Beat(monotonic(), money) for desk in desks})
    newer = {desk.session.id: Beat(monotonic() + 2, money) for desk in desks}
    with counted() as found["heartbeats"]:
        beats.flush(newer)
    written = EaSession.objects.filter(id__in=newer, status__equity="1000", account__equity=1000)
    assert written.count() == len(desks)
    desks[0].hello()
    token = f"token of {desks[0].session.id}"  # as the Hello before has left it
    with counted() as found["resume"]:
        resuming.resume(token=token, hello=Hello())
    with counted() as found["session"]:
        open_session(desks[0].key)
    return found


def _report(desks: list[Desk], status: str) -> None:
    batches.store(arrivals=_filled(desks, status))


def _filled(desks: list[Desk], status: str) -> list[Any]:
    """A report from each follower about its newest command."""
    newest = dict(Command.objects.order_by("id").values_list("account_id", "id"))
    made = []
    for desk in desks:
        desk.seq += 1
        told = {"command_id": str(newest[desk.account.id]), "status": status, "ticket": desk.seq, "lots": "0.1"}
        made.append(desk.arrival("ExecutionReport", {**told, "price": "1.1", "balance": "1000"}, seq=desk.seq))
    return made
