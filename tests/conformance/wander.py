"""A walk through everything that several clients and an operator may do with the sessions of one account.

After every step: at most one authenticated session, fences that strictly grow, and only moves of the table.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

from sessions_app import queries
from sessions_app.domain.frames import Hello
from sessions_app.domain.lifecycle import SESSION_MOVES, KeyState, Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent
from sessions_app.models.fields import new_id
from sessions_app.services import keys, resuming, sessions
from sessions_app.services.history import EA, Actor

CLIENTS: Final = 3
OPERATOR: Final = Actor("operator")


@dataclass(slots=True)
class Walk:
    """One account, the keys of its clients, and the tokens that they hold."""

    account: BrokerAccount
    random: Random
    tokens: list[str] = field(default_factory=list)
    fence: int = 0

    def key(self) -> AuthKey:
        """One of the clients' keys that is not used up; a new one if there are too few."""
        usable = AuthKey.objects.filter(account=self.account, state__in=(KeyState.PENDING, KeyState.APPROVED))
        known = list(usable.order_by("id"))
        if len(known) < CLIENTS:
            now = queries.database_now()
            name = str(new_id())
            return AuthKey.objects.create(account=self.account, fingerprint=name, key_hash="-", requested_at=now)
        return self.random.choice(known)

    def session(self) -> EaSession | None:
        """One of the newest sessions, living or not."""
        newest = list(EaSession.objects.filter(account=self.account).order_by("-created_at")[:6])
        return self.random.choice(newest) if newest else None


def _open(walk: Walk) -> None:
    request = sessions.Request(auth_method="account_session_key", platform="sdk")
    with suppress(Refused):
        walk.tokens.append(sessions.open_session(key=walk.key(), request=request).token)


def _decide(verb: Callable[..., object]) -> Callable[[Walk], None]:
    def act(walk: Walk) -> None:
        with suppress(keys.AlreadyDecided):
            verb(key_id=walk.key().id, by=OPERATOR, reason="a walk")

    return act


def _resume(walk: Walk) -> None:
    if walk.tokens:
        resuming.resume(token=walk.random.choice(walk.tokens[-6:]), hello=Hello())


def _beat(walk: Walk) -> None:
    session = walk.session()
    if session is not None:
        EaSession.objects.filter(id=session.id).update(last_heartbeat_at=queries.database_now())
        sessions.promote(session_id=session.id)


def _close(walk: Walk) -> None:
    session = walk.session()
    if session is not None:
        sessions.close(session_id=session.id, reason=Reason.SHUTDOWN_BY_EA, actor=EA)


def _expire(walk: Walk) -> None:
    overdue = queries.database_now() - timedelta(seconds=1)
    mine = EaSession.objects.filter(account=walk.account, state=SessionStatus.AUTHENTICATED)
    mine.update(deadline_at=overdue)
    sessions.expire_overdue()


ACTS: Final[Mapping[str, Callable[[Walk], None]]] = {
    "open": _open,
    "open again": _open,  # preempts, where the key is approved
    "approve": _decide(keys.approve),
    "reject": _decide(keys.reject),
    "revoke": _decide(keys.revoke),
    "resume": _resume,
    "beat": _beat,
    "close": _close,
    "expire": _expire,
}
_ODDS: Final = (6, 4, 5, 1, 1, 4, 5, 2, 2)


def wander(*, account_id: str, steps: int, seed: int) -> int:
    """Do so many acts at random; how many sessions were opened.

    :raises AssertionError: an invariant is broken, with the seed and the step
    """
    account = BrokerAccount.objects.get(account_id=account_id.lower())
    walk = Walk(account, Random(seed))
    for step in range(steps):
        (name,) = walk.random.choices(list(ACTS), weights=_ODDS)
        ACTS[name](walk)
        _check(walk, f"seed {seed}, step {step}, {name}")
    _check_moves(account.id)
    return EaSession.objects.filter(account=account).count()


def _check(walk: Walk, where: str) -> None:
    mine = EaSession.objects.filter(account=walk.account)
    fences = list(mine.filter(state=SessionStatus.AUTHENTICATED).values_list("fence", flat=True))
    if len(fences) > 1:
        raise AssertionError(f"{where}: two authenticated sessions")
    fence = BrokerAccount.objects.values_list("fence", flat=True).get(id=walk.account.id)
    if fence < walk.fence or (fences and fences[0] != fence):
        raise AssertionError(f"{where}: the fence went from {walk.fence} to {fence}, the session's is {fences}")
    walk.fence = fence


def _check_moves(account_pk: UUID) -> None:
    events = SessionEvent.objects.filter(account_id=account_pk, session__isnull=False).order_by("at", "id")
    fences = list(
        EaSession.objects.filter(account_id=account_pk, fence__gt=0)
        .order_by("authenticated_at", "fence")
        .values_list("fence", flat=True)
    )
    if fences != sorted(set(fences)):
        raise AssertionError(f"fences do not strictly grow: {fences}")
    for before, after in events.values_list("from_state", "to_state"):
        allowed = SESSION_MOVES[SessionStatus(before)] if before else {SessionStatus.PENDING}
        if after not in allowed:
            raise AssertionError(f"{before} -> {after} is no move of the table")
