"""Passkeys: keys that a device or a stick keeps, and signs with for one name of ours alone (WebAuthn).

What a browser answers is read and verified by the library `fido2`. No challenge is stored: its page carries it, signed,
with whom it is for, what for, and since when. A passkey answers none that is older than the last that it has answered,
so that an answer opens once, whatever process it reaches.
"""

import base64
import json
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db import IntegrityError, transaction
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from sessions_app import queries
from sessions_app.domain.people import PersonAct
from sessions_app.models import Passkey
from sessions_app.services.access import second_factors
from sessions_app.services.access.second_factors import SetUp
from sessions_app.services.operations import person_history

MOST: Final = 10
"""Passkeys of one person."""
GOOD_FOR: Final = timedelta(minutes=5)
_LARGEST: Final = 16_384
_SALT: Final = "passkeys"
_NAME: Final = "EA Gateway"
# What the library raises for an answer that is none; it reads CBOR of strangers, at any depth.
_UNREADABLE: Final = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError, NotImplementedError, RecursionError,
    struct.error,
)  # fmt: skip


class WrongPasskey(Exception):
    """No answer of a passkey that may open this; or its challenge is over, or was answered before."""


class AlreadyThere(Exception):
    """The person has a passkey of this name, or somebody has this very passkey."""


class TooManyPasskeys(Exception):
    """One must be removed first."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a browser says that it is: the page's own origin, and the name in it."""

    origin: str
    host: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page asks the browser for, and what it sends back with the answer."""

    options: str
    state: str


def are_on() -> bool:
    return bool(settings.GATEWAY["passkeys_domain"])


def is_a_domain(name: str) -> bool:
    """Whether browsers make passkeys for it: a name, neither an address nor a URL."""
    try:
        ip_address(name)
    except ValueError:
        labels = name.split(".")
        return name == name.lower() and all(label.replace("-", "").isalnum() and label.isascii() for label in labels)
    return False


def work_at(place: Place) -> bool:
    """Whether a browser that is there may use the passkeys of this deployment."""
    domain = settings.GATEWAY["passkeys_domain"]
    return bool(domain) and (place.host == domain or place.host.endswith(f".{domain}"))


def of(user_id: int) -> list[Passkey]:
    return list(Passkey.objects.filter(user_id=user_id).order_by("created_at", "id"))


# A new one ------------------------------------------------------------------------------------------------------------


def ask_for_new(user: User) -> Asked:
    """Ask the browser to make one that the person does not have yet."""
    name = user.get_username()
    known = [AttestedCredentialData(bytes(row.credential)) for row in of(user.pk)]
    options, state = _server(None).register_begin(
        PublicKeyCredentialUserEntity(id=_handle(user.pk), name=name, display_name=name),
        known,
        # One that names its person can be the whole log-in; a stick that has no room for it is good enough as a factor.
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return _asked(dict(options), state, f"new for {user.pk}")


def add(*, user: User, name: str, answer: str, state: str, place: Place, address: str) -> SetUp | None:
    """Keep the passkey that the browser has made. Returns recovery codes, if it is the person's first second factor.

    :raises WrongPasskey: it is none
    :raises AlreadyThere: of this name, or this very one
    :raises TooManyPasskeys: the person has many
    """
    asked = _opened(state, f"new for {user.pk}")
    try:
        made = _server(place).register_complete(asked.state, _read(answer))
        credential = made.credential_data
        if credential is None or credential.public_key.ALGORITHM not in CoseKey.supported_algorithms():
            raise WrongPasskey
    except _UNREADABLE as fault:
        raise WrongPasskey from fault
    with transaction.atomic():
        now = queries.database_now()
        # Two pages of his at once come one after the other.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        first = not second_factors.is_asked(user.pk)
        if Passkey.objects.filter(user=user).count() >= MOST:
            raise TooManyPasskeys
        try:
            with transaction.atomic():
                Passkey.objects.create(
                    user=user, name=name, credential_id=credential.credential_id, credential=bytes(credential),
                    counter=made.counter, created_at=now, last_asked_at=asked.at,
                )  # fmt: skip
        except IntegrityError as taken:
            raise AlreadyThere from taken
        _record(PersonAct.PASSKEY_ADDED, user, address, now, name)
        return second_factors.new_codes(user) if first else None


# Shown ----------------------------------------------------------------------------------------------------------------


def ask_of(user_id: int) -> Asked:
    """Ask the browser for one of this person's, as his second factor."""
    known = [AttestedCredentialData(bytes(row.credential)) for row in of(user_id)]
    options, state = _server(None).authenticate_begin(known, UserVerificationRequirement.PREFERRED)
    return _asked(dict(options), state, f"of {user_id}")


