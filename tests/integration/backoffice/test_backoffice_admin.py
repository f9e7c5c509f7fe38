"""The admin site: it reads, it is quick, it holds the content security policy, and it explains decisions."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.staff.read_only_admin import ReadOnlyAdmin
from backoffice.staff.site import site
from orders.models import Decision
from tests.factories import (
    AccountGrantFactory,
    ApprovedFingerprintFactory,
    AuthKeyFactory,
    BrokerAccountFactory,
    CommandFactory,
    CopyFactory,
    DecisionFactory,
    DifferenceEventFactory,
    DifferenceFactory,
    EaSessionFactory,
    EnrolmentWindowFactory,
    FillWaitFactory,
    FollowerQuoteFactory,
    IntentFactory,
    MaintenanceNoticeFactory,
    MaintenanceWindowFactory,
    ManagementTokenFactory,
    MemberFactory,
    OauthClientFactory,
    OperatorAlertFactory,
    PersonEventFactory,
    ReportFactory,
    SessionEventFactory,
    SettingChangeFactory,
    SignInFactory,
    SnapshotFactory,
    StrategyFactory,
    SubscriptionEventFactory,
    SubscriptionFactory,
    TenantFactory,
    UserFactory,
    VaultSecretFactory,
    VaultUseFactory,
    grant,
)
from tests.factories.sessions import key_of
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)

FACTORIES: tuple[Any, ...] = (
    TenantFactory, MemberFactory, BrokerAccountFactory, AuthKeyFactory, EaSessionFactory, SessionEventFactory,
    StrategyFactory, SubscriptionFactory, IntentFactory, DecisionFactory, CommandFactory, CopyFactory, ReportFactory,
    OperatorAlertFactory, AccountGrantFactory, ApprovedFingerprintFactory, EnrolmentWindowFactory, OauthClientFactory,
    SubscriptionEventFactory, FillWaitFactory, FollowerQuoteFactory, SnapshotFactory, DifferenceFactory,
    DifferenceEventFactory, MaintenanceWindowFactory, MaintenanceNoticeFactory, SignInFactory, PersonEventFactory,
    VaultSecretFactory, VaultUseFactory, ManagementTokenFactory, SettingChangeFactory,
)  # fmt: skip
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def superuser(client: Client) -> User:
    user = User.objects.create_superuser("root@example.com", password="correct horse battery")
    client.force_login(user)
    return user


def page_of(row: Any, page: str = "change") -> str:
    args = [] if page in ("changelist", "add") else [row.pk]
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("factory", FACTORIES)
def test_each_table_can_be_listed_searched_and_read_and_not_changed(
    client: Client, superuser: User, factory: Any
) -> None:
    row = factory.create()
    assert client.get(page_of(row, "changelist")).status_code == 200
    assert client.get(page_of(row, "changelist"), {"q": "7001"}).status_code == 200
    assert client.get(page_of(row, "changelist"), {"q": "no such thing %"}).status_code == 200
    assert client.get(page_of(row)).status_code == 200
    assert client.get(page_of(row, "add")).status_code == 403
    for page in ("change", "delete"):
        assert client.post(page_of(row, page), {"post": "yes"}).status_code == 403
    assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_staff_without_permissions_see_no_table(client: Client) -> None:
    client.force_login(UserFactory.create())
    for factory in FACTORIES:
        row = factory.create()
        assert client.get(page_of(row, "changelist")).status_code == 403
        assert client.get(page_of(row)).status_code == 403


def test_every_table_of_ours_is_read_only() -> None:
    ours = [item for model, item in site._registry.items() if model._meta.app_label in ("orders", "sessions_app")]
    assert len(ours) == len(FACTORIES)
    assert all(isinstance(item, ReadOnlyAdmin) for item in ours)


def test_no_secret_is_shown(client: Client, superuser: User) -> None:
    session = EaSessionFactory.create()
    pages = client.get(page_of(session)).content + client.get(page_of(key_of(session))).content
    assert session.token_hash.encode() not in pages
    assert key_of(session).key_hash.encode() not in pages


def test_case_137_evil_strings_are_inert_in_every_table(client: Client, superuser: User) -> None:
    session = EaSessionFactory.create(
        ea_version=EVIL, platform=EVIL[:16], environment={"os": EVIL}, status={"note": EVIL}, account__claimed_as=EVIL
    )
    intent = IntentFactory.create(symbol=EVIL, content={"comment": EVIL})
    decision = DecisionFactory.create(intent=intent, denied="symbol_not_found")
    Decision.objects.update(steps=[{"step": EVIL, "result": EVIL, EVIL: [EVIL]}])
    for row in (session, key_of(session), intent, decision, SubscriptionFactory.create(suffix=EVIL[:16])):
        for page in ("changelist", "change"):
            assert "<script>alert" not in client.get(page_of(row, page)).content.decode()


# Decisions -----------------------------------------------------------------------------------------------------------


def test_a_denied_decision_says_why_not_step_by_step(client: Client, superuser: User) -> None:
    decision = DecisionFactory.create(denied="below_minimum_lots")
    Decision.objects.update(
        steps=[
            {"step": "signal_age", "result": "ok", "age_seconds": 0.2, "limit_seconds": 60},
            {"step": "rounding", "result": "below_minimum_lots", "lots_min": "0.01", "lots": "0", "max_lots": None},
        ]
    )
    text = " ".join(client.get(page_of(decision)).content.decode().split())
    assert "The lots are below the follower&#x27;s smallest lot size." in text
    assert "<h2>Why not</h2>" in text
    assert "<dt>age seconds</dt><dd><bdi>0.2</bdi></dd>" in text
    assert '<span class="state stopped">below minimum lots</span>' in text
    assert "max lots" not in text


def test_a_copied_decision_leads_to_its_commands(client: Client, superuser: User) -> None:
    command = CommandFactory.create()
    text = client.get(page_of(command.decision)).content.decode()
    assert page_of(command) in text
    assert "<h2>Why</h2>" in text


@pytest.mark.parametrize(("told", "shown"), [("1", "1.00"), ("0.100", "0.10"), ("0.015", "0.015"), ("20", "20.00")])
def test_lots_read_as_terminals_show_them(client: Client, superuser: User, told: str, shown: str) -> None:
    command = CommandFactory.create(lots=Decimal(told))
    command.refresh_from_db()  # as its column has it, PostgreSQL with eight digits
    assert f'class="number">{shown}<' in client.get(page_of(command.decision)).content.decode()
    for page in (client.get(page_of(command, "changelist")), client.get(page_of(command))):
        assert f">{shown}<" in page.content.decode()


def test_decisions_are_found_by_their_reason(client: Client, superuser: User) -> None:
    for code in ("signal_too_old", "symbol_not_found"):
        DecisionFactory.create(denied=code)
    answer: Any = client.get(reverse("admin:orders_decision_changelist"), {"code": "symbol_not_found"})
    assert [row.code for row in answer.context["cl"].result_list] == ["symbol_not_found"]


@pytest.mark.parametrize("table", ["command", "copy", "decision"])
def test_a_position_is_found_by_the_indexes_of_its_owners(client: Client, superuser: User, table: str) -> None:
    """One condition over accounts, numbers and symbols together read the whole table."""
    command = CommandFactory.create()
    CommandFactory.create()
    wanted: Any = {"command": command, "copy": command.copy, "decision": command.decision}[table]
    with counted() as cost:
        answer: Any = client.get(reverse(f"admin:orders_{table}_changelist"), {"q": str(command.position_id)})
    assert [row.pk for row in answer.context["cl"].result_list] == [wanted.pk]
    assert cost.calls <= 12
    assert [text for text in cost.naming(f"orders_{table}") if " OR " in text and "UPPER" not in text] == []


@pytest.mark.parametrize("table", ["command", "copy", "decision"])
def test_a_symbol_is_searched_among_the_latest_rows(
    client: Client, superuser: User, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    old, *newer = CommandFactory.create_batch(3)

    def shown(command: Any) -> Any:
        return command if table == "command" else getattr(command, table)

    symbol = "EURUSD" if table != "decision" else shown(newer[0]).intent.symbol
    monkeypatch.setattr(site._registry[type(shown(old))], "searched_latest", 2)
    answer: Any = client.get(reverse(f"admin:orders_{table}_changelist"), {"q": symbol})
    assert {row.pk for row in answer.context["cl"].result_list} == {shown(row).pk for row in newer}
    assert "latest 100,000" in answer.content.decode()


def shown_in(client: Client, name: str, **asked: str) -> set[Any]:
    answer: Any = client.get(reverse(f"admin:{name}_changelist"), asked)
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].result_list}


@pytest.mark.parametrize("typed", ["gbpusd.r", "GBPUSD.R", " GbpUsd.r "])
def test_a_symbol_is_found_however_it_is_written(client: Client, superuser: User, typed: str) -> None:
    command: Any = CommandFactory.create(
        symbol="GBPUSD.r", copy__symbol="GBPUSD.r", decision__intent__symbol="gbpusd.R"
    )
    CommandFactory.create()
    assert shown_in(client, "orders_command", q=typed) == {command.pk}
    assert shown_in(client, "orders_copy", q=typed) == {command.copy_id}
    assert shown_in(client, "orders_decision", q=typed) == {command.decision_id}
    assert shown_in(client, "orders_intent", q=typed) == {command.decision.intent_id}


@pytest.mark.parametrize("typed", ["77012", "papermarkets-demo:77012", "PaperMarkets-Demo:7701"])
def test_every_list_of_accounts_knows_the_login(client: Client, superuser: User, typed: str) -> None:
    follower = BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:77012")
    subscription = SubscriptionFactory.create(follower=follower, strategy__tenant=follower.tenant)
    command = CommandFactory.create(decision__subscription=subscription)
    report = ReportFactory.create(command=command)
    for other in (CommandFactory, ReportFactory, SubscriptionFactory):
        other.create()
    assert shown_in(client, "orders_command", q=typed) == {command.pk}
    assert shown_in(client, "orders_copy", q=typed) == {command.copy_id}
    assert shown_in(client, "orders_decision", q=typed) == {command.decision_id}
    assert shown_in(client, "orders_report", q=typed) == {report.pk}
    assert shown_in(client, "orders_subscription", q=typed) == {subscription.pk}


def test_a_position_goes_before_a_login_of_the_same_digits(client: Client, superuser: User) -> None:
    command: Any = CommandFactory.create(decision__intent__position_id=88_001)
    other = CommandFactory.create(decision__subscription__follower__claimed_as="Papermarkets-Demo:88001")
    assert shown_in(client, "orders_command", q="88001") == {command.pk}
    assert shown_in(client, "orders_intent", q="88001") == {command.decision.intent_id}
    command.delete()
    Decision.objects.filter(pk=command.decision_id).delete()
    command.copy.delete()
    assert shown_in(client, "orders_command", q="88001") == {other.pk}


def test_a_name_that_begins_as_an_account_does_is_found_where_that_account_has_no_row(
    client: Client, superuser: User
) -> None:
    BrokerAccountFactory.create(claimed_as="Trendy-Live:1")
    subscription = SubscriptionFactory.create(strategy__name="Trend")
    assert shown_in(client, "orders_subscription", q="Trend") == {subscription.pk}


def test_a_copy_is_found_by_its_number(client: Client, superuser: User) -> None:
    copy = CopyFactory.create(copy_no=424_242)
    CopyFactory.create()
    assert shown_in(client, "orders_copy", q="424242") == {copy.pk}


def test_a_list_says_what_it_is_narrowed_to_and_how_to_leave_that(client: Client, superuser: User) -> None:
    command = CommandFactory.create()
    other = CommandFactory.create()
    asked = {"account__id__exact": str(command.account_id), "state__in": "queued,done"}
    html = client.get(reverse("admin:orders_command_changelist"), asked).content.decode()
    said = re.search(r'<ul class="narrowed">.*?</ul>', html, re.S)
    assert said is not None
    text = re.sub(r"<[^>]*>", "", said[0])
    assert f"Only where account {command.account.claimed_as}" in text
    assert "Only where state is queued or done" in text
    link = re.search(r'href="(\?state__in=[^"]*)"', said[0])
    assert link is not None
    answer: Any = client.get(reverse("admin:orders_command_changelist") + link[1])
    assert {row.pk for row in answer.context["cl"].result_list} == {command.pk, other.pk}
    decided = {"subscription__follower__id__exact": str(command.account_id), "decided_at__gte": "2026-01-02T00:00:00Z"}
    html = client.get(reverse("admin:orders_decision_changelist"), decided).content.decode()
    assert f"follower <bdi>{command.account.claimed_as}" in html.replace("<bdi>follower ", "follower <bdi>")
    assert "decided since 2026-01-02 00:00 UTC" in html


@pytest.mark.parametrize("table", ["intent", "command", "copy"])
@pytest.mark.parametrize("lookup", ["position_id__in", "position_id__exact", "position_id__gte"])
def test_a_number_that_no_column_holds_breaks_no_list(client: Client, superuser: User, table: str, lookup: str) -> None:
    CommandFactory.create()
    address = reverse(f"admin:orders_{table}_changelist")
    assert client.get(address, {lookup: "9" * 30}, follow=True).status_code == 200


@pytest.mark.parametrize("asked", ["account__id__exact=x", "account__id__exact=", "no__such__exact=1", "state__in=<b>"])
def test_what_narrows_nothing_is_said_nowhere(client: Client, superuser: User, asked: str) -> None:
    CommandFactory.create()
    answer = client.get(f"{reverse('admin:orders_command_changelist')}?{asked}")
    assert answer.status_code in (200, 302, 400)
    assert b"<b>" not in answer.content


def test_staff_begin_at_monitoring_if_they_may(client: Client) -> None:
    client.force_login(grant(UserFactory.create(), "sessions_app.view_easession"))
    assert client.get("/")["Location"] == reverse("admin:monitoring")
    client.force_login(grant(UserFactory.create(), "sessions_app.decide_authkey"))
    assert client.get("/")["Location"] == reverse("admin:index")


# Pages ---------------------------------------------------------------------------------------------------------------


def test_the_overview_leads_to_what_a_person_may_see(client: Client) -> None:
    client.force_login(grant(UserFactory.create(), "sessions_app.view_easession"))
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:monitoring") in page
    assert reverse("admin:approvals") not in page
    AuthKeyFactory.create()
    client.force_login(grant(UserFactory.create(), "sessions_app.decide_authkey"))
    page = " ".join(client.get(reverse("admin:index")).content.decode().split())
    assert "1 key waits for a decision" in page
    assert reverse("admin:monitoring") not in page


@pytest.mark.parametrize("name", ["index", "monitoring", "approvals", "orders_decision_changelist", "login"])
def test_case_135_every_page_has_the_strict_policy_and_nothing_inline(
    client: Client, superuser: User, name: str
) -> None:
    if name == "login":
        client.logout()
    DecisionFactory.create()
    AuthKeyFactory.create()
    answer = client.get(reverse(f"admin:{name}"))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert _inline(answer.content.decode()) == []


def test_our_templates_have_nothing_inline() -> None:
    templates = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
    assert templates
    assert {template.name: found for template in templates if (found := _inline(template.read_text()))} == {}


def _inline(html: str) -> list[str]:
    """Inline scripts, styles and handlers: what the policy would block."""
    return re.findall(r"<style|<script(?![^>]*\ssrc=)[^>]*>|\sstyle=|\son[a-z]+=|hx-on|javascript:", html)


def test_each_cell_of_a_list_carries_the_title_of_its_column(client: Client) -> None:
    """Escaped: both come through the same door as what an EA has said."""
    client.force_login(UserFactory.create(is_superuser=True))
    row = SubscriptionFactory.create(strategy__name='<b>"x"</b>')
    html = client.get(reverse("admin:orders_subscription_changelist")).content.decode()
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    labels = re.findall(r"<t[hd][^>]*>", body)
    assert all(" data-label=" in one for one in labels)
    assert [re.findall(r'data-label="([^"]*)"', one)[0] for one in labels][:3] == ["Follower", "Strategy", "State"]
    assert "<b>" not in body
    assert row.follower.claimed_as in body


def test_the_box_above_the_boxes_of_a_list_is_no_title_of_them(client: Client) -> None:
    client.force_login(UserFactory.create(is_superuser=True))
    body = client.get(reverse("admin:auth_user_changelist")).content.decode().partition("<tbody>")[2]
    assert 'data-label=""' in body
    assert "&lt;input" not in body


@pytest.mark.parametrize("model", ["brokeraccount", "easession"])
def test_accounts_and_their_sessions_are_found_by_the_login_alone(client: Client, model: str) -> None:
    client.force_login(UserFactory.create(is_superuser=True))
    for name in ("Paper-Demo03:2003", "Paper-Demo03:12003", "Live:77"):
        account = BrokerAccountFactory.create(account_id=name.lower(), claimed_as=name)
        EaSessionFactory.create(account=account)
    page = client.get(reverse(f"admin:sessions_app_{model}_changelist"), {"q": "2003"}).content.decode()
    assert "Paper-Demo03:2003" in page
    assert "Paper-Demo03:12003" not in page
    assert "Live:77" not in page
