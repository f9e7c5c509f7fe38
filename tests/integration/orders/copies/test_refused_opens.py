"""Opens that a broker refuses, fills that fall short, and who is called for what."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.staff.followers import standing
from backoffice.tenants.health import health_of
from backoffice.tenants.scope import Scope
from orders.domain.decision import opening, symbols
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, Decision, Report, Subscription
from orders.services.subscriptions.lifecycle import change_state
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import AuthKey, EaSession, OperatorAlert
from sessions_app.queries import database_now
from sessions_app.services.access import keys, suspensions
from sessions_app.services.ingest import batches
from sessions_app.services.lifecycle import ending, expiry
from tests.integration.trading import OPERATOR, Desk, held, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk, max_age_seconds=3600)
    return desk


ENDINGS: dict[str, Callable[[Desk], object]] = {
    "revoked": lambda desk: keys.revoke(key_id=desk.key.id, by=OPERATOR, reason="lost"),
    "suspended": lambda desk: suspensions.suspend(account_pk=desk.account.id, by=OPERATOR, reason="unpaid"),
    "ended by a person": lambda desk: ending.close_session(
        session_id=desk.session.id, reason=Reason.CLOSED_BY_OPERATOR, actor=OPERATOR
    ),
    "ended for what it sent": lambda desk: ending.close_session(
        session_id=desk.session.id, reason=Reason.PROTOCOL_ERROR, actor=OPERATOR
    ),
}


def newest() -> Command:
    return Command.objects.latest("seq")


def alerts() -> list[tuple[str, bool]]:
    """(code, whether it has ended) of every alert."""
    rows = OperatorAlert.objects.order_by("first_at", "id")
    return [(row.code, row.resolved_at is not None) for row in rows]


@pytest.mark.parametrize("error", [129, 135, 136, 138, 10004])
def test_a_price_that_moved_is_asked_for_again_at_once_three_times_in_all(
    master: Desk, follower: Desk, error: int
) -> None:
    master.buy(1)
    for tries in (1, 2, 3):
        assert (newest().action, newest().attempt, Command.objects.count()) == ("open", tries, tries)
        follower.report(newest().id, "rejected", error_code=error)
    assert (Command.objects.count(), Copy.objects.get().state) == (3, "failed")
    assert alerts() == [("open_rejected", False)]


def test_a_busy_broker_is_given_a_pause(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.report(newest().id, "rejected", error_code=146)
    assert (Command.objects.count(), Copy.objects.get().state, Copy.objects.get().wait_reason) == (
        1,
        "ordered",
        "pause",
    )
    assert (time_passes(2), newest().attempt) == (1, 2)


def test_an_open_in_its_pause_is_given_up_at_once_when_its_master_has_closed(master: Desk, follower: Desk) -> None:
    """It counted as a position that might still come, and kept the next one out."""
    Subscription.objects.update(max_open_positions=1)
    master.buy(1)
    follower.report(newest().id, "rejected", error_code=146)
    master.intend("close", 1)
    if newest().action == "close":
        follower.report(newest().id, "closed", already=True)
    assert Copy.objects.get().state == "failed"
    master.buy(2)
    assert (newest().action, newest().position_id) == ("open", 2)


@pytest.mark.parametrize("error", [131, 132, 134, 4108, None])
def test_what_will_not_change_is_given_up_and_told_once_for_many(
    master: Desk, follower: Desk, error: int | None
) -> None:
    for position in (1, 2):
        master.buy(position)
        follower.report(newest().id, "rejected", error_code=error)
    assert set(Copy.objects.values_list("state", flat=True)) == {"failed"}
    assert (Command.objects.count(), alerts()) == (2, [("open_rejected", False)])
    assert OperatorAlert.objects.get().times == 2


def test_opens_that_a_terminal_with_a_wrong_clock_finds_too_late_are_told_and_counted(
    master: Desk, follower: Desk
) -> None:
    tenant = follower.account.tenant
    assert tenant is not None
    for position in (1, 2, 3):
        master.buy(position)
        follower.report(newest().id, "expired")
    assert set(Copy.objects.values_list("state", flat=True)) == {"failed"}
    assert set(Command.objects.values_list("state", "reason")) == {("expired", "missed")}
    called = OperatorAlert.objects.get()
    assert (called.code, called.account_id, called.times) == ("command_missed", follower.account.id, 3)
    assert "before that moment by ours: its clock is ahead" in called.text
    [row] = health_of(Scope(tenant)).followers
    assert (row.copied, row.failed, row.level) == (3, 3, "warning")
    assert ("warning", "3 failed today") in row.troubles
    (called_of,) = standing(database_now(), {}).followers
    assert called_of.failed == 3


def test_an_open_that_was_too_late_by_our_clock_too_says_nothing_of_the_terminals(master: Desk, follower: Desk) -> None:
    master.buy(1)
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.report(newest().id, "expired")
    assert OperatorAlert.objects.get().text == "open EURUSD 0.1: too late when its terminal came to it"


def test_a_pending_order_that_its_broker_lets_expire_is_not_missed(master: Desk, follower: Desk) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.05")
    follower.report(newest().id, "placed", ticket=900, lots="0.1")
    follower.report(newest().id, "expired", ticket=900)
    assert (Command.objects.get().reason, Copy.objects.get().state, alerts()) == ("", "closed", [])


def test_opens_that_an_ea_did_not_fetch_in_time_are_told_and_counted(master: Desk, follower: Desk) -> None:
    tenant = follower.account.tenant
    assert tenant is not None
    for position in (1, 2):
        master.buy(position)
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    assert alerts() == [("command_missed", False)]
    assert OperatorAlert.objects.get().text == "opens that its EA did not fetch in time: 2"
    [row] = health_of(Scope(tenant)).followers
    assert row.failed == 2


def test_nothing_is_ordered_again_past_its_validity(master: Desk, follower: Desk) -> None:
    master.buy(1)
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.report(newest().id, "rejected", error_code=138)
    assert (Command.objects.count(), Copy.objects.get().state) == (1, "failed")


def test_a_stop_that_the_broker_has_left_out_is_set_and_told(master: Desk, follower: Desk) -> None:
    """What was ordered is believed to stand at the broker; that a stop is not there at all, the EA says."""
    master.buy(1, sl="1.05", tp="1.2")
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1", sl="0", tp="1.2")
    moved = newest()
    assert (moved.action, moved.sl, moved.tp) == ("modify", Decimal("1.05"), Decimal("1.2"))


def test_stops_that_stand_too_near_do_not_cost_the_trade(master: Desk, follower: Desk) -> None:
    """Open without them, then set them: unprotected until they stand, and told."""
    master.buy(1, sl="1.0999", tp="1.2")
    follower.report(newest().id, "rejected", error_code=130)
    bare = newest()
    assert (bare.action, bare.attempt, bare.sl, bare.tp) == ("open", 2, Decimal(0), Decimal(0))
    follower.report(bare.id, "filled", ticket=900, lots="0.1", price="1.1")
    moved = newest()
    assert (moved.action, moved.sl, moved.tp) == ("modify", Decimal("1.0999"), Decimal("1.2"))
    assert alerts() == [("unprotected", False)]
    told = OperatorAlert.objects.get().text
    assert told == "copy 1, ticket 900, EURUSD buy: sl 1.0999, tp 1.2 not at the broker; set again"
    follower.report(moved.id, "rejected", error_code=130)
    assert (Command.objects.count(), time_passes(16), newest().action) == (3, 1, "modify")
    follower.report(newest().id, "modified", ticket=900)
    assert (alerts(), Copy.objects.get().unprotected_since) == ([("unprotected", True)], None)


def test_an_alert_names_the_missing_stop_alone_and_as_a_person_writes_it(master: Desk, follower: Desk) -> None:
    master.buy(1, tp="1.2")
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1", tp="1.2")
    master.intend("modify", 1, sl="1.0990", tp="1.2")
    follower.report(newest().id, "rejected", error_code=130)
    told = OperatorAlert.objects.get().text
    assert told == "copy 1, ticket 900, EURUSD buy: sl 1.099 not at the broker; set again"


def test_a_stop_that_the_master_removed_and_the_broker_kept_is_removed_in_the_end(master: Desk, follower: Desk) -> None:
    master.buy(1, sl="1.05")
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    master.intend("modify", 1, sl="0")
    follower.report(newest().id, "rejected", error_code=146)
    follower.tell(held(1, 900, sl="1.05"))
    assert (time_passes(61), newest().action, newest().sl) == (1, "modify", Decimal(0))


def test_a_timeout_that_is_called_a_refusal_is_asked_about(master: Desk, follower: Desk) -> None:
    master.buy(1)
    for _ in range(20):
        follower.report(newest().id, "rejected", error_code=128)
        follower.report(newest().id, "unknown", found=False)
        time_passes(1)
    assert (Command.objects.count(), newest().state) == (1, "unknown")
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    assert (Copy.objects.get().state, Command.objects.count()) == ("open", 1)


def test_what_fills_in_parts_is_as_large_as_the_last_one_says(master: Desk, follower: Desk) -> None:
    master.buy(1, "1")
    for status, lots in (("partially_filled", "0.4"), ("partially_filled", "0.7"), ("filled", "1")):
        follower.report(newest().id, status, ticket=900, lots=lots, price="1.1")
        assert Copy.objects.get().lots_open == Decimal(lots)
    assert alerts() == []


def test_parts_that_are_told_again_call_nobody(master: Desk, follower: Desk) -> None:
    master.buy(1, "1")
    told = {"command_id": str(newest().id), "status": "partially_filled", "ticket": 900}
    parts = [("0.4", "1.1"), ("0.7", "1.1001"), ("0.7", "1.1001"), ("0.4", "1.1")]
    arrivals = [
        follower.arrival("ExecutionReport", {**told, "lots": lots, "price": price}, seq=seq)
        for seq, (lots, price) in enumerate(parts, start=follower.seq + 1)
    ]
    batches.store(arrivals=arrivals)
    assert list(Report.objects.order_by("id").values_list("repeated", "flag")) == [
        (False, ""), (False, ""), (True, ""), (True, ""),
    ]  # fmt: skip
    assert (Copy.objects.get().lots_open, alerts()) == (Decimal("0.7"), [])


def test_an_open_that_its_master_has_made_smaller_meanwhile_is_filled_whole(master: Desk, follower: Desk) -> None:
    master.buy(1, "1")
    first = newest()
    master.intend("partial_close", 1, lots="0.4", remaining_lots="0.6")
    follower.report(newest().id, "closed", already=True)
    follower.report(first.id, "rejected", error_code=138)
    again = newest()
    assert (again.action, again.lots) == ("open", Decimal("0.6"))
    follower.report(again.id, "filled", ticket=900, lots="0.6", price="1.1")
    assert alerts() == []


def test_an_order_that_is_over_with_fewer_lots_is_flagged_and_told(master: Desk, follower: Desk) -> None:
    master.buy(1, "1")
    follower.report(newest().id, "filled", ticket=900, lots="0.4", price="1.1")
    assert (Report.objects.get().flag, alerts()) == ("under_filled", [("under_filled", False)])


def test_an_ea_that_is_gone_with_open_copies_is_told_until_it_is_back(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    EaSession.objects.filter(id=follower.session.id).update(deadline_at=database_now() - timedelta(seconds=1))
    assert expiry.expire_overdue() == 1
    assert alerts() == [("offline_with_copies", False)]
    follower.again()
    assert alerts() == [("offline_with_copies", True)]


@pytest.mark.parametrize("way", sorted(ENDINGS))
def test_an_account_with_copies_whose_session_was_ended_is_told_until_it_is_served_again(
    master: Desk, follower: Desk, way: str
) -> None:
    master.buy(1)
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    ENDINGS[way](follower)
    assert alerts() == [("offline_with_copies", False)]
    if way == "suspended":
        suspensions.lift_suspension(account_pk=follower.account.id, by=OPERATOR, reason="paid")
    if way == "revoked":
        follower.key = AuthKey.objects.create(
            account=follower.account, fingerprint="another", key_hash="-", requested_at=database_now()
        )
        keys.approve(key_id=follower.key.id, by=OPERATOR, reason="known")
    follower.again()
    assert alerts() == [("offline_with_copies", True)]


def test_an_account_that_another_session_serves_and_one_that_said_goodbye_call_nobody(
    master: Desk, follower: Desk
) -> None:
    master.buy(1)
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    newer = follower.again()
    assert EaSession.objects.get(id=follower.session.id).close_reason == Reason.PREEMPTED
    ending.close_session(session_id=newer.session.id, reason=Reason.SHUTDOWN_BY_EA, actor=OPERATOR)
    assert alerts() == []


def test_copies_that_depend_on_a_master_who_is_away_are_told_on_the_page_of_health(
    master: Desk, follower: Desk
) -> None:
    tenant = follower.account.tenant
    assert tenant is not None
    master.buy(1)
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    EaSession.objects.update(last_heartbeat_at=database_now())
    found = health_of(Scope(tenant))
    assert (found.line.level, found.masters[0].troubles) == ("ok", [])
    ending.close_session(session_id=master.session.id, reason=Reason.HEARTBEAT_TIMEOUT, actor=OPERATOR)
    found = health_of(Scope(tenant))
    said = f"No: {follower.account.claimed_as} is not copied: its master is away."
    assert (found.line.level, found.line.text) == (
        "warning",
        f"{said} 1 master with 1 open copy at followers cannot be reached.",
    )
    assert found.masters[0].troubles == [("warning", "offline as a master: 1 open copy to lead")]
    assert found.followers[0].troubles == []


def test_an_ea_that_is_gone_without_copies_is_nobodys_worry(master: Desk, follower: Desk) -> None:
    EaSession.objects.filter(id=follower.session.id).update(deadline_at=database_now() - timedelta(seconds=1))
    assert (expiry.expire_overdue(), alerts()) == (1, [])


def test_a_position_too_many_is_told_and_over_when_it_is_gone(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    follower.tell(held(1, 900), held(1, 901))
    assert alerts() == [("book_differs", False)]
    follower.tell(held(1, 900))
    assert alerts() == [("book_differs", True)]


def test_one_subscription_that_fails_stops_nobody_else(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Desk.open("srv:3").introduce()
    subscribe(master, other)
    bad = Subscription.objects.get(follower=follower.account)
    look = symbols.map_symbol

    def failing(name: str, **how: object) -> object:
        if how["explicit"] == {"EURUSD": "broken"}:
            raise RuntimeError("a bad map")
        return look(name, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "map_symbol", failing)
    Subscription.objects.filter(id=bad.id).update(symbol_map={"EURUSD": "broken"})
    assert master.buy(1).refusal is None
    told = dict(Decision.objects.values_list("subscription__follower__account_id", "code"))
    assert told == {"srv:2": "internal", "srv:3": ""}
    assert [row.account_id for row in Command.objects.all()] == [other.account.id]
    assert (alerts(), OperatorAlert.objects.get().account_id) == ([("internal", False)], follower.account.id)


def test_a_master_that_nets_is_refused_clearly(master: Desk, follower: Desk) -> None:
    master.introduce(margin_mode="netting")
    master.buy(1)
    assert Decision.objects.get().code == "master_netting_unsupported"
    assert (alerts(), OperatorAlert.objects.get().account_id) == ([("master_netting", False)], master.account.id)


def test_a_deal_on_a_position_whose_own_open_was_denied_is_not_copied_as_if_it_were_that(
    master: Desk, follower: Desk
) -> None:
    """Its lots are the deal's, or the position's by then: nobody says which."""
    master.buy(1, lots="0.001")
    assert Decision.objects.get().code == "below_minimum_lots"
    master.buy(1, lots="1.00", ticket=2)
    assert Decision.objects.latest("id").code == "master_netting_unsupported"
    assert (alerts(), Command.objects.count()) == ([("master_netting", False)], 0)


def test_what_a_pause_took_back_counts_until_a_book_has_not_shown_it(master: Desk, follower: Desk) -> None:
    Subscription.objects.update(max_open_positions=1)
    subscription = Subscription.objects.get()
    master.buy(1)
    for state in (SubscriptionState.CLOSE_ONLY, SubscriptionState.ACTIVE):
        change_state(subscription_id=subscription.id, state=state, by=OPERATOR, note="a pause")
    master.buy(2)
    assert Decision.objects.latest("id").code == "max_open_positions", "its EA may be executing the first one"
    Command.objects.update(absent_from=database_now() - timedelta(seconds=1))
    follower.tell()
    assert Copy.objects.get().state == "failed"
    master.buy(3)
    assert Decision.objects.latest("id").outcome == "copied"


def test_who_detaches_keeps_a_fill_that_is_on_its_way(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.report(newest().id, "accepted")
    subscription = Subscription.objects.get()
    change_state(subscription_id=subscription.id, state=SubscriptionState.OFF, by=OPERATOR, note="mine", detach=True)
    follower.report(newest().id, "filled", ticket=900, lots="0.1", price="1.1")
    time_passes(61)
    assert (Copy.objects.get().close_cause, Command.objects.count()) == ("detached", 1)


def test_the_alert_of_a_master_that_nets_is_written_once_however_many_follow_him(master: Desk, follower: Desk) -> None:
    master.introduce(margin_mode="netting")
    statements = []
    for others in (1, 10):
        for number in range(others):
            subscribe(master, Desk.open(f"srv:{others}{number}").introduce())
        with CaptureQueriesContext(connection) as asked:
            master.buy(others)
        statements.append(len(asked))
        assert sum("operatoralert" in query["sql"] for query in asked) <= 2
    assert statements[1] <= statements[0]


def test_two_repairs_of_one_book_are_ordered_in_as_many_statements_as_one(master: Desk, follower: Desk) -> None:
    statements = []
    for positions in ((1,), (2, 3, 4, 5)):
        for position in positions:
            master.buy(position, sl="1.05")
            follower.report(newest().id, "filled", ticket=900 + position, lots="0.1", price="1.1")
        books = [held(position, 900 + position) for position in range(1, positions[-1] + 1)]
        with CaptureQueriesContext(connection) as asked:
            follower.tell(*books)
        statements.append(len(asked))
        assert newest().action == "modify"
    assert Command.objects.filter(difference__isnull=False).count() == 5
    assert statements[1] <= statements[0] + 1, "one more may be read of the difference that stood before"
