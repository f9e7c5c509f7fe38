"""Partial closes that tell one of their two figures: the master's position tells the other one."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from orders.models import Command, Intent
from sessions_app.services.ingest.ports import Fate
from tests.integration.sessions_app.transport.test_gaps import Talk
from tests.integration.trading import Desk, is_asked_for_book, owes_no_book, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    subscribe(master, desk)
    return desk


def commands(desk: Desk) -> list[Command]:
    return list(Command.objects.filter(account=desk.account).order_by("seq"))


def copied(master: Desk, follower: Desk) -> None:
    """A position of 0.10 lots and its copy."""
    master.buy(1)
    follower.report(commands(follower)[0].id, "filled", ticket=900, lots="0.10")


@pytest.mark.parametrize(
    "told", [{"lots": "0.04"}, {"lots": "0.04", "remaining_lots": "0"}, {"remaining_lots": "0.06"}]
)
def test_a_part_told_by_one_figure_takes_its_share_off_the_copy(master: Desk, follower: Desk, told: Any) -> None:
    copied(master, follower)
    assert master.intend("partial_close", 1, new_ticket=2, **told).fate is Fate.APPLY
    (_, part) = commands(follower)
    assert (part.action, part.lots_before, part.lots_after) == ("partial_close", Decimal("0.10"), Decimal("0.06"))
    assert (Intent.objects.latest("id").lots, Intent.objects.latest("id").remaining_lots) == (
        Decimal("0.04"),
        Decimal("0.06"),
    )


def test_a_part_that_leaves_nothing_closes_the_copy(master: Desk, follower: Desk) -> None:
    copied(master, follower)
    master.intend("partial_close", 1, lots="0.10")
    assert [command.action for command in commands(follower)] == ["open", "close"]
    assert Intent.objects.latest("id").action == "close"


def test_a_part_that_is_told_anew_under_its_former_ticket_is_not_closed_twice(master: Desk, follower: Desk) -> None:
    copied(master, follower)
    for _ in range(2):
        master.intend("partial_close", 1, lots="0.04", new_ticket=2)
    master.intend("partial_close", 1, ticket=2, lots="0.02", new_ticket=3)
    lots = [command.lots_after for command in commands(follower)]
    assert lots == [Decimal("0.10"), Decimal("0.06"), Decimal("0.04")]


def test_a_part_of_a_position_that_nobody_knows_asks_for_a_book(master: Desk) -> None:
    owes_no_book(master)
    master.intend("partial_close", 1, lots="0.04")
    assert is_asked_for_book(master)


def test_a_late_part_of_a_position_that_is_over_asks_for_nothing(master: Desk, follower: Desk) -> None:
    master.buy(1)
    master.intend("close", 1)
    owes_no_book(master)
    master.intend("partial_close", 1, lots="0.04")
    assert not is_asked_for_book(master)
    assert len(commands(follower)) == 2


PART = {"action": "partial_close", "position_id": 7, "ticket": 7, "symbol": "EURUSD", "lots": "0.04"}


@pytest.mark.parametrize("odd", [{}, {"remaining_lots": "0"}, {"remaining_lots": "-1"}, {"remaining_lots": "half"}])
def test_its_sender_is_told_once_that_a_figure_is_missing(odd: dict[str, str]) -> None:
    async def talk(peer: Talk) -> None:
        for seq in (1, 2):
            await peer.say("OrderIntent", {**PART, "position_id": seq, "ticket": seq, **odd}, id=uuid7(), seq=seq)
        await peer.settle()

    asyncio.run(talk(peer := Talk()))
    assert peer.link.inbox.stored == 2
    alerts = [frame["payload"] for frame in peer.heard if frame["type"] == "ErrorAlert"]
    assert [(alert["code"], alert["path"]) for alert in alerts] == [("field_unreadable", "$.remaining_lots")]
    assert Intent.objects.filter(account=peer.desk.account).count() == 2
