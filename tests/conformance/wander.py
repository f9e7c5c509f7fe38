"""Everything that several clients and an operator may do with the sessions of one account, in any order.

After every step: at most one authenticated session, and fences that strictly grow; in the end only moves of the table.
A sequence that breaks a rule is made as short as it can be, and printed as a program.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from sessions_app import queries
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.lifecycle import SESSION_MOVES, KeyState, Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent, Tenant
from sessions_app.models.fields import new_id
from sessions_app.services.access import keys, suspensions
from sessions_app.services.lifecycle import ending, expiry, opening, promotion, resuming
from sessions_app.services.operations.history import EA, Actor

OPERATOR: Final = Actor("operator")
engine.MAX_SHRINKING_SECONDS = 60  # there is no setting for it; a test that hangs for 300 s ends its lane
CLIENTS: Final = st.sampled_from(["first", "second", "third"])
RECENT: Final = st.integers(0, 5)


class Walk(RuleBasedStateMachine):
    """An account of its own, whose clients have a key each, and another when that is used up."""

    tenant: ClassVar[Tenant]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        name = f"Walk:{new_id()}"
        self.account = BrokerAccount.objects.create(
            tenant=self.tenant, account_id=name.lower(), claimed_as=name, created_at=queries.database_now()
        )
        self.keys: dict[str, AuthKey] = {}
        self.tokens: list[str] = []
        self.fence = 0

    @rule(client=CLIENTS, known=st.booleans())
    def opens(self, client: str, known: bool) -> None:
        if known:
            self.is_decided_about(client, keys.approve)
        request = opening.Request(auth_method="account_session_key", platform="sdk")
        with suppress(Refused):
            self.tokens.append(opening.open_session(key=self._key(client), request=request).token)

    @rule(client=CLIENTS, verb=st.sampled_from([keys.approve, keys.reject, keys.revoke]))
    def is_decided_about(self, client: str, verb: Callable[..., object]) -> None:
        with suppress(keys.AlreadyDecided):
            verb(key_id=self._key(client).id, by=OPERATOR, reason="a walk")

    @precondition(lambda self: self.tokens)
    @rule(back=RECENT)
    def resumes(self, back: int) -> None:
        resuming.resume(token=self.tokens[-1 - back % len(self.tokens)], hello=Hello())

    @precondition(lambda self: self.tokens)
    @rule(back=RECENT)
    def beats(self, back: int) -> None:
        session = self._session(back)
        EaSession.objects.filter(id=session.id).update(last_heartbeat_at=queries.database_now())
        promotion.promote_session(session_id=session.id)

    @precondition(lambda self: self.tokens)
    @rule(back=RECENT)
    def closes(self, back: int) -> None:
        ending.close_session(session_id=self._session(back).id, reason=Reason.SHUTDOWN_BY_EA, actor=EA)

    @rule()
    def falls_silent(self) -> None:
        mine = EaSession.objects.filter(account=self.account, state=SessionStatus.AUTHENTICATED)
        mine.update(deadline_at=queries.database_now() - timedelta(seconds=1))
        expiry.expire_overdue()

    @precondition(lambda self: self.fence > 1)
    @rule()
    def is_suspended(self) -> None:
        with suppress(suspensions.AlreadyThere):
            suspensions.suspend(account_pk=self.account.id, by=OPERATOR, reason="a walk")

    @precondition(lambda self: self.fence > 1)
    @rule()
    def suspension_is_lifted(self) -> None:
        with suppress(suspensions.AlreadyThere):
            suspensions.lift_suspension(account_pk=self.account.id, by=OPERATOR, reason="a walk")

    @invariant()
    def one_session_serves_under_the_newest_fence(self) -> None:
        Walk.steps += 1
        account = BrokerAccount.objects.get(id=self.account.id)
        fences = list(
            EaSession.objects.filter(account=account, state=SessionStatus.AUTHENTICATED).values_list("fence", flat=True)
        )
        if fences not in ([], [account.fence]) or account.fence < self.fence:
            raise AssertionError(f"the fence went from {self.fence} to {account.fence}, the sessions' are {fences}")
        if fences and account.suspended_at is not None:
            raise AssertionError("a suspended account is served")
        self.fence = account.fence

    def teardown(self) -> None:
        mine = EaSession.objects.filter(account=self.account)
        promoted = mine.filter(fence__gt=0).order_by("authenticated_at", "fence")
        fences = list(promoted.values_list("fence", flat=True))
        if fences != sorted(set(fences)):
            raise AssertionError(f"fences do not strictly grow: {fences}")
        events = SessionEvent.objects.filter(session__in=mine)
        for before, after in events.values_list("from_state", "to_state"):
            allowed = SESSION_MOVES[SessionStatus(before)] if before else {SessionStatus.PENDING}
            if after not in allowed:
                raise AssertionError(f"{before} -> {after} is no move of the table")

    def _key(self, client: str) -> AuthKey:
        usable = (KeyState.PENDING, KeyState.APPROVED)
        held = self.keys.get(client)
        if held is None or not AuthKey.objects.filter(id=held.id, state__in=usable).exists():
            self.keys[client] = AuthKey.objects.create(
                account=self.account, fingerprint=str(new_id()), key_hash="-", requested_at=queries.database_now()
            )
        return self.keys[client]

    def _session(self, back: int) -> EaSession:
        """One of the newest, living or not."""
        newest = list(EaSession.objects.filter(account=self.account).order_by("-created_at", "-id")[:6])
        return newest[back % len(newest)]


def wander(*, account_id: str, walks: int, steps: int) -> dict[str, Any]:
    """So many walks of so many steps, in the account's tenant: what they came to.

    :raises AssertionError: a rule is broken; the shortest program that breaks it goes with it
    """
    tenant = BrokerAccount.objects.get(account_id=account_id.lower()).tenant
    if tenant is None:
        raise ValueError(f"{account_id} has no tenant")
    Walk.tenant, Walk.steps = tenant, 0
    bounds = settings(
        max_examples=walks,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Walk, settings=bounds)
    mine = EaSession.objects.filter(account__account_id__startswith="walk:")
    return {
        "steps": Walk.steps,
        "sessions": mine.count(),
        "served": mine.filter(authenticated_at__isnull=False).count(),
        "reasons": sorted(mine.exclude(close_reason="").values_list("close_reason", flat=True).distinct()),
    }
