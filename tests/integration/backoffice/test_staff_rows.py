"""The staff's pages of one account, session, strategy, trade, copy and command: each answers its question."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from backoffice.staff.groups import keep_groups
from backoffice.templatetags.outside import NOTHING
from orders.models import Command, Copy, Decision, Difference, Intent
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import BrokerAccount, EaSession
from tests.factories import (
    CommandFactory,
    CopyFactory,
    DecisionFactory,
    DifferenceFactory,
    EaSessionFactory,
    InboundFrameFactory,
    IntentFactory,
    ReportFactory,
    SessionEventFactory,
    SnapshotFactory,
    StrategyFactory,
    SubscriptionEventFactory,
    SubscriptionFactory,
    UserFactory,
    grant,
)
from tests.factories.sessions import key_of, now
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)
MOST_CALLS = 12
MOST_BYTES = 150_000


@pytest.fixture
def operator(client: Client) -> User:
    """Somebody of the staff, by a group: reading his permissions takes two statements."""
    user: User = UserFactory.create(is_staff=True)
    keep_groups()
    user.groups.add(Group.objects.get(name="Administrator"))
    client.force_login(user)
    return user


def address(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def read(client: Client, row: Any) -> str:
    answer = client.get(address(row))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def text_of(html: str) -> str:
    """What stands on the page, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.partition('id="content"')[2]))


def panel(html: str, title: str) -> str:
    return text_of('id="content"' + html.partition(f"<h2>{title}</h2>")[2].partition("</section>")[0])


# Account -------------------------------------------------------------------------------------------------------------


def test_an_account_says_what_is_wrong_with_it_in_words(client: Client, operator: User) -> None:
    copy = CopyFactory.create(state="open", lots_open=Decimal("0.30"), ticket=41)
    CommandFactory.create(
        copy=copy,
        decision__subscription=copy.subscription,
        account=copy.account,
        decided_at=now() - timedelta(minutes=9),
    )
    DifferenceFactory.create(copy=copy)
    shown = text_of(read(client, copy.account))
    assert "offline with 1 open copy" in shown
    assert "1 command not delivered, the oldest for 9 min" in shown
    assert "1 difference" in shown
    assert "it has had no session" in shown


def test_an_account_that_is_well_says_so_and_what_it_has(client: Client, operator: User) -> None:
    session = EaSessionFactory.create(authenticated=True)
    account = session.account
    BrokerAccount.objects.filter(pk=account.pk).update(
        equity=Decimal("1000.5"), balance=Decimal("1100"), funds_at=now() - timedelta(seconds=90)
    )
    SnapshotFactory.create(account=account)
    html = read(client, account)
    assert "State connected" in text_of(html)
    assert "1,000.50 equity, 1,100.00 balance, told 90 s ago" in text_of(html)
    assert address(session) in html
    assert address(key_of(session)) in html
    assert "End…" in panel(html, "EA sessions, the newest first")


def test_an_account_tells_what_it_leads_and_follows_with_todays_decisions(client: Client, operator: User) -> None:
    denied: Any = DecisionFactory.create(denied="signal_too_old")
    follower = denied.subscription.follower
    DecisionFactory.create_batch(2, subscription=denied.subscription)
    DecisionFactory.create(subscription=denied.subscription, decided_at=now() - timedelta(days=2))
    StrategyFactory.create(name="Its own", master=follower, tenant=follower.tenant)
    SubscriptionFactory.create(strategy=denied.subscription.strategy)  # another's
    shown = panel(read(client, follower), "What it leads and follows")
    name = re.escape(denied.subscription.strategy.name)
    assert re.search(rf"{name} it follows active \S[^0-9]*1 x 2 1\b", shown), shown
    assert "Its own it leads" in shown
    assert shown.count("it follows") == 1


