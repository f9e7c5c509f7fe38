"""Migrations may compute for as long as they need; everybody else lets go of his locks."""

from contextlib import nullcontext
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

pytestmark = [pytest.mark.django_db, pytest.mark.lane("production")]


def bound(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


def idle_bound() -> str:
    return bound("idle_in_transaction_session_timeout")


def test_nobody_waits_for_a_lock_for_ever_nor_keeps_one_while_he_is_paused() -> None:
    assert (bound("lock_timeout"), idle_bound()) == ("10s", "10s")


@pytest.mark.parametrize("fault", [None, RuntimeError("a migration fails")])
def test_a_migration_is_not_ended_for_computing_and_the_bound_comes_back(
    monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    meanwhile: list[str] = []

    def migrating(*arguments: object, **options: object) -> None:
        meanwhile.append(idle_bound())
        if fault is not None:
            raise fault

    monkeypatch.setattr(migrate.Command, "handle", migrating)
    assert idle_bound() == "10s"
    with nullcontext() if fault is None else pytest.raises(RuntimeError):
        call_command("migrate", verbosity=0)
    assert meanwhile == ["0"]
    assert idle_bound() == "10s"


def test_behind_a_pooler_nothing_is_set_that_others_would_get(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    meanwhile: list[str] = []
    monkeypatch.setattr(migrate.Command, "handle", lambda *given, **options: meanwhile.append(idle_bound()))
    settings.DATABASE_POOLER = True
    call_command("migrate", verbosity=0)
    assert meanwhile == ["10s"]