def ask_of_anybody() -> Asked:
    """Ask the browser for one that says whose it is, and has made sure of its person: by finger, face or PIN."""
    options, state = _server(None).authenticate_begin(None, UserVerificationRequirement.REQUIRED)
    return _asked(dict(options), state, "of anybody")


def owner(answer: str) -> User | None:
    """Whose passkey this says that it is; nothing is verified yet."""
    try:
        credential_id = AuthenticationResponse.from_dict(_read(answer)).raw_id
    except (*_UNREADABLE, WrongPasskey):
        return None
    row = Passkey.objects.select_related("user").filter(credential_id=credential_id, user__is_active=True).first()
    return None if row is None else row.user


def take(*, user: User, answer: str, state: str, place: Place, alone: bool = False) -> None:
    """Take the answer of one of this person's passkeys, for good. `alone`: it stands for the password too.

    :raises WrongPasskey: it is none, or was taken before
    """
    asked = _opened(state, "of anybody" if alone else f"of {user.pk}")
    rows = {bytes(row.credential_id): row for row in of(user.pk)}
    known = [AttestedCredentialData(bytes(row.credential)) for row in rows.values()]
    try:
        said = AuthenticationResponse.from_dict(_read(answer))
        _server(place).authenticate_complete(asked.state, known, said)
    except _UNREADABLE as fault:
        raise WrongPasskey from fault
    if said.response.user_handle not in (None, b"", _handle(user.pk)):
        raise WrongPasskey
    counter = said.response.authenticator_data.counter
    mine = Passkey.objects.filter(pk=rows[said.raw_id].pk, last_asked_at__lt=asked.at)
    # A device that counts has signed once more; one that has not is a copy of it.
    mine = mine.filter(counter__lt=counter) if counter else mine.filter(counter=0)
    if not mine.update(counter=counter, last_asked_at=asked.at, last_used_at=queries.database_now()):
        raise WrongPasskey


def remove(*, user: User, passkey: Passkey, address: str) -> None:
    """Take one away; with the last second factor go the recovery codes."""
    with transaction.atomic():
        deleted, _ = Passkey.objects.filter(pk=passkey.pk, user=user).delete()
        if not deleted:  # another page of his was first
            return
        _record(PersonAct.PASSKEY_REMOVED, user, address, queries.database_now(), passkey.name)
        second_factors.drop_codes_without_factor(user)


# Challenges -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Opened:
    state: dict[str, Any]
    at: datetime


def _asked(options: dict[str, Any], state: dict[str, Any], purpose: str) -> Asked:
    at = queries.database_now().isoformat()
    return Asked(json.dumps(options["publicKey"]), signing.dumps({**state, "for": purpose, "at": at}, salt=_SALT))


def _opened(state: str, purpose: str) -> _Opened:
    try:
        kept = signing.loads(state, salt=_SALT)
    except signing.BadSignature as forged:
        raise WrongPasskey from forged
    at = datetime.fromisoformat(kept["at"])
    if kept["for"] != purpose or queries.database_now() - at > GOOD_FOR:
        raise WrongPasskey
    return _Opened(kept, at)


def _server(place: Place | None) -> Fido2Server:
    """The library's server; it takes answers of pages at `place` alone."""
    rp = PublicKeyCredentialRpEntity(id=settings.GATEWAY["passkeys_domain"], name=_NAME)
    return Fido2Server(rp, verify_origin=lambda origin: place is not None and origin == place.origin)


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > _LARGEST:
        raise WrongPasskey
    read = json.loads(answer)
    if not isinstance(read, dict):
        raise WrongPasskey
    return read


def _handle(user_id: int) -> bytes:
    """Whom a passkey names: a number that tells a stranger nothing."""
    return base64.b16encode(user_id.to_bytes(8, "big"))


def _record(act: PersonAct, user: User, address: str, at: datetime, note: str) -> None:
    name = user.get_username()
    person_history.record(act=act, person=name, actor=name, address=address, at=at, note=note)
