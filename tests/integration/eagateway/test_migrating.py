"""Migrations may compute for as long as they need; everybody else lets go of his locks."""

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection

pytestmark = [pytest.mark.django_db, pytest.mark.lane("production")]


def idle_bound() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        return str(cursor.fetchone()[0])


def test_a_migration_is_not_ended_for_thinking_and_the_bound_comes_back() -> None:
    assert idle_bound() == "10s"
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default")
    assert idle_bound() == "0"
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert idle_bound() == "10s"
