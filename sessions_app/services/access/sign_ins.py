"""Passwords of people: tries are bounded before anything is hashed, and written down."""

import hashlib
import unicodedata
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.addresses import counted_as
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import SignIn
from sessions_app.services.access import rate_counters
from sessions_app.services.operations import alerts

WINDOW: Final = timedelta(minutes=15)
KEPT: Final = timedelta(days=90)
_SLICE: Final = 1000
_log = structlog.get_logger(__name__)


class SignInThrottled(Exception):
    """Too many tries under this name, or from this address."""

    retry_after: Final = int(WINDOW.total_seconds())


def take_try(*, name: str, address: str) -> None:
    """Count one try, before its password is looked at.

    A name is counted apart at addresses where its owner has signed in lately: who tries passwords elsewhere can lock
    the name there, and not its owner out.

    :raises SignInThrottled: also for the right password
    """
    now, bounds = queries.database_now(), settings.GATEWAY
    limits = {
        _from(address): bounds["sign_ins_per_address"],
        _as(name, address, now): bounds["sign_ins_per_name"],
    }
    for scope, limit in limits.items():
        if not rate_counters.count_request(scope=scope, limit=limit, now=now, window=WINDOW):
            _log.warning("person.sign_in_throttled", address=address)
            _alert(scope, address)
            raise SignInThrottled


def succeeded(*, name: str, address: str, tries: int = 1) -> None:
    """The tries that were counted led to the right person: they are none of those that are bounded.

    `tries`: two where a code was asked for after the password. A password alone gives nothing back then: who has
    found one would try codes without end.
    """
    now = queries.database_now()
    for scope in (_from(address), _as(name, address, now)) * tries:
        rate_counters.give_back(scope=scope)
    SignIn.objects.create(name=name, address=address, succeeded=True, at=now)
    _log.info("person.signed_in", name=name, address=address)


def refused(*, name: str, address: str) -> None:
    """The try that was counted had a wrong password, or a name that nobody has."""
    known = get_user_model().objects.filter(username=name).exists()
    SignIn.objects.create(name=name if known else "", address=address, succeeded=False, at=queries.database_now())
    _log.warning("person.sign_in_refused", name=name if known else "", address=address)


def forget_old(*, now: datetime) -> int:
    """Delete what was written down long ago, a slice in a transaction. Returns how many."""
    deleted, old = 0, SignIn.objects.filter(at__lt=now - KEPT).order_by("at")
    while some := list(old.values_list("id", flat=True)[:_SLICE]):
        deleted += SignIn.objects.filter(id__in=some).delete()[0]
    return deleted


def _from(address: str) -> str:
    return f"sign-in from {counted_as(address)}"


def _as(name: str, address: str, now: datetime) -> str:
    # A tally's scope is short, a name need not be.
    mark = hashlib.sha256(unicodedata.normalize("NFKC", name).casefold().encode()).hexdigest()[:32]
    at_home = SignIn.objects.filter(name=name, address=address, succeeded=True, at__gt=now - KEPT).exists()
    return f"sign-in as {mark} from {counted_as(address)}" if at_home else f"sign-in as {mark}"


def _alert(scope: str, address: str) -> None:
    """One row per lock, however many tries come while it lasts."""
    subject = hashlib.sha256(scope.encode()).hexdigest()[:32]
    if alerts.stands(AlertCode.SIGN_IN_LOCKED, subject):
        return
    with transaction.atomic(durable=True):
        text = f"Too many tries to sign in; the latest from {address}"
        alerts.raise_alert(code=AlertCode.SIGN_IN_LOCKED, text=text, now=queries.database_now(), subject=subject)
