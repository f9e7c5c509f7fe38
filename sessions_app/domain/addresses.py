"""Addresses of peers: who counts as one."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

IPV6_PREFIX: Final = 64


def counted_as(address: str) -> str:
    """Whose bounds an address uses up: an IPv4 address its own, an IPv6 address those of its /64.

    Whoever has one IPv6 address has the 2^64 of its network. What is no address is counted by its text.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
