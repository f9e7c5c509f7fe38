"""Which accounts and addresses an approval policy covers."""

import pytest

from sessions_app.domain.enrolment import canonical_fingerprint, canonical_network, covers_account, covers_address
from sessions_app.domain.problems import Refused


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("*", True),
        ("icmarketssc-demo04:*", True),
        ("ICMarketsSC-Demo04:50?2345", True),
        ("icmarketssc-demo04:5012345", True),
        ("icmarketssc-demo05:*", False),
        ("*:501234", False),
        ("[i]*", False),
        ("", False),
    ],
)
def test_a_pattern_covers_accounts_without_case(pattern: str, covered: bool) -> None:
    assert covers_account(pattern, "icmarketssc-demo04:5012345") is covered


def test_brackets_are_characters_like_any() -> None:
    assert covers_account("broker[1]:*", "broker[1]:7")
    assert not covers_account("broker[1]:*", "broker1:7")


@pytest.mark.parametrize(
    ("networks", "address", "covered"),
    [
        ([], "unknown", True),
        (["203.0.113.0/24"], "203.0.113.77", True),
        (["203.0.113.0/24"], "203.0.114.1", False),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::5", True),
        (["203.0.113.0/24"], "2001:db8::5", False),
        (["203.0.113.0/24"], "unknown", False),
    ],
)
def test_no_networks_cover_every_address(networks: list[str], address: str, covered: bool) -> None:
    assert covers_address(networks, address) is covered


def test_a_single_address_is_a_network() -> None:
    assert canonical_network(" 203.0.113.7 ") == "203.0.113.7/32"


@pytest.mark.parametrize("text", ["203.0.113.7/24", "somewhere", "", "203.0.113.0/33"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="Expected an address"):
        canonical_network(text)


def test_a_fingerprint_is_64_hexadecimal_digits() -> None:
    assert canonical_fingerprint(f" {'AB' * 32}\n") == "ab" * 32
    for text in ("ab" * 31, "xy" * 32, "", "ab" * 33):
        with pytest.raises(Refused, match="64 hexadecimal digits"):
            canonical_fingerprint(text)