def test_an_account_shows_its_copies_and_where_its_book_differs(client: Client, operator: User) -> None:
    copy = CopyFactory.create(
        state="open", lots_open=Decimal("0.30"), ticket=41, sl=Decimal("1.05"), unprotected_since=now()
    )
    CopyFactory.create(account=copy.account, subscription=copy.subscription, state="closed", ticket=42)
    DifferenceFactory.create(copy=copy, expected="sl 1.05", actual="sl 0")
    html = read(client, copy.account)
    assert f"EURUSD #{copy.position_id} open no stop at the broker buy 0.30 {NOTHING} 1.05 41" in panel(
        html, "Open copies"
    )
    assert " 42 " not in panel(html, "Open copies")
    assert "stops drift EURUSD open sl 1.05 sl 0 Accept as it is…" in panel(html, "Where its own book differs")


def test_missing_copies_of_an_account_are_decided_beside_them(client: Client, operator: User) -> None:
    held = DifferenceFactory.create(kind="missing", state="held")
    with counted() as cost:
        html = read(client, held.account)
    shown = panel(html, "Where its own book differs")
    words = ("Let all missing copies go", "Keep all missing copies", "Accept as it is")
    assert [word in shown for word in words] == [True, True, False]
    assert reverse("admin:let_go_held", args=[held.account.pk]) in html
    assert cost.calls <= MOST_CALLS


def test_a_suspended_account_says_since_when_by_whom_and_why(client: Client, operator: User) -> None:
    session = EaSessionFactory.create()
    account = session.account
    BrokerAccount.objects.filter(pk=account.pk).update(suspended_at=now())
    SessionEventFactory.create(
        session=None, account=account, from_state="active", to_state="suspended", reason=Reason.ACCOUNT_SUSPENDED,
        actor="olga", note="its owner has left",
    )  # fmt: skip
    assert re.search(r"Suspended since \S+ \S+ by olga : its owner has left", text_of(read(client, account)))


def test_who_may_not_see_copies_or_keys_sees_no_panel_of_them(client: Client) -> None:
    copy = CopyFactory.create(state="open")
    EaSessionFactory.create(account=copy.account)
    client.force_login(grant(UserFactory.create(is_staff=True), "sessions_app.view_brokeraccount"))
    html = read(client, copy.account)
    titles = re.findall(r"<h2>([^<]*)</h2>", html.partition('id="content"')[2])
    assert titles == [] or set(titles).isdisjoint(
        {"Open copies", "Keys", "EA sessions, the newest first", "Events", "What it leads and follows"}
    )
    assert f"#{copy.position_id}" not in html


# Session -------------------------------------------------------------------------------------------------------------


def test_a_session_that_was_ended_says_who_did_it_and_why(client: Client, operator: User) -> None:
    session = EaSessionFactory.create(
        key__approved=True, state=SessionStatus.CLOSED, closed_at=now(), close_reason=Reason.CLOSED_BY_OPERATOR
    )
    SessionEventFactory.create(
        session=session, from_state="authenticated", to_state="closed", reason=Reason.CLOSED_BY_OPERATOR, actor="olga",
        note="its owner asked for it",
    )  # fmt: skip
    shown = text_of(read(client, session))
    assert re.search(r"Ended \S+ \S+ by olga \. .*closed_by_operator.* : its owner asked for it", shown), shown


def test_a_session_tells_what_it_said_and_what_came_of_it(client: Client, operator: User) -> None:
    session = EaSessionFactory.create(authenticated=True)
    intent = IntentFactory.create(account=session.account, session=session)
    InboundFrameFactory.create(session=session, seq=1, frame_id=intent.frame_id, received_at=now())
    InboundFrameFactory.create(session=session, seq=2, refusal="unknown_symbol", received_at=now())
    html = read(client, session)
    said = panel(html, "What it said, the latest first")
    assert f"2 OrderIntent refused: unknown symbol {NOTHING}" in said
    assert "1 OrderIntent stored open EURUSD 0.10" in said
    assert address(intent) in html


