"""What a master did while nobody was listening is made up from his book."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.models import Command, Copy, Decision, Difference, MasterPosition, Subscription
from orders.services.reconciliation import decisions
from sessions_app.models import OperatorAlert
from sessions_app.queries import database_now
from tests.integration.trading import OPERATOR, SYMBOL, Desk, held, is_asked_for_book, owes_no_book, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk)
    return desk


def opened(master: Desk, follower: Desk, *positions: int, **fields: Any) -> None:
    for position in positions:
        master.buy(position, **fields)
        command = Command.objects.filter(action="open").latest("seq")
        follower.report(command.id, "filled", ticket=900 + position, lots=str(command.lots), price="1.1")


def half_a_minute_later() -> None:
    MasterPosition.objects.exclude(missing_since=None).update(missing_since=database_now() - timedelta(seconds=31))


def orders() -> list[tuple[str, int, Decimal | None]]:
    rows = Command.objects.exclude(action="open").order_by("seq")
    return list(rows.values_list("action", "position_id", "lots_after"))


def test_what_was_closed_by_phone_is_closed_after_a_second_look(master: Desk, follower: Desk) -> None:
    """The terminal is lost; a fresh installation comes back with an empty book, and has nothing to tell."""
    opened(master, follower, 1)
    fresh = master.again().introduce()
    fresh.hello(installation_id="new")
    fresh.tell()
    assert orders() == [], "one look proves nothing"
    fresh.tell()
    assert orders() == [], "nor do two at once"
    half_a_minute_later()
    fresh.tell()
    assert orders() == [("close", 1, Decimal(0))]
    assert (Decision.objects.latest("id").intent.action, MasterPosition.objects.get().state) == ("close", "closed")
    fresh.tell()
    assert len(orders()) == 1


def test_the_second_look_is_asked_for_after_half_a_minute(master: Desk, follower: Desk) -> None:
    """And not with the schedule's next book, ten minutes later: the copies stand without their master till then."""

    def asked_in() -> float:
        master.account.refresh_from_db()
        assert master.account.snapshot_due_at is not None
        return (master.account.snapshot_due_at - database_now()).total_seconds()

    opened(master, follower, 1)
    master.tell()
    assert asked_in() <= 30
    MasterPosition.objects.update(missing_since=database_now() - timedelta(seconds=10))
    master.tell()
    assert asked_in() <= 20, "a look that came too early puts it off no further"
    half_a_minute_later()
    master.tell()
    assert orders() == [("close", 1, Decimal(0))]
    assert asked_in() > 60


