"""InitRequests: a terminal may tell many things, but what is stored of them is bounded."""

from datetime import timedelta

import pytest
from django.conf import settings

from sessions_app import queries
from sessions_app.models import BrokerAccount, TerminalProfile
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = settings.GATEWAY["init_requests_per_hour"]


def age(desk: Desk) -> None:
    """Let an hour pass."""
    TerminalProfile.objects.filter(session=desk.session).update(
        created_at=queries.database_now() - timedelta(minutes=61)
    )


def test_different_init_requests_of_one_session_are_stored_up_to_a_bound() -> None:
    desk = Desk.open("srv:1")
    for number in range(LIMIT):
        desk.introduce(build=number)
    refused = desk.send("InitRequest", {"currency": "USD", "build": 9999}).refusal
    assert refused is not None
    assert (refused.code, refused.problem.final, refused.retry_after) == ("throttled", False, 600)
    assert TerminalProfile.objects.count() == LIMIT


def test_a_known_init_request_is_always_taken() -> None:
    desk = Desk.open("srv:1")
    for number in range(LIMIT):
        desk.introduce(build=number)
    assert desk.send("InitRequest", {"currency": "USD", "symbols": [], "build": 1}).refusal is not None
    desk.introduce(build=1)
    profile = BrokerAccount.objects.get(id=desk.account.id).profile
    assert profile is not None
    assert profile.content["build"] == 1


def test_older_ones_make_room_but_for_the_one_in_force() -> None:
    desk = Desk.open("srv:1")
    for number in range(LIMIT):
        desk.introduce(build=number)
    age(desk)
    stranger = Desk(desk.account, desk.key, desk.session)
    stranger.introduce(build=9999)
    kept = [row.content["build"] for row in TerminalProfile.objects.order_by("created_at")]
    assert kept == [LIMIT - 1, 9999]