def test_a_session_tells_what_it_heard_and_not_what_another_one_heard(client: Client, operator: User) -> None:
    sent: Any = CommandFactory.create(symbol="GBPUSD", pushed_at=now())
    before = now() - timedelta(hours=1)
    CommandFactory.create(account=sent.account, symbol="USDJPY", pushed_at=before)
    CommandFactory.create(account=sent.account, symbol="AUDUSD")  # waits
    session = EaSessionFactory.create(account=sent.account, authenticated=True, created_at=now() - timedelta(minutes=1))
    html = read(client, session)
    heard = panel(html, "What it heard, the latest first")
    assert "open GBPUSD" in heard
    assert ("USDJPY" in heard, "AUDUSD" in heard) == (False, False)


# Strategy ------------------------------------------------------------------------------------------------------------


def test_a_strategy_tells_who_follows_with_what_and_how_well(client: Client, operator: User) -> None:
    decision = DecisionFactory.create()
    subscription = decision.subscription
    start = now()
    CommandFactory.create(
        decision=decision, received_at=start, decided_at=start, committed_at=start,
        reported_at=start + timedelta(milliseconds=321), state="done", copy__state="open",
    )  # fmt: skip
    DecisionFactory.create(subscription=subscription, denied="signal_too_old")
    EaSessionFactory.create(account=subscription.follower, authenticated=True)
    other = SubscriptionFactory.create()
    html = read(client, subscription.strategy)
    shown = panel(html, "Followers")
    assert re.search(r"connected .*1 x active 1 1 1 0 321 \(over 150\)", shown), shown
    assert other.follower.claimed_as not in html
    assert f"EURUSD #{decision.intent.position_id} buy 0.10 1.085 1 copied" in panel(html, "Last trades")


# Subscription --------------------------------------------------------------------------------------------------------


def test_a_subscription_that_is_paused_says_who_did_it_and_why(client: Client, operator: User) -> None:
    denied: Any = DecisionFactory.create(denied="signal_too_old", subscription__state="close_only")
    subscription = denied.subscription
    SubscriptionEventFactory.create(subscription=subscription, to_state="active", actor="anna", note="begin")
    SubscriptionEventFactory.create(
        subscription=subscription, from_state="active", to_state="close_only", actor="olga", note="his wish"
    )
    html = read(client, subscription)
    assert re.search(r"paused since \S+ \S+ by olga : his wish", text_of(html)), text_of(html)
    assert f"open EURUSD #{denied.intent.position_id} denied" in panel(html, "What was decided last")


# Trade, copy and command ---------------------------------------------------------------------------------------------


def test_a_trade_tells_what_each_follower_got_with_the_sizing_and_the_way(client: Client, operator: User) -> None:
    report: Any = ReportFactory.create(slippage_points=3)
    command = report.command
    start = now()
    moments = {"received_at": 0, "committed_at": 10, "pushed_at": 12, "acked_at": 40, "reported_at": 90}
    Command.objects.filter(pk=command.pk).update(
        **{name: start + timedelta(milliseconds=after) for name, after in moments.items()}, state="done"
    )
    Copy.objects.filter(pk=command.copy_id).update(
        state="open", lots_filled=Decimal("0.05"), price_at_broker=Decimal("1.0851")
    )
    sized = {"mode": "multiplier", "master_lots": "0.1", "multiplier": "0.5", "exact": "0.05"}
    steps = [{"step": "allocation", "result": "ok", **sized}, {"step": "rounding", "result": "ok", "lots": "0.05"}]
    Decision.objects.filter(pk=command.decision_id).update(steps=steps)
    html = read(client, command.decision.intent)
    shown = panel(html, "Followers")
    for words in (
        "copied 0.1 x 0.5 = 0.05 0.05 1.0851, +3 points open", "decided and stored 10 ms",
        "acknowledged by the EA 28 ms", "reported by the broker 50 ms", "90 ms in all",
    ):  # fmt: skip
        assert words in shown, shown
    assert address(command.decision) in html
    assert "0.1 x 0.5 = 0.05 lots lots of the master x multiplier" in text_of(read(client, command.decision))
    assert "Sizing 0.1 x 0.5 = 0.05 lots" in text_of(read(client, command.copy))