def test_a_terminal_without_its_broker_proves_nothing(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    master.tell(connected=False)
    half_a_minute_later()
    master.tell(connected=False)
    assert (orders(), MasterPosition.objects.get().missing_since) == ([], None)


def test_a_book_that_lacks_lines_proves_no_absence(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    master.tell(incomplete=True)
    assert MasterPosition.objects.get().missing_since is None
    master.tell()
    half_a_minute_later()
    master.tell(incomplete=True)
    assert orders() == [], "what the first look lacked may be among the lines that the second one lost"
    master.tell()
    assert orders() == [("close", 1, Decimal(0))]


def test_what_is_seen_again_was_never_gone(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    master.tell()
    half_a_minute_later()
    master.tell(held(None, 1))
    master.tell()
    assert orders() == []


def test_fewer_lots_other_stops_and_a_remainder_under_a_new_ticket_are_followed(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, lots="1", sl="1.05")
    master.tell(held(None, 72, "0.4", parent_ticket=1, sl="1.06"))
    assert orders() == [("partial_close", 1, Decimal("0.4")), ("modify", 1, Decimal("0.4"))]
    position = MasterPosition.objects.get()
    assert (position.ticket, position.lots, position.sl) == (72, Decimal("0.4"), Decimal("1.06"))
    master.tell(held(None, 72, "0.4", parent_ticket=1, sl="1.06"))
    assert len(orders()) == 2


def test_a_pending_order_that_is_gone_is_cancelled(master: Desk, follower: Desk) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.05")
    follower.report(Command.objects.get().id, "placed", ticket=900, lots="0.1")
    master.tell()
    half_a_minute_later()
    master.tell()
    assert orders()[-1] == ("cancel", 1, Decimal(0))


def test_a_book_from_before_his_last_word_changes_nothing(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    master.intend("modify", 1, sl="1.07")
    master.tell(held(None, 1, sl="1.05"), age_ms=60_000)
    assert [action for action, *_ in orders()] == ["modify"]


def test_many_at_once_are_held_for_a_person(master: Desk, follower: Desk) -> None:
    opened(master, follower, *range(1, 8))
    for _ in range(3):
        master.tell()
        half_a_minute_later()
    assert (orders(), Difference.objects.filter(state="held").count()) == ([], 7)
    alert = OperatorAlert.objects.get(code="master_not_reconciled")
    assert alert.account_id == master.account.id
    master.tell()
    decisions.let_go(account_pk=master.account.id, seen=7, by=OPERATOR, reason="closed by phone")
    assert [action for action, *_ in orders()] == ["close"] * 7
    alert.refresh_from_db()
    assert alert.resolved_at is not None


def held_back(master: Desk, follower: Desk) -> OperatorAlert:
    """Seven positions are gone at once, and wait for a person."""
    opened(master, follower, *range(1, 8))
    for _ in range(3):
        master.tell()
        half_a_minute_later()
    return OperatorAlert.objects.get(code="master_not_reconciled")


def is_open(alert: OperatorAlert) -> bool:
    return OperatorAlert.objects.filter(id=alert.id, resolved_at=None).exists()


def test_what_waits_for_a_person_is_over_when_it_is_shown_again_or_closed(master: Desk, follower: Desk) -> None:
    alert = held_back(master, follower)
    master.tell(*(held(None, position) for position in range(1, 5)))
    assert sorted(Difference.objects.filter(state="held").values_list("subject", flat=True)) == [
        f"position {position}" for position in (5, 6, 7)
    ]
    assert is_open(alert), "three are missing still"
    for position in (5, 6, 7):
        master.intend("close", position)
    master.tell(*(held(None, position) for position in range(1, 5)))
    assert set(Difference.objects.values_list("state", flat=True)) == {"gone"}
    assert not is_open(alert)
    assert sorted(position for _, position, _ in orders()) == [5, 6, 7]
    with pytest.raises(decisions.AlreadyDecided):
        decisions.let_go(account_pk=master.account.id, seen=7, by=OPERATOR, reason="an old page")


def test_a_person_who_says_that_they_are_there_ends_the_call(master: Desk, follower: Desk) -> None:
    alert = held_back(master, follower)
    decisions.keep(account_pk=master.account.id, seen=7, by=OPERATOR, reason="the broker's list is broken")
    master.tell()
    assert (is_open(alert), orders()) == (False, [])


def test_a_terminal_that_knows_only_the_remainders_ticket_closes_the_copy(master: Desk, follower: Desk) -> None:
    opened(master, follower, 71, lots="1")
    master.intend("partial_close", 71, ticket=71, lots="0.5", remaining_lots="0.5", new_ticket=72)
    master.buy(72, "0.5", comment="from #71")
    assert Copy.objects.count() == 1, "its re-announced open is no second position"
    master.intend("close", 72, ticket=72)
    assert orders()[-1] == ("close", 71, Decimal(0))


@pytest.mark.parametrize("told", [{"parent_ticket": 71}, {"comment": "from #71"}])
def test_a_remainder_that_nobody_has_told_of_is_found_by_its_parent(
    master: Desk, follower: Desk, told: dict[str, Any]
) -> None:
    opened(master, follower, 71, lots="1")
    master.intend("close", 72, ticket=72, **told)
    assert orders() == [("close", 71, Decimal(0))]


def test_a_position_that_has_grown_without_a_word_is_told(master: Desk, follower: Desk) -> None:
    """An account that nets its deals, whatever it says of itself: 0.10 of 0.30 would be copied in silence."""
    opened(master, follower, 1, lots="0.1")
    master.tell(held(None, 1, "0.1"))
    assert not OperatorAlert.objects.exists()
    master.tell(held(None, 1, "0.3"))
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account_id) == ("master_netting", master.account.id)
    assert alert.text == "position 1: buy 0.3 in his book, buy 0.1 by his word"
    assert orders() == []


def test_a_position_that_has_turned_round_closes_its_copy(master: Desk, follower: Desk) -> None:
    """0.3 long became 0.2 short in one deal: what was copied is gone, and a part of it is no copy of the other side."""
    opened(master, follower, 1, lots="0.3")
    master.tell(held(None, 1, "0.2", side="sell"))
    assert orders() == [("close", 1, Decimal(0))]
    assert OperatorAlert.objects.get().code == "master_netting"
    master.tell(held(None, 1, "0.2", side="sell"))
    assert (len(orders()), OperatorAlert.objects.get().times) == (1, 1)


def test_an_opposite_deal_that_takes_a_part_is_a_partial_close(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, lots="0.3")
    master.tell(held(None, 1, "0.1"))
    assert (orders(), OperatorAlert.objects.count()) == ([("partial_close", 1, Decimal("0.1"))], 0)


@pytest.mark.parametrize("ticket", [1, 2], ids=["under the same ticket", "under the deal's"])
@pytest.mark.parametrize(
    ("deal", "told"),
    [
        ({"lots": "0.3"}, True),
        ({"side": "sell"}, True),
        ({}, False),
        ({"lots": "0.05"}, False),
    ],
    ids=["more", "other side", "the same again", "what remains"],
)
def test_a_deal_on_a_position_that_was_copied_is_never_lost_in_silence(
    master: Desk, follower: Desk, ticket: int, deal: dict[str, str], told: bool
) -> None:
    """Neither a repeat nor copied already: 0.10 of 0.30 would stand at the follower's, and nobody would know."""
    opened(master, follower, 1, lots="0.1")
    master.intend("open", 1, **{"ticket": ticket, "side": "buy", "lots": "0.1", "price": "1.1", **deal})
    codes = list(OperatorAlert.objects.values_list("code", "account_id"))
    assert codes == ([("master_netting", master.account.id)] if told else [])
    assert (orders(), Copy.objects.count()) == ([], 1)


@pytest.mark.parametrize("ticket", [1, 2], ids=["under the same ticket", "under the deal's"])
@pytest.mark.parametrize(
    ("deal", "asked"),
    [({"side": "sell"}, True), ({"side": "sell", "lots": "0.3"}, True), ({"lots": "0.3"}, False), ({}, False)],
    ids=["other side", "turned", "more", "the same again"],
)
def test_a_deal_on_the_other_side_has_his_book_asked_for_at_once(
    master: Desk, follower: Desk, ticket: int, deal: dict[str, str], asked: bool
) -> None:
    """It may have ended the position: his followers would hold their old side until a book comes by itself."""
    opened(master, follower, 1, lots="0.1")
    owes_no_book(master)
    master.intend("open", 1, **{"ticket": ticket, "side": "buy", "lots": "0.1", "price": "1.1", **deal})
    assert is_asked_for_book(master) is asked


def test_a_deal_on_the_other_side_of_what_nobody_copies_asks_for_nothing(master: Desk) -> None:
    master.buy(1)
    owes_no_book(master)
    master.intend("open", 1, ticket=2, side="sell", lots="0.3", price="1.1")
    assert not is_asked_for_book(master)


@pytest.mark.parametrize("deal", [{"lots": "0.05"}, {"side": "sell", "lots": "0.04"}, {"lots": "0.4"}])
def test_a_deal_under_a_ticket_of_its_own_leaves_the_position_where_it_was(
    master: Desk, follower: Desk, deal: dict[str, str]
) -> None:
    """Its lots are not the position's, and no book will ever show its ticket: a copy would be closed for it."""
    opened(master, follower, 1, lots="0.1")
    master.intend("open", 1, **{"ticket": 2, "side": "buy", "price": "1.1", **deal})
    master.tell(held(None, 1, "0.1"))
    half_a_minute_later()
    master.tell(held(None, 1, "0.1"))
    assert orders() == []
    master.intend("partial_close", 1, ticket=1, lots="0.05", remaining_lots="0.05")
    assert orders() == [("partial_close", 1, Decimal("0.05"))]


@pytest.mark.parametrize("ticket", [1, 2], ids=["under the same ticket", "under the deal's"])
def test_a_pause_hides_no_deal_on_a_position_that_was_copied(master: Desk, follower: Desk, ticket: int) -> None:
    opened(master, follower, 1, lots="0.1")
    Subscription.objects.update(state="close_only")
    master.intend("open", 1, ticket=ticket, side="sell", lots="0.3", price="1.1")
    assert OperatorAlert.objects.get().code == "master_netting"


@pytest.mark.parametrize(
    ("position", "told"), [(2, {"parent_ticket": 1}), (2, {"comment": "from #1"}), (1, {"parent_ticket": 1})]
)
def test_what_remains_and_is_told_before_the_book_is_followed_at_once(
    master: Desk, follower: Desk, position: int, told: dict[str, Any]
) -> None:
    """Half was closed by phone; a terminal without files tells the rest as a position, and only then its book."""
    bystander = Desk.open("srv:3").introduce()
    opened(master, follower, 1, lots="0.1")
    subscribe(master, bystander)
    for _ in range(2):
        master.intend("open", position, ticket=2, side="buy", lots="0.05", price="1.1", **told)
    assert orders() == [("partial_close", 1, Decimal("0.05"))]
    assert (MasterPosition.objects.get().ticket, OperatorAlert.objects.count()) == (2, 0)
    follower.report(Command.objects.latest("seq").id, "closed", ticket=901, lots="0.05", remaining_lots="0.05")
    master.intend("close", 2)
    assert orders()[1:] == [("close", 1, Decimal(0))]


def test_a_part_that_leaves_more_than_was_copied_tells_of_a_deal_in_between(master: Desk, follower: Desk) -> None:
    """He has added 0.2 to the position that was copied with 0.1, and closes 0.05 of it."""
    opened(master, follower, 1, lots="0.1")
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.05")
    assert OperatorAlert.objects.count() == 0
    before = Command.objects.count()
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.25")
    assert (OperatorAlert.objects.get().code, Command.objects.count()) == ("master_netting", before)


def test_what_is_copied_the_other_way_round_is_not_taken_for_turned(master: Desk, follower: Desk) -> None:
    Subscription.objects.update(reverse=True)
    opened(master, follower, 1, lots="0.1")
    master.intend("open", 1, ticket=2, side="buy", lots="0.1", price="1.1")
    assert (Copy.objects.get().side, OperatorAlert.objects.count()) == ("sell", 0)
    master.intend("open", 1, ticket=3, side="sell", lots="0.1", price="1.1")
    assert OperatorAlert.objects.get().code == "master_netting"


def test_two_followers_keep_their_share_when_a_netted_position_grows_and_shrinks(master: Desk, follower: Desk) -> None:
    """Other ratios and lot steps: neither gets more than it was copied with, and both follow the parts and the end."""
    coarse = Desk.open("srv:3")
    coarse.send(
        "InitRequest",
        {"currency": "USD", "symbols": [{**SYMBOL, "name": "EURUSD", "lots_step": "0.1", "lots_min": "0.1"}]},
    )
    subscribe(master, coarse, multiplier=Decimal(2))
    master.buy(1, lots="0.1")
    for number, desk in enumerate((follower, coarse)):
        command = Command.objects.get(account=desk.account)
        desk.report(command.id, "filled", ticket=900 + number, lots=str(command.lots), price="1.1")
    master.tell(held(None, 1, "0.3"))
    assert (orders(), OperatorAlert.objects.get().code) == ([], "master_netting")
    master.tell(held(None, 1, "0.05"))
    after = set(Command.objects.filter(action="partial_close").values_list("account__account_id", "lots_after"))
    assert after == {("srv:2", Decimal("0.05")), ("srv:3", Decimal("0.1"))}
    master.intend("close", 1)
    assert sorted(Command.objects.filter(action="close").values_list("account__account_id", flat=True)) == [
        "srv:2",
        "srv:3",
    ]
