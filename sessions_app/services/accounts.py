"""What happens when a terminal asks for a session: who is it, may it ask, and which session does it get."""

from datetime import timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import IntegrityError

from sessions_app import queries
from sessions_app.auth.interface import Presented, Strategy, Verified
from sessions_app.auth.registry import strategy_for
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.lifecycle import KeyState
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, EaSession
from sessions_app.services import keys, sessions
from sessions_app.services.sessions import Opened, Request

_WINDOW: Final = timedelta(seconds=60)
_log = structlog.get_logger(__name__)


class InFlight(Exception):
    """The same Idempotency-Key is being answered in this very moment."""


def request_session(*, account_id: str, material: str, request: Request) -> Opened:
    """Verify the material and open a session: authenticated for an approved key, else pending.

    Limits count what nobody has approved: a stranger can neither lock an owner out nor learn whether an account exists.

    :raises Refused: `account_id_invalid`, `auth_method_unknown`, `key_malformed`, `key_rejected`, `key_not_enrolled`,
        `account_suspended`, `throttled`, `try_later`, `idempotency_key_reused`
    :raises InFlight: a request with the same Idempotency-Key is not answered yet
    """
    canonical = canonical_account_id(account_id)
    strategy = strategy_for(request.auth_method)
    presented = Presented(account_id=canonical, address=request.address, material=material)
    verified = strategy.verify(presented)
    key = verified.key
    if key is None:
        key = _enrol(presented, verified, strategy, claimed_as=account_id)
    elif key.state == KeyState.PENDING:
        _check_asks(key, request)
    _keep_stronger_hash(key, verified)
    return _open(key, request)


def _enrol(presented: Presented, verified: Verified, strategy: Strategy, *, claimed_as: str) -> AuthKey:
    """Store an approval request for a key that nobody knows; a known and an unknown account cost the same."""
    account = queries.account_by_id(presented.account_id)
    if not _enrols_itself(account):
        raise Refused("key_not_enrolled")
    now = queries.database_now()
    asked = queries.recent_unknown_keys(account_id=presented.account_id, address=presented.address, since=now - _WINDOW)
    if asked >= settings.GATEWAY["unknown_keys_per_minute"]:
        _throttle(presented.account_id, presented.address)
    if account is not None and account.suspended_at is not None:
        raise Refused("account_suspended")
    return keys.enrol(
        account_id=presented.account_id,
        claimed_as=claimed_as,
        fingerprint=verified.fingerprint,
        key_hash=strategy.protect(presented.material),
        address=presented.address,
        now=now,
    )


def _enrols_itself(account: BrokerAccount | None) -> bool:
    """The deployment's rule, unless the account's tenant has its own."""
    own = account.tenant.self_enrolment if account is not None and account.tenant is not None else None
    return bool(settings.GATEWAY["self_enrolment"]) if own is None else own


def _check_asks(key: AuthKey, request: Request) -> None:
    """A key that waits may ask often, but not without bound: every new session is a row. Replays are none."""
    since = queries.database_now() - _WINDOW
    asked = EaSession.objects.filter(key=key, created_at__gt=since)
    if asked.count() < settings.GATEWAY["pending_rate_per_minute"]:
        return
    if request.idempotency_key is None or not asked.filter(idempotency_key=request.idempotency_key).exists():
        _throttle(key.account.account_id, request.address)


def _throttle(account_id: str, address: str) -> None:
    _log.warning("session.throttled", account=account_id, address=address)
    raise Refused("throttled", retry_after=int(_WINDOW.total_seconds()))


def _keep_stronger_hash(key: AuthKey, verified: Verified) -> None:
    if verified.stronger_hash is not None:
        AuthKey.objects.filter(id=key.id, key_hash=key.key_hash).update(key_hash=verified.stronger_hash)


def _open(key: AuthKey, request: Request) -> Opened:
    try:
        return sessions.open_session(key=key, request=request)
    except IntegrityError as race:
        if request.idempotency_key is not None and _is_stored(key, request.idempotency_key):
            raise InFlight from race
        raise


def _is_stored(key: AuthKey, idempotency_key: str) -> bool:
    return EaSession.objects.filter(account_id=key.account_id, idempotency_key=idempotency_key).exists()
