"""Alerts reach people: who is told of what, once, by a real mail server that also refuses, hangs and drops the line."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django.fixtures import Settings

from eagateway.celery import app
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import MOST_TRIES, MailMode, MessagePurpose, MessageState
from sessions_app.models import AlertNotice, BrokerAccount, Member, OperatorAlert, OutboxMessage
from sessions_app.services.operations import alert_notices, alerts, mails, outbox
from tests import factories
from tests.integration.counting import counted
from tests.services.smtp_sink import Manner, Sink, smtp_sink

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
AT_ONCE = {code.value: MailMode.AT_ONCE.value for code in AlertCode}


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    """The settings as EMAIL_URL would make them."""
    with smtp_sink() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 1
        yield server


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    hand = Clock()
    monkeypatch.setattr("sessions_app.queries.database_now", lambda: hand.now)
    return hand


class Clock:
    """The database's clock, put forward by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def forward(self, **span: int) -> None:
        self.now += timedelta(**span)


def member(role: str = "operator", **changes: Any) -> Member:
    changes.setdefault("user__email", f"{changes.get('user__username', 'pat')}@example.com")
    row: Member = factories.MemberFactory.create(role=role, user__is_staff=False, **changes)
    return row


def account_of(row: Member) -> BrokerAccount:
    account: BrokerAccount = factories.BrokerAccountFactory.create(tenant=row.tenant, claimed_as="Demo01:7001")
    return account


def raised(account: BrokerAccount | None, clock: Clock, code: AlertCode = AlertCode.UNPROTECTED) -> None:
    with transaction.atomic():
        alerts.raise_alert(
            code=code, text="copy 7 lacks its stop", now=clock.now, account_pk=account.pk if account else None
        )


def resolved(account: BrokerAccount, clock: Clock, code: AlertCode = AlertCode.UNPROTECTED) -> None:
    with transaction.atomic():
        alerts.resolve(codes=[code], subjects=[str(account.pk)], now=clock.now)


# Who is told, and that it is once ------------------------------------------------------------------------------------


def test_a_member_gets_one_mail_by_smtp_however_often_it_happens_and_however_often_the_task_runs(
    sink: Sink, clock: Clock
) -> None:
    pat = member()
    account = account_of(pat)
    for _ in range(3):
        raised(account, clock)
        outbox.work()
        outbox.work()
    assert [mail["To"] for mail in sink.taken] == ["pat@example.com"]
    mail = sink.taken[0]
    assert "critical: unprotected" in mail["Subject"]
    assert pat.tenant.name in mail["Subject"]
    body = str(mail.get_content())
    assert "Demo01:7001" in body
    assert "copy 7 lacks its stop" in body
    assert OutboxMessage.objects.get().state == MessageState.SENT


def test_the_beat_runs_it() -> None:
    assert "outbox.work" in {entry["task"] for entry in app.conf.beat_schedule.values()}


