"""Which accounts and addresses an approval policy covers: pure rules over values."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from sessions_app.domain.problems import Refused

ALL_ACCOUNTS: Final = "*"
MAX_ADDRESSES: Final = 32


def covers_account(pattern: str, account_id: str) -> bool:
    """Whether a canonical account id fits a pattern of `*` and `?`; patterns are compared without case."""
    # Only * and ? are wildcards: in fnmatch a bracket would open a set.
    return fnmatchcase(account_id, pattern.lower().replace("[", "[[]"))


def covers_address(networks: Sequence[str], address: str) -> bool:
    """Whether an address lies in one of the networks; no networks: every address does."""
    if not networks:
        return True
    try:
        peer = ip_address(address)
    except ValueError:
        return False  # what is no address lies in no network
    return any(peer in ip_network(network) for network in networks)


def canonical_network(text: str) -> str:
    """An address or a network, such as 203.0.113.7 or 2001:db8::/32.

    :raises Refused: `invalid`
    """
    try:
        # Strict: with bits beyond the mask, a typing error could admit a wider network than was meant.
        network: IPv4Network | IPv6Network = ip_network(text.strip())
    except ValueError as error:
        raise Refused("invalid", "Expected an address or a network such as 203.0.113.0/24") from error
    return str(network)


def canonical_fingerprint(text: str) -> str:
    """A fingerprint as it is compared: 64 hexadecimal digits, lower case.

    :raises Refused: `invalid`
    """
    mark = text.strip().lower()
    if len(mark) != 64 or not set(mark) <= set("0123456789abcdef"):
        raise Refused("invalid", "Expected 64 hexadecimal digits: SHA-256 of the key, or the fingerprint of the desk")
    return mark
