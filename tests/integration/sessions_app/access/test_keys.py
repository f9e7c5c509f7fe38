"""Decisions about keys: one winner, one history row, and the session that follows."""

from datetime import timedelta
from uuid import uuid4

import pytest

from orders.models import Command
from sessions_app.domain.lifecycle import KeyState, Reason, SessionStatus
from sessions_app.models import AuthKey, EaSession, SessionEvent
from sessions_app.services.access import keys
from sessions_app.services.access.keys import AlreadyDecided, TenantNeeded
from sessions_app.services.operations.history import Actor
from tests.factories import (
    AuthKeyFactory,
    CommandFactory,
    EaSessionFactory,
    TenantFactory,
    UserFactory,
)
from tests.factories.sessions import key_of, now

pytestmark = pytest.mark.django_db(transaction=True)

OLGA, PIT = Actor("olga"), Actor("pit")


def moves(key: AuthKey) -> list[tuple[str, str, str, str, str]]:
    rows = SessionEvent.objects.filter(key=key, session=None).order_by("id")
    return list(rows.values_list("from_state", "to_state", "reason", "actor", "note"))


def state_of(session: EaSession) -> str:
    session.refresh_from_db()
    return session.state


def test_case_012_each_decision_leaves_one_history_row() -> None:
    key = AuthKeyFactory.create()
    keys.approve(key_id=key.id, by=OLGA, reason="our terminal")
    keys.revoke(key_id=key.id, by=PIT, reason="sold")
    assert moves(key) == [
        ("pending", "approved", Reason.KEY_APPROVED, "olga", "our terminal"),
        ("approved", "revoked", Reason.KEY_REVOKED, "pit", "sold"),
    ]
    key.refresh_from_db()
    assert (key.state, key.decided_as, key.decision_reason) == (KeyState.REVOKED, "pit", "sold")


def test_a_decision_is_stored_with_the_user_who_made_it() -> None:
    key, user = AuthKeyFactory.create(), UserFactory.create()
    keys.reject(key_id=key.id, by=Actor(user.username, user.pk), reason="unknown")
    key.refresh_from_db()
    assert (key.decided_by, key.decided_as) == (user, user.username)


@pytest.mark.parametrize("second", [keys.approve, keys.reject])
def test_case_020_the_second_decision_loses_and_learns_who_was_first(second: "type[object]") -> None:
    key = AuthKeyFactory.create()
    keys.approve(key_id=key.id, by=OLGA, reason="known")
    with pytest.raises(AlreadyDecided, match=r"Already approved by olga at \d{4}-\d\d-\d\d"):
        second(key_id=key.id, by=PIT, reason="no")  # type: ignore[call-arg]
    assert len(moves(key)) == 1


@pytest.mark.parametrize("state", [KeyState.PENDING, KeyState.REJECTED])
def test_only_an_approved_key_can_be_revoked(state: KeyState) -> None:
    key = AuthKeyFactory.create()
    if state is KeyState.REJECTED:
        keys.reject(key_id=key.id, by=OLGA, reason="unknown")
    before = moves(key)
    with pytest.raises(AlreadyDecided):
        keys.revoke(key_id=key.id, by=PIT, reason="no")
    assert moves(key) == before


def test_an_account_of_nobody_needs_a_tenant_and_nothing_changes_without_one() -> None:
    key = AuthKeyFactory.create(account__tenant=None)
    with pytest.raises(TenantNeeded):
        keys.approve(key_id=key.id, by=OLGA, reason="known")
    key.refresh_from_db()
    assert (key.state, moves(key)) == (KeyState.PENDING, [])
    tenant = TenantFactory.create()
    keys.approve(key_id=key.id, by=OLGA, reason="known", tenant_id=tenant.id)
    key.account.refresh_from_db()
    assert key.account.tenant == tenant


def test_an_approval_never_moves_an_account_to_another_tenant() -> None:
    key = AuthKeyFactory.create()
    keys.approve(key_id=key.id, by=OLGA, reason="known", tenant_id=TenantFactory.create().id)
    owner = key.account.tenant
    key.account.refresh_from_db()
    assert key.account.tenant == owner


def test_the_newest_living_session_of_the_key_is_promoted() -> None:
    key = AuthKeyFactory.create()
    older, newer = (EaSessionFactory.create(account=key.account, key=key) for _ in range(2))
    approval = keys.approve(key_id=key.id, by=OLGA, reason="known")
    assert approval.promoted == newer.id
    assert (state_of(older), state_of(newer)) == (SessionStatus.PENDING, SessionStatus.AUTHENTICATED)


def test_case_156_a_session_that_died_an_hour_ago_waits_for_its_heartbeat() -> None:
    key = AuthKeyFactory.create()
    dead = EaSessionFactory.create(account=key.account, key=key, last_heartbeat_at=now() - timedelta(hours=1))
    living = EaSessionFactory.create(account=key.account, authenticated=True)
    assert keys.approve(key_id=key.id, by=OLGA, reason="known").promoted is None
    assert (state_of(dead), state_of(living)) == (SessionStatus.PENDING, SessionStatus.AUTHENTICATED)


def test_a_promotion_preempts_the_accounts_former_session() -> None:
    former = EaSessionFactory.create(authenticated=True)
    asking = EaSessionFactory.create(account=former.account)
    keys.approve(key_id=key_of(asking).id, by=OLGA, reason="new terminal")
    assert (state_of(former), former.close_reason) == (SessionStatus.CLOSED, Reason.PREEMPTED)
    assert (state_of(asking), asking.fence) == (SessionStatus.AUTHENTICATED, 1)


def test_a_promotion_releases_what_was_held() -> None:
    held = CommandFactory.create(held=True, copy__copy_no=None, copy__state="held", epoch=uuid4())
    asking = EaSessionFactory.create(account=held.account)
    keys.approve(key_id=key_of(asking).id, by=OLGA, reason="known")
    released = Command.objects.get(id=held.id)
    assert (released.state, released.seq) == ("queued", 1)


def test_a_rejection_ends_the_keys_sessions() -> None:
    session = EaSessionFactory.create()
    keys.reject(key_id=key_of(session).id, by=OLGA, reason="unknown")
    assert (state_of(session), session.close_reason) == (SessionStatus.REJECTED, Reason.KEY_REJECTED)


def test_case_019_a_revocation_ends_the_living_session_at_once() -> None:
    session = EaSessionFactory.create(authenticated=True)
    keys.revoke(key_id=key_of(session).id, by=OLGA, reason="sold")
    assert (state_of(session), session.close_reason) == (SessionStatus.CLOSED, Reason.KEY_REVOKED)
