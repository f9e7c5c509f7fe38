"""Terminals are read once per process, and none vanishes from the hands of somebody who looks at it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.services import mapping
from sessions_app.models import BrokerAccount
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def room_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "_terminals", {})
    monkeypatch.setattr(mapping, "_TERMINALS_KEPT", 2)


def introduced(number: int) -> BrokerAccount:
    """An account whose terminal lists a symbol of its own."""
    desk = Desk.open(f"srv:{number}").introduce(f"SYM{number}")
    return BrokerAccount.objects.get(id=desk.account.id)


def test_a_terminal_that_somebody_looks_at_does_not_vanish_when_others_need_its_room() -> None:
    first, *others = [introduced(number) for number in range(5)]
    mine = mapping.terminals([first.profile_id])
    for account in others:
        mapping.terminals([account.profile_id])
    assert first.profile_id is not None
    assert set(mine[first.profile_id].symbols) == {"SYM0"}


def test_the_symbols_that_are_kept_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "_TERMINALS_KEPT", 100)
    monkeypatch.setattr(mapping, "_SYMBOLS_KEPT", 3)
    accounts = [introduced(number) for number in range(5)]
    for account in accounts:
        mapping.terminals([account.profile_id])
    assert list(mapping._terminals) == [account.profile_id for account in accounts[-3:]]


def test_a_terminal_is_read_once_and_again_only_when_its_room_was_needed() -> None:
    first, second, third = [introduced(number) for number in range(3)]
    mapping.terminals([first.profile_id, second.profile_id, None])
    with CaptureQueriesContext(connection) as asked:
        assert set(mapping.terminals([second.profile_id])) == {second.profile_id}
    assert len(asked) == 0
    mapping.terminals([third.profile_id])
    assert set(mapping.terminals([first.profile_id, third.profile_id])) == {first.profile_id, third.profile_id}