def test_a_trade_that_was_denied_says_why(client: Client, operator: User) -> None:
    denied: Any = DecisionFactory.create(denied="below_minimum_lots")
    shown = panel(read(client, denied.intent), "Followers")
    assert "denied The lots are below the follower&#x27;s smallest lot size." in shown


def test_a_copy_and_its_commands_lead_on_to_why(client: Client, operator: User) -> None:
    report: Any = ReportFactory.create()
    copy, command = report.copy, report.command
    DifferenceFactory.create(copy=copy)
    html = read(client, copy)
    for row in (command, command.decision, report, copy.account, copy.subscription, copy.subscription.strategy):
        assert address(row) in html
    assert "filled at 1.0851" in panel(html, "What was ordered for it")
    assert "stops drift" in panel(html, "Where the terminal's book differed".replace("'", "&#x27;"))
    html = read(client, command)
    for row in (command.decision, report, copy, command.account):
        assert address(row) in html


# All of them ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd() -> dict[str, Any]:
    """Every page with something in each of its panels, 60 times where a panel has rows."""
    report: Any = ReportFactory.create()
    command = report.command
    subscription = command.decision.subscription
    account: BrokerAccount = command.account
    session = EaSessionFactory.create(account=account, authenticated=True)
    for number in range(60):
        CommandFactory.create(account=account, decision__subscription=subscription, pushed_at=now(), copy__state="open")
        DecisionFactory.create(intent=command.decision.intent, subscription__strategy=subscription.strategy)
        IntentFactory.create(account=subscription.strategy.master, position_id=command.decision.intent.position_id,
                             action="modify")  # fmt: skip
        frame = InboundFrameFactory.create(session=session, seq=number + 1, received_at=now())
        SessionEventFactory.create(session=session)
        DifferenceFactory.create(copy=command.copy, subject=f"no {number}")
        EaSessionFactory.create(account=account, key__approved=True, closed=True)
        assert frame.account_id == account.pk
    return {
        "account": account, "session": session, "strategy": subscription.strategy, "trade": command.decision.intent,
        "copy": command.copy, "command": command, "subscription": subscription, "decision": command.decision,
    }  # fmt: skip


def test_no_page_asks_more_often_or_grows_without_end_for_more_rows(
    client: Client, operator: User, crowd: dict[str, Any]
) -> None:
    assert (Difference.objects.count(), EaSession.objects.count() > 60) == (60, True)
    client.get(address(crowd["account"]))  # what a process reads once
    costs = {}
    for name, row in crowd.items():
        with counted() as cost:
            answer = client.get(address(row))
        assert (answer.status_code, len(answer.content) <= MOST_BYTES) == (200, True), (name, len(answer.content))
        costs[name] = cost.calls
    assert {name: calls for name, calls in costs.items() if calls > MOST_CALLS} == {}


def test_what_eas_and_brokers_say_is_inert_on_all_of_them(client: Client, operator: User) -> None:
    evil = "<script>alert(1)</script>"
    report: Any = ReportFactory.create(command__symbol=evil)
    intent = report.command.decision.intent
    Intent.objects.filter(pk=intent.pk).update(symbol=evil, content={"side": evil})
    Copy.objects.update(symbol=evil, state="open")
    session = EaSessionFactory.create(account=report.account, authenticated=True, ea_version=evil, remote_address=evil)
    SessionEventFactory.create(session=session, note=evil, actor=evil)
    DifferenceFactory.create(copy=report.copy, symbol=evil, expected=evil, actual=evil)
    InboundFrameFactory.create(session=session, received_at=now())
    subscription = report.command.decision.subscription
    for row in (report.account, session, subscription.strategy, intent, report.copy, report.command):
        html = client.get(address(row)).content.decode()
        assert "<script>alert" not in html, row
        assert "&lt;script&gt;alert" in html, row
