"""The staff reads words where rows keep short ones, and finds the short word all the same."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.staff import short_words
from orders.domain.states.reasons import (
    CloseCause,
    CommandReason,
    DifferenceReason,
    ReportFlag,
    WaitCode,
    WaitReason,
)
from orders.domain.wire.intents import Cause
from orders.models import Command, Copy, Decision, Difference, FillWait, Report
from sessions_app.domain.lifecycle import Reason, SnapshotReason
from sessions_app.models import BrokerAccount, EaSession, SessionEvent
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> User:
    user: User = factories.UserFactory.create(is_superuser=True)
    client.force_login(user)
    return user


def shown(client: Client, table: str, pk: Any = None) -> str:
    name = f"admin:{table}_change" if pk else f"admin:{table}_changelist"
    answer = client.get(reverse(name, args=[pk] if pk else []))
    assert answer.status_code == 200
    html: str = answer.content.decode()
    return html.partition('id="changelist-filter"')[0]


def test_why_a_session_ended_and_how_it_signed_in_is_said_in_words(client: Client, staff: User) -> None:
    row = factories.EaSessionFactory.create(authenticated=True)
    ended = {"state": "closed", "close_reason": "heartbeat_timeout", "closed_at": row.created_at}
    EaSession.objects.filter(pk=row.pk).update(**ended)
    listed = shown(client, "sessions_app_easession")
    assert '<span title="heartbeat_timeout: no StatusHeartbeat in time">heartbeat timeout</span>' in listed
    assert ">heartbeat_timeout<" not in listed
    page = shown(client, "sessions_app_easession", row.pk)
    assert "no StatusHeartbeat in time <code>heartbeat_timeout</code>" in page
    assert "by a key of the account&#x27;s own <code>account_session_key</code>" in page


def test_a_decisions_code_and_a_commands_reason_are_said_in_words(client: Client, staff: User) -> None:
    decision = factories.DecisionFactory.create(denied="symbol_not_found")
    assert 'title="symbol_not_found: The follower&#x27;s broker has no such symbol' in shown(client, "orders_decision")
    command = factories.CommandFactory.create(decision=decision, state="void", reason="not_wanted")
    assert ">not wanted</span>" in shown(client, "orders_command")
    page = shown(client, "orders_command", command.pk)
    assert "the copy was given up before it was executed <code>not_wanted</code>" in page
    page = shown(client, "orders_decision", decision.pk)
    assert '<span title="not_wanted">not wanted</span>' in page


def test_what_a_person_wrote_stays_as_it_was_written(client: Client, staff: User) -> None:
    """A difference is decided about by us or by people, in one column."""
    difference = factories.DifferenceFactory.create()
    ours = factories.DifferenceEventFactory.create(difference=difference, reason="no_quote")
    factories.DifferenceEventFactory.create(difference=difference, reason="see <b>ticket_12</b>", actor=ours.actor)
    listed = shown(client, "orders_differenceevent")
    assert ">no quote</span>" in listed
    assert "see &lt;b&gt;ticket_12&lt;/b&gt;" in listed
    page = shown(client, "orders_difference", difference.pk)
    assert "the market is not known <code>no_quote</code>" in page
    assert "see &lt;b&gt;ticket_12&lt;/b&gt;" in page


def test_what_is_merely_off_is_no_red_cross(client: Client, staff: User) -> None:
    """On lists and on the page of a row; a cross says that something is wrong."""
    row = factories.SubscriptionFactory.create()
    for html in (shown(client, "orders_subscription"), shown(client, "orders_subscription", row.pk)):
        assert "icon-no" not in html
        assert ">no<" in html
    type(row).objects.filter(pk=row.pk).update(reverse=True)
    assert ">yes<" in shown(client, "orders_subscription")


@pytest.mark.parametrize(
    ("table", "name", "values"),
    [
        (EaSession, "close_reason", Reason),
        (EaSession, "auth_method", ("account_session_key", "bearer_token", "oauth_client_credentials")),
        (SessionEvent, "reason", Reason),
        (SessionEvent, "to_state", ("authenticated", "not_there_yet")),
        (BrokerAccount, "snapshot_reason", SnapshotReason),
        (Command, "reason", CommandReason),
        (Copy, "close_cause", (*CloseCause, *Cause)),
        (Copy, "wait_reason", WaitReason),
        (Decision, "code", ("symbol_not_found", "internal")),
        (Difference, "reason", DifferenceReason),
        (FillWait, "code", (*WaitCode, "signal_too_old")),
        (Report, "cause", Cause),
        (Report, "flag", ReportFlag),
    ],
)
def test_no_short_word_of_a_column_is_left_out(table: Any, name: str, values: Iterable[str]) -> None:
    """And each can be found: as it is where it is a word, else in the title or beside its sentence."""
    for value in map(str, values):
        listed, page = (str(short_words.shower(table, name, on_page=on_page)(value)) for on_page in (False, True))
        assert value in listed, value
        assert value in page, value
        assert value.replace("_", " ") in listed
        assert "<bdi>" not in listed + page, value
