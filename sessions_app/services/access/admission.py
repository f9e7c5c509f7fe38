"""What happens when a terminal asks for a session: who is it, may it ask, and which session does it get."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings

from sessions_app import queries
from sessions_app.auth.interface import Enrolling, Presented, Strategy, Verified, Vouched
from sessions_app.auth.registry import strategy_for
from sessions_app.domain.addresses import counted_as
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.lifecycle import LIVING, KeyState
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, EaSession
from sessions_app.services.access import enrolment_policies, grants, idempotency, keys, rate_counters
from sessions_app.services.lifecycle import opening
from sessions_app.services.lifecycle.opening import Opened, Proof, Request

_log = structlog.get_logger(__name__)


def request_session(*, account_id: str, material: str, request: Request) -> Opened:
    """Verify the material and open a session: authenticated for an approved key or a grant, else pending.

    Limits count what nobody has approved: a stranger can neither lock an owner out nor learn whether an account exists.

    :raises Refused: `account_id_invalid`, `auth_method_unknown`, `key_malformed`, `key_rejected`, `key_not_enrolled`,
        `credentials_refused`, `account_not_granted`, `account_suspended`, `throttled`, `try_later`,
        `idempotency_key_reused`, `request_in_flight`
    """
    canonical = canonical_account_id(account_id)
    try:
        if request.idempotency_key is None:
            return _request_session(canonical, account_id, material, request)
        # Two replays at once would both find no session yet, and open two.
        with idempotency.only_one(f"{canonical} {request.idempotency_key}"):
            return _request_session(canonical, account_id, material, request)
    except (AuthKey.DoesNotExist, BrokerAccount.DoesNotExist) as gone:
        # It has lapsed in this moment, after a month in which nobody asked: asked for again it is a new one.
        raise Refused("try_later", retry_after=1) from gone


def _request_session(canonical: str, account_id: str, material: str, request: Request) -> Opened:
    # What its tenant takes is asked when the terminal has shown that the account is its own: a stranger is told what
    # he would be told of an account that nobody knows.
    strategy = strategy_for(request.auth_method)
    presented = Presented(account_id=canonical, address=request.address, material=material)
    found = strategy.verify(presented)
    # Somebody trusted vouches: there is no key that people would have to decide about.
    if isinstance(found, Vouched):
        grant = found.grant or grants.admit_by_policy(
            vouched=found, method=strategy.method, account_id=canonical, claimed_as=account_id
        )
        strategy_for(request.auth_method, grant.account.tenant)
        _check_pace(grant, request)
        return opening.open_session(key=grant, request=request)
    key = found.key
    if key is None:
        account = queries.account_by_id(canonical)
        key = _enrol(_Asking(presented, found, strategy, account, claimed_as=account_id))
    elif key.state == KeyState.PENDING:
        key = keys.consult_policies(key=key, digest=found.digest, address=request.address)
    # Counted before anything slow is done for it: requests beyond the bound cost no hash.
    if key.state == KeyState.PENDING:
        _check_asks(key, request)
    else:
        _check_pace(key, request)
    if found.prove is not None:
        _keep_stronger_hash(key, found.prove())
    if key.state == KeyState.APPROVED:
        strategy_for(request.auth_method, key.account.tenant)
    return opening.open_session(key=key, request=request)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A key that is shown, and for what. `account` is None for one that nobody knows."""

    presented: Presented
    verified: Verified
    strategy: Strategy
    account: BrokerAccount | None
    claimed_as: str


def _enrol(asking: _Asking) -> AuthKey:
    """Store an approval request for a key that nobody knows; a known and an unknown account cost the same.

    A key that a policy knows beforehand is under no limit: strangers must not use up its owner's.
    """
    presented, verified, account = asking.presented, asking.verified, asking.account
    # Only a strategy that enrols can say how a new key is to be stored.
    if not isinstance(asking.strategy, Enrolling):
        raise Refused("key_not_enrolled")
    now = queries.database_now()
    marks = (verified.fingerprint, verified.digest)
    policy = enrolment_policies.applying_policy(
        enrolment_policies.Asking(presented.account_id, account, marks, presented.address, now)
    )
    # Asked of the deployment, never of the account: a stranger learns of neither kind. Whose tenant wants no requests
    # has them kept from its desk (`queries.waiting_keys`), ADR 75.
    stored = queries.stores_unknown_keys()
    if policy is None and not stored:
        raise Refused("key_not_enrolled")
    if policy is None or not policy.proven:
        _spend_budget(presented, now)
    unknown = keys.Unknown(
        account_id=presented.account_id,
        claimed_as=asking.claimed_as,
        fingerprint=verified.fingerprint,
        digest=verified.digest,
        key_hash=asking.strategy.protect(presented.material),
        address=presented.address,
    )
    return keys.enrol(unknown=unknown, stored=stored, now=now)


def _spend_budget(presented: Presented, now: datetime) -> None:
    """Count an unknown key for its address and for its account, before anything is hashed or stored for it."""
    limit = settings.GATEWAY["unknown_keys_per_minute"]
    address = counted_as(presented.address)
    asked = f"unknown key for {presented.account_id}"
    # Where the owner's terminal was lately a new key may be his: strangers elsewhere do not use up its share.
    at_home = EaSession.objects.filter(
        account__account_id=presented.account_id, fence__gt=0, remote_address=presented.address
    )
    if at_home.exists():
        asked += f" from {address}"
    # Two counters: one address may invent accounts, and many addresses may ask for one account.
    for scope in (f"unknown key from {address}", asked):
        if not rate_counters.count_request(scope=scope, limit=limit, now=now):
            _throttle(presented.account_id, presented.address)


def _check_asks(key: AuthKey, request: Request) -> None:
    """A key that waits may ask often, but not without bound: every new session is a row. Replays are none."""
    known = request.idempotency_key is not None and _is_stored(key, request.idempotency_key)
    limit, now = settings.GATEWAY["pending_sessions_per_minute"], queries.database_now()
    if not known and not rate_counters.count_request(scope=f"pending key {key.id}", limit=limit, now=now):
        _throttle(key.account.account_id, request.address)


def _throttle(account_id: str, address: str) -> None:
    _log.warning("session.throttled", account=account_id, address=address)
    raise Refused("throttled", retry_after=int(rate_counters.WINDOW.total_seconds()))


def _keep_stronger_hash(key: AuthKey, stronger: str | None) -> None:
    if stronger is not None:
        # Compare-and-set: another request may have written a still stronger hash.
        AuthKey.objects.filter(id=key.id, key_hash=key.key_hash).update(key_hash=stronger)


def _check_pace(proof: Proof, request: Request) -> None:
    """Each new session of an authorised terminal ends its former one: not more often than anybody needs.

    Pending sessions end nobody's, and are counted by their keys.
    """
    limit, now = settings.GATEWAY["sessions_per_minute"], queries.database_now()
    # A replay opens nothing, so it is not counted against its own first request.
    known = request.idempotency_key is not None and _is_stored(proof, request.idempotency_key)
    scope = f"session of {proof.account_id}"
    if not known and not rate_counters.count_request(scope=scope, limit=limit, now=now):
        _throttle(proof.account.account_id, request.address)


def _is_stored(proof: Proof, idempotency_key: str) -> bool:
    former = opening.former_of(proof, idempotency_key)
    return former is not None and former.state in LIVING
