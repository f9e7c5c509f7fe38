"""How a terminal proves who it is: strategies behind one interface, chosen by the request's `auth_method`.

A strategy only reads. What is to be stored (a new key, a stronger hash) it hands back to the service that asked.
"""

from dataclasses import dataclass, field
from typing import Protocol

from sessions_app.models import AuthKey


@dataclass(frozen=True, slots=True)
class Presented:
    """What a terminal shows. `account_id` is canonical; `material` is secret and stays out of every text."""

    account_id: str
    address: str
    material: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found out. `key` is None for material that nobody has asked for yet: the service may enrol it.

    `stronger_hash`: the hash to keep from now on, when the parameters of hashing rose since the key was stored.
    """

    fingerprint: str
    key: AuthKey | None = None
    stronger_hash: str | None = None


class Strategy(Protocol):
    """One way to authenticate."""

    @property
    def method(self) -> str:
        """Its name in `auth_method`."""

    def verify(self, presented: Presented) -> Verified:
        """Check the material.

        :raises Refused: the material is malformed or refused for good, or verifying has no room now (`try_later`)
        """

    def protect(self, material: str) -> str:
        """What may be stored of material that is to be enrolled.

        :raises Refused: `try_later`
        """
