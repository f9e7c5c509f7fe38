"""How a terminal proves who it is: strategies behind one interface, chosen by the request's `auth_method`.

A strategy only reads. What is to be stored (a new key, a stronger hash, a first grant) it hands back to the service
that asked. To add one: write its class, name its dotted path in AUTH_STRATEGIES, switch it on in AUTH_METHODS.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sessions_app.models import AccountGrant, AuthKey


@dataclass(frozen=True, slots=True)
class MaterialField:
    """The field of POST /sessions that carries a strategy's material; `most` characters at most.

    `judged`: the strategy refuses what is too long itself, with a code of its own.
    """

    name: str
    most: int
    meaning: str
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Presented:
    """What a terminal shows. `account_id` is canonical; `material` is secret and stays out of every text."""

    account_id: str
    address: str
    material: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """A key was shown. `key` is None for material that nobody has asked for yet: the service may enrol it.

    `digest`: SHA-256 of the material, which its owner can tell without showing it. `prove`: the slow part, for the
    service to call when it has counted the request. It returns the hash to keep from now on, when the parameters of
    hashing rose since the key was stored, and raises `Refused`: `key_rejected`, `try_later`.
    """

    fingerprint: str
    digest: str
    key: AuthKey | None = None
    prove: Callable[[], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody whom this deployment trusts says that `subject` may serve the account.

    `grant`: the row that allows it. None if the trusted word itself is enough: the service then keeps a grant for the
    subject, so that an operator can withdraw it. `tenant`: the name of the tenant that an account of nobody becomes;
    an account of any other is refused. Empty: only accounts that have a tenant are served.
    """

    subject: str
    grant: AccountGrant | None = None
    tenant: str = ""


class Strategy(Protocol):
    """One way to authenticate."""

    @property
    def method(self) -> str:
        """Its name in `auth_method`."""

    @property
    def material(self) -> MaterialField:
        """Where its material stands in the request."""

    def verify(self, presented: Presented) -> Verified | Vouched:
        """Check the material.

        :raises Refused: the material is malformed or refused for good, or verifying has no room now (`try_later`)
        """


@runtime_checkable
class Enrolling(Protocol):
    """A strategy whose unknown material may be enrolled."""

    def protect(self, material: str) -> str:
        """What may be stored of material that is to be enrolled.

        :raises Refused: `try_later`
        """