def test_alerts_of_one_moment_come_in_one_mail(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    for _ in range(3):
        raised(account_of_another_name(pat), clock)
    outbox.work()
    assert len(mailoutbox) == 1
    assert "3 alerts, 3 critical" in mailoutbox[0].subject


def account_of_another_name(row: Member) -> BrokerAccount:
    account: BrokerAccount = factories.BrokerAccountFactory.create(tenant=row.tenant)
    return account


def test_each_tenant_hears_of_its_own_and_names_no_other(mailoutbox: list[Any], clock: Clock) -> None:
    """Also who belongs to both gets a mail of each."""
    pat = member(tenant__name="First house")
    other = member(tenant__name="Second house", user=pat.user)
    first, second = account_of(pat), factories.BrokerAccountFactory.create(tenant=other.tenant, claimed_as="Other:9")
    raised(first, clock)
    raised(second, clock)
    outbox.work()
    said = {mail.subject.partition("]")[0]: mail.subject + mail.body for mail in mailoutbox}
    assert set(said) == {"[First house", "[Second house"}
    assert "Other:9" not in said["[First house"]
    assert "Second house" not in said["[First house"]
    assert "Demo01:7001" not in said["[Second house"]
    assert "First house" not in said["[Second house"]


def test_an_account_that_has_gone_to_another_tenant_is_not_told_of(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    account = account_of(pat)
    raised(account, clock)
    alert_notices.spread(now=clock.now)
    BrokerAccount.objects.update(tenant=factories.TenantFactory.create())
    outbox.work()
    assert mailoutbox == []
    assert OutboxMessage.objects.get().state == MessageState.DROPPED


def test_what_belongs_to_no_tenant_goes_to_the_staff_that_acknowledges_alerts_and_to_nobody_else(
    mailoutbox: list[Any], clock: Clock
) -> None:
    member()
    may = {"acknowledges": "sessions_app.acknowledge_operatoralert", "looks": "sessions_app.view_operatoralert"}
    for name, permission in may.items():
        factories.grant(factories.UserFactory.create(username=name, email=f"{name}@staff.example"), permission)
    raised(None, clock, AlertCode.MASS_SILENCE)
    raised(factories.BrokerAccountFactory.create(tenant=None, claimed_as="Nobodys:9"), clock)
    outbox.work()
    assert [mail.to for mail in mailoutbox] == [["acknowledges@staff.example"]]
    assert mailoutbox[0].subject == "[EA Gateway] 2 alerts, 2 critical, Nobodys:9"


def test_viewers_and_who_has_left_or_has_no_address_get_nothing(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    for changes in ({"role": "viewer"}, {"user__email": ""}, {"user__is_active": False}):
        member(tenant=pat.tenant, user__username=str(changes), **changes)
    gone = member(tenant=pat.tenant, user__username="gone")
    raised(account_of(pat), clock)
    alert_notices.spread(now=clock.now)
    gone.delete()
    outbox.work()
    assert [mail.to for mail in mailoutbox] == [["pat@example.com"]]
    assert OutboxMessage.objects.get(user=gone.user_id).state == MessageState.DROPPED


def test_making_notices_costs_the_same_for_many_people_and_alerts(clock: Clock) -> None:
    """But for one more statement for every few hundred rows."""

    def cost(people: int, alarms: int) -> int:
        first = member(user__username=f"first of {people}")
        for number in range(people):
            member(tenant=first.tenant, user__username=f"{number} of {people}")
        for _ in range(alarms):
            raised(account_of_another_name(first), clock)
        with counted() as spent:
            alert_notices.spread(now=clock.now)
            alert_notices.gather(now=clock.now)
        return spent.calls

    few, many = cost(1, 1), cost(20, 10)
    assert many - few <= 1
    assert AlertNotice.objects.count() == 2 * 1 + 21 * 10


# When ----------------------------------------------------------------------------------------------------------------


def test_what_came_in_quiet_hours_comes_after_them_in_one_mail(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    factories.PreferenceFactory.create(user=pat.user, zone="Asia/Tokyo")
    factories.MailPlanFactory.create(
        user=pat.user, tenant=pat.tenant, quiet_from=time(21), quiet_until=time(7), modes=AT_ONCE
    )
    for account in (account_of(pat), account_of_another_name(pat)):  # 21:00 and 22:00 in Tokyo
        raised(account, clock, AlertCode.UNDER_FILLED)
        outbox.work()
        clock.forward(hours=1)
    clock.now = datetime(2026, 11, 30, 21, 59, tzinfo=UTC)
    outbox.work()
    assert mailoutbox == []
    clock.now = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    outbox.work()
    assert [mail.subject.partition("] ")[2] for mail in mailoutbox] == ["2 alerts, Demo01:7001 and 1 other account"]
    assert "2026-11-30 21:00:00 Asia/Tokyo" in mailoutbox[0].body


def test_who_says_so_hears_of_critical_alerts_also_at_night(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    factories.MailPlanFactory.create(
        user=pat.user, tenant=pat.tenant, quiet_from=time(0), quiet_until=time(23), modes=AT_ONCE, breaks_through=True
    )
    raised(account_of(pat), clock, AlertCode.UNDER_FILLED)
    at_risk = account_of_another_name(pat)
    raised(at_risk, clock)
    outbox.work()
    subject = f"critical: unprotected, {at_risk.claimed_as}"
    assert [mail.subject.partition("] ")[2] for mail in mailoutbox] == [subject]


def test_the_daily_mail_holds_what_the_day_brought(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    for _ in range(2):
        raised(account_of_another_name(pat), clock, AlertCode.UNDER_FILLED)
        outbox.work()
        clock.forward(hours=1)
    assert mailoutbox == []
    clock.now = datetime(2026, 12, 1, 8, tzinfo=UTC)
    outbox.work()
    assert len(mailoutbox) == 1
    assert "2 alerts" in mailoutbox[0].subject


# What has ended ------------------------------------------------------------------------------------------------------


def test_whoever_was_told_is_told_that_it_is_over_once_and_nobody_else(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    account = account_of(pat)
    raised(account, clock)
    outbox.work()
    member(tenant=pat.tenant, user__username="late")
    clock.forward(minutes=5)
    resolved(account, clock)
    for _ in range(3):
        outbox.work()
    assert [mail.to for mail in mailoutbox] == [["pat@example.com"]] * 2
    assert mailoutbox[1].subject.endswith("over: unprotected, Demo01:7001")
    assert "OVER since 2026-11-30 12:05:00 UTC" in mailoutbox[1].body


def test_what_ended_before_its_mail_went_out_is_told_in_that_one_alone(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    account = account_of(pat)
    raised(account, clock, AlertCode.UNDER_FILLED)
    outbox.work()
    resolved(account, clock, AlertCode.UNDER_FILLED)
    clock.forward(days=1)
    for _ in range(3):
        outbox.work()
        clock.forward(days=1)
    assert [mail.subject.partition("] ")[2] for mail in mailoutbox] == ["over: under filled, Demo01:7001"]


def test_what_ended_while_the_mail_server_was_away_is_told_all_the_same(sink: Sink, clock: Clock) -> None:
    """The end waits until it is known what the first mail says."""
    pat = member()
    account = account_of(pat)
    sink.manner = Manner.DEFERS
    raised(account, clock)
    outbox.work()
    resolved(account, clock)
    outbox.work()
    sink.manner = Manner.TAKES
    for _ in range(3):
        clock.forward(hours=2)
        outbox.work()
    assert [mail["Subject"].partition("] ")[2] for mail in sink.taken] == ["over: unprotected, Demo01:7001"]


# Servers that misbehave ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", [Manner.DEFERS, Manner.REFUSES, Manner.HANGS, Manner.DROPS])
def test_a_mail_that_was_not_taken_is_sent_again_later_and_once(sink: Sink, clock: Clock, manner: Manner) -> None:
    pat = member()
    sink.manner = manner
    raised(account_of(pat), clock)
    outbox.work()
    row = OutboxMessage.objects.get()
    assert (row.state, row.tries, bool(row.error)) == (MessageState.WAITING, 1, True)
    outbox.work()
    assert sink.connections == 1, "not before its time"
    sink.manner = Manner.TAKES
    clock.forward(seconds=30)
    outbox.work()
    outbox.work()
    assert (sink.connections, len(sink.taken)) == (2, 1)


def test_a_server_that_keeps_a_mail_and_hangs_up_gets_it_again_under_the_same_name(sink: Sink, clock: Clock) -> None:
    """The one case in which somebody may get a mail twice."""
    raised(account_of(member()), clock)
    sink.manner = Manner.FORGETS_TO_ANSWER
    outbox.work()
    sink.manner = Manner.TAKES
    clock.forward(seconds=30)
    outbox.work()
    assert len(sink.taken) == 2
    assert len({mail["Message-ID"] for mail in sink.taken}) == 1


def test_a_process_that_dies_while_it_sends_leaves_the_mail_to_another_after_its_lease(
    sink: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(account_of(member()), clock)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "SENDERS", {"email": _dies})
        with pytest.raises(KeyboardInterrupt):
            outbox.work()
    outbox.work()
    assert sink.taken == [], "it may be on its way still"
    clock.now += outbox.LEASE
    outbox.work()
    assert len(sink.taken) == 1
    assert OutboxMessage.objects.get().tries == 2


def _dies(message: OutboxMessage) -> tuple[()]:
    raise KeyboardInterrupt


def test_two_who_look_at_one_message_send_it_once(sink: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has read the row before the first one took it."""
    raised(account_of(member()), clock)
    takes = outbox._claim

    def first_another(row: OutboxMessage) -> Any:
        monkeypatch.setattr(outbox, "_claim", takes)
        assert outbox.send_due() == 1
        return takes(row)

    monkeypatch.setattr(outbox, "_claim", first_another)
    assert outbox.work() == 0
    assert len(sink.taken) == 1


def test_a_server_that_is_away_ends_the_run_and_costs_the_other_mails_no_try(sink: Sink, clock: Clock) -> None:
    pat = member()
    for number in range(4):
        member(tenant=pat.tenant, user__username=f"member{number}")
    sink.manner = Manner.HANGS
    raised(account_of(pat), clock)
    outbox.work()
    assert sink.connections == 1
    assert sorted(OutboxMessage.objects.values_list("tries", flat=True)) == [0, 0, 0, 0, 1]


def test_one_refused_address_holds_up_no_other(sink: Sink, clock: Clock, settings: Settings) -> None:
    pat = member()
    factories.MemberFactory.create(tenant=pat.tenant, role="owner", user__email="broken\r\nBcc: x@example.com")
    raised(account_of(pat), clock)
    outbox.work()
    assert [mail["To"] for mail in sink.taken] == ["pat@example.com"]
    states = set(OutboxMessage.objects.values_list("state", flat=True))
    assert states == {MessageState.SENT, MessageState.GIVEN_UP}, "an address that is none is not tried again"


def test_a_mail_that_nobody_takes_is_given_up_and_the_staff_hears_of_it_once(sink: Sink, clock: Clock) -> None:
    boss = factories.UserFactory.create(username="boss", email="boss@staff.example", is_superuser=True)
    raised(account_of(member()), clock)
    sink.manner = Manner.DEFERS
    for _ in range(3 * MOST_TRIES):
        outbox.work()
        clock.forward(hours=1)
    assert set(OutboxMessage.objects.exclude(user=boss).values_list("state", "tries")) == {
        (MessageState.GIVEN_UP, MOST_TRIES)
    }
    alert = OperatorAlert.objects.get(code=AlertCode.MAIL_GIVEN_UP)
    assert "451" in alert.text
    assert alert.account is None
    of_boss = OutboxMessage.objects.filter(user=boss)
    assert [(row.state, row.tries) for row in of_boss] == [(MessageState.GIVEN_UP, MOST_TRIES)]
    assert alert.times == 2, "that of his own mail is counted, and makes no further one"


def test_a_message_that_ends_every_process_that_sends_it_is_given_up(clock: Clock) -> None:
    row = factories.OutboxMessageFactory.create(
        user=member().user, tries=MOST_TRIES, state=MessageState.SENDING, due_at=clock.now
    )
    assert outbox.send_due() == 0
    row.refresh_from_db()
    assert row.state == MessageState.GIVEN_UP


# The rest ------------------------------------------------------------------------------------------------------------


def test_a_mail_to_try_it_goes_the_same_way(sink: Sink, clock: Clock) -> None:
    user: User = factories.UserFactory.create(email="olga@example.com")
    outbox.put(user_id=user.pk, purpose=MessagePurpose.TEST, now=clock.now)
    outbox.work()
    assert [mail["To"] for mail in sink.taken] == ["olga@example.com"]
    assert OutboxMessage.objects.get().tenant is None


def test_a_link_leads_to_the_page_of_alerts_where_the_address_is_known(
    mailoutbox: list[Any], clock: Clock, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://gateway.example"
    pat = member()
    raised(account_of(pat), clock)
    outbox.work()
    assert f"https://gateway.example/t/{pat.tenant_id}/alerts/" in mailoutbox[0].body


def test_what_is_old_is_deleted_but_not_what_an_end_is_still_to_be_told_of(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    ended, standing = account_of(pat), account_of_another_name(pat)
    raised(ended, clock)
    outbox.work()
    resolved(ended, clock)
    outbox.work()
    raised(standing, clock)
    outbox.work()
    assert alert_notices.forget_old(before=clock.now + timedelta(seconds=1)) > 0
    assert [row.alert.account_id for row in AlertNotice.objects.all()] == [standing.pk]
    assert OutboxMessage.objects.count() == 1
    resolved(standing, clock)
    outbox.work()
    assert mailoutbox[-1].subject.endswith(f"over: unprotected, {standing.claimed_as}")


def test_alerts_of_before_the_upgrade_tell_nobody(mailoutbox: list[Any], clock: Clock) -> None:
    pat = member()
    factories.OperatorAlertFactory.create(account=account_of(pat), spread_at=clock.now)
    outbox.work()
    assert mailoutbox == []


def test_the_body_says_nothing_but_what_the_sender_was_given() -> None:
    """What raises is not what decides: a message without notices is unwanted, not empty."""
    with pytest.raises(mails.Unwanted):
        mails.send(factories.OutboxMessageFactory.create(user=member().user, tenant=None))
