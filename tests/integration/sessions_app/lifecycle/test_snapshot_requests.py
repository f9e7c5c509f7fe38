"""When an account's EA is asked what it holds."""

import pytest

from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.services.lifecycle import snapshot_requests
from tests.factories import EaSessionFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_somebody_without_a_transaction_may_ask_and_is_told_whether_a_terminal_hears_it() -> None:
    pending = EaSessionFactory.create(account__needs_snapshot=False)
    serving = EaSessionFactory.create(authenticated=True, account__needs_snapshot=False)
    for session, heard in ((pending, False), (serving, True)):
        account = session.account
        assert snapshot_requests.ask_for_snapshot(account_pk=account.id, reason=SnapshotReason.ON_REQUEST) is heard
        account.refresh_from_db()
        assert account.snapshot_due_at is not None
        assert account.snapshot_reason == SnapshotReason.ON_REQUEST
