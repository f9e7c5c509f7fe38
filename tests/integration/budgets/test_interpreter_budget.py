"""How many functions the interpreter calls for each follower more, in the ingest batch's transaction: what its CPU
follows, counted and so the same on every machine. And what of a follower is read with every trade.

A call of compiled code counts as one, as a call of a Python function does.
"""

import cProfile
import gc
import pstats
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import pytest
from django.db import connection
from django.db.models import F

from orders.domain.decision.settings import SETTINGS
from orders.models import Command, Decision, Subscription
from orders.services.intents import reading
from sessions_app import queries
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Pushed
from tests.integration.counting import counted
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
FEW: Final = 10
MANY: Final = 40
ROUND_TRIPS: Final = 3
"""The sessions and the frames that are known; the followers' lock and what decisions read; all writes with the COMMIT.
"""
# A tenth above what they are. An open was 479 and a close 438 when settings were read with each trade and rows were
# models.
A_FOLLOWER: Final = {"open": 231, "reports": 195, "close": 250}


@pytest.mark.lane("production")
@pytest.mark.parametrize("work", A_FOLLOWER)
def test_a_follower_more_is_few_calls_more(work: str) -> None:
    more = (_calls(MANY)[work] - _calls(FEW)[work]) / (MANY - FEW)
    assert more <= A_FOLLOWER[work]


@pytest.mark.lane("production")
def test_intents_of_two_masters_in_one_batch_lock_their_followers_once() -> None:
    floors = [_floor(2), _floor(2)]
    for master, _ in floors:
        master.buy(1)
    arrivals = []
    for master, _ in floors:
        master.seq += 1
        told = {"action": "open", "position_id": 2, "ticket": 2, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
        arrivals.append(master.arrival("OrderIntent", {**told, "price": "1.1"}, seq=master.seq))
    with counted() as cost:
        batches.store(arrivals=arrivals)
    locks = [text for text in cost.naming("sessions_app_brokeraccount") if "FOR NO KEY UPDATE" in text]
    assert len([text for text in locks if 'FROM "sessions_app_brokeraccount"' in text]) == 1
    assert Decision.objects.filter(intent__position_id=2, outcome="copied").count() == 4
    assert cost.of("calls") == ROUND_TRIPS


def test_settings_are_read_once_and_not_with_every_trade() -> None:
    master, desks = _floor(3)
    master.buy(1)
    with counted() as cost:
        master.buy(2)
    names = [f'"{row.name}"' for row in SETTINGS.rows if row.name in ("symbol_map", "filters", "repairs", "mode")]
    read = [text for text in cost.naming("orders_subscription") if any(name in _columns(text) for name in names)]
    assert len(names) == 4
    assert not read
    assert Decision.objects.filter(outcome="copied").count() == 2 * len(desks)


def test_changed_settings_count_from_the_next_trade_on_whoever_has_written_them() -> None:
    master, _ = _floor(2)
    master.buy(1)
    changed = Subscription.objects.order_by("id")[0]
    # By hand: no version is counted.
    Subscription.objects.filter(id=changed.id).update(mode="fixed_lots", lots="0.7")
    master.buy(2)
    Subscription.objects.filter(id=changed.id).update(version=F("version") + 1, lots="0.8")
    master.buy(3)
    lots = Command.objects.filter(decision__subscription=changed).order_by("id").values_list("lots", flat=True)
    assert [str(item.normalize()) for item in lots if item is not None] == ["0.1", "0.7", "0.8"]


def test_what_is_kept_of_settings_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_RULES_KEPT", 5)
    reading._kept.clear()
    master, _ = _floor(4)
    other, _ = _floor(4)
    for number in (1, 2):
        master.buy(number)
        other.buy(number)
    assert len(reading._kept) <= 5
    assert Decision.objects.filter(outcome="copied").count() == 16


def _columns(text: str) -> str:
    """What a statement reads; on SQLite the marks of the rows are made of their settings, there."""
    return text.partition(" FROM ")[0] if connection.vendor == "postgresql" else text.partition("json_array")[0]


_floors: Final[list[int]] = []


def _floor(followers: int) -> tuple[Desk, list[Desk]]:
    _floors.append(followers)
    house = f"calls{len(_floors)}"
    master = Desk.open(f"{house}:m").introduce()
    desks = [Desk.open(f"{house}:{number}").introduce() for number in range(followers)]
    for desk in desks:
        subscribe(master, desk)
    return master, desks


@cache
def _calls(followers: int) -> dict[str, int]:
    master, desks = _floor(followers)
    for number in (1, 2):  # statements are compiled, and settings and terminals known
        master.buy(number)
        batches.store(arrivals=_reports(desks, "filled"))
        master.intend("close", number)
        batches.store(arrivals=_reports(desks, "closed"))
    found = {"open": _counted(lambda: master.buy(3))}
    filled = _reports(desks, "filled")
    found["reports"] = _counted(lambda: batches.store(arrivals=filled))
    found["close"] = _counted(lambda: master.intend("close", 3))
    return found


def _counted(work: Callable[[], Any]) -> int:
    gc.disable()  # what is collected meanwhile calls functions of its own
    profile = cProfile.Profile()
    try:
        profile.runcall(work)
    finally:
        gc.enable()
    total: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    return total


def _reports(desks: Sequence[Desk], status: str) -> list[Arrival]:
    """A report of each follower's newest command, which acknowledges it."""
    newest = {row.account_id: row for row in Command.objects.filter(state="queued").order_by("id")}
    now, made = queries.database_now(), []
    for desk in desks:
        command = newest[desk.account.id]
        desk.seq += 1
        told = {"command_id": str(command.id), "status": status, "ticket": desk.seq, "lots": "0.1", "price": "1.1"}
        report = desk.arrival("ExecutionReport", {**told, "balance": "1000"}, seq=desk.seq)
        report.ack, report.pushed = command.seq or 0, (Pushed(command.seq or 0, now, now),)
        made.append(report)
    return made
