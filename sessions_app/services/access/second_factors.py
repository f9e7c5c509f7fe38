"""A person's second factor: set up, asked for, replaced by a recovery code, taken away."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from sessions_app import queries
from sessions_app.domain import one_time_codes
from sessions_app.domain.people import PersonAct
from sessions_app.models import Passkey, RecoveryCode, SecondFactor
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import person_history
from sessions_app.vault import ring
from sessions_app.vault.sealing import Place, key_version, rewrap, seal, unseal

_FIELD: Final = "second factor"


class WrongCode(Exception):
    """Neither a code of now, nor a recovery code; or it was used before."""


class AlreadySetUp(Exception):
    """The person has a second factor: it is taken away first."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """A person's new recovery codes, which are shown this once."""

    recovery_codes: list[str] = field(repr=False)


def is_set_up(user_id: int) -> bool:
    """Whether the person has a phone that makes codes."""
    return SecondFactor.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists()


def is_asked(user_id: int) -> bool:
    """Whether the person must show a second factor to sign in: a code of his phone, or a passkey."""
    return is_set_up(user_id) or Passkey.objects.filter(user_id=user_id).exists()


def recovery_codes_left(user_id: int) -> int:
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


def begin(user_id: int) -> str:
    """The secret that the person's phone takes in; the same one until he has shown a code of it.

    It waits in the table, sealed, and not in his session: sessions are stored in clear.

    :raises AlreadySetUp: he has one
    :raises VaultClosed: there is nothing to seal it with
    """
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().filter(user_id=user_id).first()
        if row is not None and row.confirmed_at is not None:
            raise AlreadySetUp
        if row is not None:
            return _secret(row)
        secret = one_time_codes.new_secret()
        sealed = seal(secret, place=_place(user_id), ring=ring.current())
        SecondFactor.objects.create(
            user_id=user_id, sealed=sealed, key_version=key_version(sealed), created_at=queries.database_now()
        )
        return secret


def confirm(*, user: User, code: str, address: str) -> SetUp:
    """The person has shown a code of the secret: from now on he is asked for one.

    :raises WrongCode: it is none
    :raises AlreadySetUp: another page of his was first
    """
    with transaction.atomic():
        now = queries.database_now()
        row = SecondFactor.objects.select_for_update().get(user_id=user.pk)
        if row.confirmed_at is not None:
            raise AlreadySetUp
        step = _step(row, code, now)
        if step is None:
            raise WrongCode
        SecondFactor.objects.filter(pk=row.pk).update(confirmed_at=now, last_step=step)
        _record(PersonAct.SECOND_FACTOR_SET_UP, user, user.get_username(), address, now)
        return new_codes(user)


def check(*, user: User, code: str, address: str) -> None:
    """Take a code of the phone, or a recovery code, for good.

    :raises WrongCode: it is none, or was taken before
    """
    typed = one_time_codes.as_typed(code)
    with transaction.atomic():
        now = queries.database_now()
        if one_time_codes.is_phone_code(typed):
            _take_phone_code(user, typed, now)
            return
        digest = one_time_codes.recovery_digest(typed)
        if not RecoveryCode.objects.filter(user=user, digest=digest, used_at=None).update(used_at=now):
            raise WrongCode
        note = f"{recovery_codes_left(user.pk)} left"
        _record(PersonAct.RECOVERY_CODE_USED, user, user.get_username(), address, now, note)


def renew_recovery_codes(*, user: User, address: str) -> SetUp:
    """Ten new codes; the former ones open nothing any more."""
    with transaction.atomic():
        _record(PersonAct.RECOVERY_CODES_RENEWED, user, user.get_username(), address, queries.database_now())
        return new_codes(user)


def remove(*, user: User, address: str) -> None:
    """Its owner takes his phone away; with the last second factor go the recovery codes."""
    with transaction.atomic():
        SecondFactor.objects.filter(user=user).delete()
        drop_codes_without_factor(user)
        _record(PersonAct.SECOND_FACTOR_REMOVED, user, user.get_username(), address, queries.database_now())


def reset(*, user: User, by: str, reason: str) -> None:
    """Take all of it away from somebody who has lost his phone or his passkeys: by one who may."""
    with transaction.atomic():
        SecondFactor.objects.filter(user=user).delete()
        Passkey.objects.filter(user=user).delete()
        drop_codes_without_factor(user)
        _record(PersonAct.SECOND_FACTOR_RESET, user, by, "", queries.database_now(), reason)


@requires_transaction
def drop_codes_without_factor(user: User) -> None:
    """Recovery codes stand for a second factor: without one they open nothing."""
    if not is_asked(user.pk):
        RecoveryCode.objects.filter(user=user).delete()


@requires_transaction
def rewrap_all(*, limit: int) -> int:
    """Wrap some of those that rest on an older key of the vault anew. Returns how many."""
    keys = ring.current()
    old = SecondFactor.objects.select_for_update().exclude(key_version=keys.newest).order_by("id")[:limit]
    rows = list(old)
    for row in rows:
        row.sealed = rewrap(bytes(row.sealed), place=_place(row.user_id), ring=keys)
        row.key_version = keys.newest
    SecondFactor.objects.bulk_update(rows, ["sealed", "key_version"])
    return len(rows)


def _take_phone_code(user: User, typed: str, now: datetime) -> None:
    row = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    step = None if row is None else _step(row, typed, now)
    # Of two who show one code at once, one is let in.
    if step is None or not SecondFactor.objects.filter(user=user, last_step__lt=step).update(last_step=step):
        raise WrongCode


def _step(row: SecondFactor, code: str, now: datetime) -> int | None:
    typed = one_time_codes.as_typed(code)
    if not one_time_codes.is_phone_code(typed):
        return None
    return one_time_codes.step_of(_secret(row), typed, seconds=now.timestamp(), after=row.last_step)


def _secret(row: SecondFactor) -> str:
    return unseal(bytes(row.sealed), place=_place(row.user_id), ring=ring.current())


def _place(user_id: int) -> Place:
    return Place(tenant="", owner=f"user {user_id}", field=_FIELD, version=1)


@requires_transaction
def new_codes(user: User) -> SetUp:
    """Ten recovery codes in place of those that there were."""
    codes = one_time_codes.new_recovery_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=one_time_codes.recovery_digest(code)) for code in codes
    )
    return SetUp(codes)


def _record(act: PersonAct, user: User, actor: str, address: str, at: datetime, note: str = "") -> None:
    person_history.record(act=act, person=user.get_username(), actor=actor, address=address, at=at, note=note)
