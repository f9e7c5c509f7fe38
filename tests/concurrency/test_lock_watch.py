"""The watch on the order of locks sees who leaves it, also in statements that are compiled once."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import connection, transaction

from orders.services.subscriptions import cycles
from sessions_app.models import AuthKey, BrokerAccount, EaSession
from sessions_app.models.bulk import update_rows
from sessions_app.models.statements import Place, Statement, together
from sessions_app.queries import database_now
from sessions_app.services.ingest import rooms
from sessions_app.services.lifecycle import locking
from tests.integration.trading import Desk
from tests.lock_faults import LockFaults
from tests.lock_order import FOLDER_VARIABLE, WATCH
from tests.services.migrated import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.lane("production")]

_ACCOUNTS = Statement(
    lambda: (
        BrokerAccount.objects.filter(id__among=Place("accounts")).order_by("id").select_for_update(no_key=True)
    ).values_list("id")
)


@pytest.fixture
def two() -> tuple[Desk, Desk]:
    """Two authenticated desks, in the order of their accounts' ids."""
    first, second = sorted((Desk.open("srv:a"), Desk.open("srv:b")), key=lambda desk: desk.account.id)
    return first, second


def lock_session(desk: Desk) -> None:
    list(EaSession.objects.select_for_update(no_key=True).filter(id=desk.session.id).values_list("id"))


def test_sessions_before_accounts_is_the_order(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        lock_session(two[0])
        locking.lock_accounts({desk.account.id for desk in two})
        lock_session(two[0])
        EaSession.objects.filter(id=two[0].session.id).update(links=3)
    assert seen == []


def test_a_session_after_an_account_is_seen(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        locking.lock_accounts({two[0].account.id})
        lock_session(two[0])
    assert [f"easession {two[0].session.id} is locked after" in line for line in seen] == [True]


def test_an_update_locks_too(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        BrokerAccount.objects.filter(id=two[1].account.id).update(intent_rate=5)
        AuthKey.objects.filter(id=two[1].key.id).update(retires_at=None)
        two[0].account.save(update_fields=["intent_rate"])
    assert ["authkey" in seen[0], str(two[0].account.id) in seen[1], len(seen)] == [True, True, 2]


def test_an_update_by_a_condition_counts_as_any_row(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        locking.lock_accounts({two[0].account.id})
        EaSession.objects.filter(account=two[1].account).update(links=3)
    assert ["some row of sessions_app_easession" in line for line in seen] == [True]


def test_accounts_in_the_wrong_order_are_seen_across_statements(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        _ACCOUNTS.read(accounts=[two[1].account.id])
        with transaction.atomic():
            _ACCOUNTS.read(accounts=[two[0].account.id])
    assert [str(two[0].account.id) in line for line in seen] == [True]


def test_rows_in_the_wrong_order_are_seen_in_one_statement(two: tuple[Desk, Desk]) -> None:
    rows = BrokerAccount.objects.select_for_update(no_key=True).order_by("-id")
    with WATCH.apart() as seen, transaction.atomic():
        list(rows.values_list("account_id", "id"))
    assert [str(two[0].account.id) in line for line in seen] == [True]


def test_what_is_sent_together_is_looked_at_when_it_has_come(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic(), together():
        _ACCOUNTS.send(accounts=[two[1].account.id])
        _ACCOUNTS.send(accounts=[two[0].account.id])
        assert seen == []
    assert [str(two[0].account.id) in line for line in seen] == [True]


def test_many_rows_in_one_update_are_seen(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        locking.lock_accounts({two[0].account.id})
        update_rows(EaSession, [two[0].session], ["links"])
    assert [str(two[0].session.id) in line for line in seen] == [True]


def test_turns_come_after_keys_and_before_sessions(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        lock_session(two[0])
        locking.take_turns(UUID(int=7))
    assert ["turn 7 is locked after" in line for line in seen] == [True]


@pytest.mark.parametrize(("turns", "is_told"), [([7, 9], False), ([9, 7], True)])
def test_the_turns_of_one_statement_are_taken_by_their_numbers(turns: list[int], is_told: bool) -> None:
    with WATCH.apart() as seen, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(turn) FROM unnest(%s::bigint[]) AS turn", [turns])
    assert bool(seen) is is_told


def test_each_transaction_begins_anew(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen:
        with transaction.atomic():
            locking.lock_accounts({two[1].account.id})
        with transaction.atomic():
            lock_session(two[0])
            locking.lock_accounts({two[0].account.id})
    assert seen == []


def test_what_a_savepoint_has_let_go_of_is_not_held(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        with suppress(RuntimeError), transaction.atomic():
            locking.lock_accounts({two[1].account.id})
            raise RuntimeError
        lock_session(two[0])
    assert seen == []


def test_what_a_transaction_has_made_itself_is_nobody_else_s(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        locking.lock_accounts({two[1].account.id})
        account = BrokerAccount.objects.create(account_id="srv:c", claimed_as="srv:c", created_at=database_now())
        key = AuthKey.objects.create(account=account, fingerprint="c", key_hash="-", requested_at=database_now())
        AuthKey.objects.filter(id=key.id).update(requested_from="here")
        locking.take_turns(account.id)
        assert seen == []
        locking.take_turns(two[0].account.id)
    assert ["turn" in line for line in seen] == [True]


def test_the_circle_of_strategies_comes_before_everything(two: tuple[Desk, Desk]) -> None:
    with WATCH.apart() as seen, transaction.atomic():
        cycles.hold()
        lock_session(two[0])
        cycles.hold()
    with WATCH.apart() as late, transaction.atomic():
        lock_session(two[0])
        cycles.hold()
    assert (seen, ["circle" in line for line in late]) == ([], [True])


def test_rooms_come_between_sessions_and_accounts(two: tuple[Desk, Desk]) -> None:
    rooms.lock_rooms({two[0].key.id, two[1].key.id})
    with WATCH.apart() as seen, transaction.atomic():
        lock_session(two[0])
        rooms.lock_rooms({two[1].key.id})
        locking.lock_accounts({two[0].account.id})
        assert seen == []
        rooms.lock_rooms({two[0].key.id})
    assert ["pendingroom" in line for line in seen] == [True]


PLANTED = """
from django.db import transaction
from sessions_app.models import BrokerAccount
with transaction.atomic():
    for row in BrokerAccount.objects.order_by("-id").values_list("id", flat=True)[:2]:
        BrokerAccount.objects.filter(id=row).update(intent_rate=7)
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_that_a_test_has_started_writes_it_down(tmp_path: Path, two: tuple[Desk, Desk]) -> None:
    name, told = connection.settings_dict["NAME"], tmp_path / "told"
    told.mkdir()
    address = re.sub(r"/[^/?]+(?=\?|$)", f"/{name}", os.environ["DATABASE_URL"], count=1)
    env = {**os.environ, "DATABASE_URL": address, FOLDER_VARIABLE: str(told)}
    command = [sys.executable, "manage.py", "shell", "-c", PLANTED]
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, timeout=60)
    faults = LockFaults(told)
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    faults.pytest_sessionfinish(session)  # type: ignore[arg-type]  # all that it looks at
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED
    assert [str(two[0].account.id) in line for line in faults.faults] == [True]
