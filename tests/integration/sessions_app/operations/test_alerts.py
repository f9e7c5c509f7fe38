"""Alerts for operators: one open row per cause, shown on the monitoring page until somebody acknowledges it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from sessions_app import queries
from sessions_app.domain.alerts import ALERTS, AlertCode
from sessions_app.models import OperatorAlert
from sessions_app.services.operations import alerts
from sessions_app.services.operations.alerts import AlreadyAcknowledged
from sessions_app.services.operations.history import Actor
from tests.factories import BrokerAccountFactory, OperatorAlertFactory, UserFactory, grant

pytestmark = pytest.mark.django_db(transaction=True)

WATCH, ACKNOWLEDGE = "sessions_app.view_easession", "sessions_app.acknowledge_operatoralert"


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def test_every_code_has_a_severity_and_a_sentence() -> None:
    assert set(ALERTS) == set(AlertCode)


def test_the_same_thing_again_is_counted_on_the_open_alert() -> None:
    account = BrokerAccountFactory.create()
    for text in ("first", "second"):
        alerts.report_alert(code=AlertCode.SEQUENCE_CONFLICT, text=text, account_pk=account.id)
    alerts.report_alert(code=AlertCode.SEQUENCE_CONFLICT, text="another's", account_pk=BrokerAccountFactory.create().id)
    assert list(OperatorAlert.objects.order_by("id").values_list("text", "times")) == [("second", 2), ("another's", 1)]


def test_a_text_that_is_too_long_says_how_much_is_cut_off() -> None:
    for length in (500, 501, 2000):
        alerts.report_alert(code=AlertCode.MASS_SILENCE, text="x" * length, subject=str(length))
    whole, one, many = OperatorAlert.objects.order_by("id").values_list("text", flat=True)
    assert whole == "x" * 500
    assert (one, many) == (f"{'x' * 460} ... and 41 characters more", f"{'x' * 460} ... and 1540 characters more")


def test_after_an_acknowledgement_the_same_thing_is_a_new_alert() -> None:
    alerts.report_alert(code=AlertCode.MASS_SILENCE, text="first")
    alerts.acknowledge(alert_id=OperatorAlert.objects.get().id, by=Actor("olga"))
    alerts.report_alert(code=AlertCode.MASS_SILENCE, text="second")
    assert [(row.text, row.times) for row in queries.open_alerts()] == [("second", 1)]


def test_only_the_first_acknowledgement_counts() -> None:
    alert = OperatorAlertFactory.create()
    alerts.acknowledge(alert_id=alert.id, by=Actor("olga"))
    with pytest.raises(AlreadyAcknowledged, match="olga"):
        alerts.acknowledge(alert_id=alert.id, by=Actor("oleg"))


def test_open_alerts_stand_on_the_monitoring_page(client: Client) -> None:
    OperatorAlertFactory.create(text="look <here>")
    client.force_login(grant(UserFactory.create(), WATCH))
    page = client.get(reverse("admin:monitoring")).content.decode()
    assert "look &lt;here&gt;" in page
    assert "Acknowledge" not in page


def test_case_136_acknowledging_needs_its_permission(client: Client) -> None:
    alert = OperatorAlertFactory.create()
    client.force_login(grant(UserFactory.create(), WATCH))
    url = reverse("admin:acknowledge_alert", args=[alert.id])
    assert (client.get(url).status_code, client.post(url).status_code) == (403, 403)
    assert queries.open_alerts().exists()


def test_the_confirm_page_says_what_it_means_and_acknowledges(client: Client) -> None:
    alert = OperatorAlertFactory.create()
    client.force_login(grant(UserFactory.create(username="olga"), WATCH, ACKNOWLEDGE))
    url = reverse("admin:acknowledge_alert", args=[alert.id])
    assert alert.meaning in client.get(url).content.decode()
    assert client.post(url).status_code == 302
    alert.refresh_from_db()
    assert alert.acknowledged_as == "olga"
    late: Any = client.get(url, follow=True)
    assert [str(message) for message in late.context["messages"]][-1:] == [
        "Nothing changed: Acknowledged by olga already."
    ]


@pytest.mark.parametrize("accounts", [1, 60])
def test_however_many_alerts_are_raised_together_they_are_one_statement(accounts: int) -> None:
    about = [BrokerAccountFactory.create().id for _ in range(accounts)]
    calls = [alerts.Call(AlertCode.UNDER_FILLED, f"copy {n}", pk) for n, pk in enumerate(about)]
    alerts.report_alert(code=AlertCode.UNDER_FILLED, text="before", account_pk=about[0])
    now = queries.database_now()
    sent: list[str] = []

    def see(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(see):
        alerts.raise_alerts([*calls, alerts.Call(AlertCode.UNDER_FILLED, "again", about[-1])], now)
    assert len(sent) == 1
    rows = {row.account_id: (row.text, row.times) for row in OperatorAlert.objects.all()}
    expected = {pk: (f"copy {n}", 1) for n, pk in enumerate(about)}
    expected[about[0]] = ("copy 0", 2)
    expected[about[-1]] = ("again", expected[about[-1]][1] + 1)
    assert rows == expected
