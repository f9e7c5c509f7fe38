"""Account ids, keys and tokens."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.keys import canonical_account_id, check_key, fingerprint, is_minted, minted_key, token_digest
from sessions_app.domain.problems import Refused

SERVERS = st.from_regex(r"[A-Za-z0-9.\-]([A-Za-z0-9 .\-]{0,20}[A-Za-z0-9.\-])?", fullmatch=True)
LOGINS = st.from_regex(r"[A-Za-z0-9_\-]{1,32}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ICMarketsSC-Demo04:5012345", "icmarketssc-demo04:5012345"),
        ("icmarketssc-demo04:0005012345", "icmarketssc-demo04:5012345"),
        ("Broker:000", "broker:0"),
        ("My Broker-Live 2:7", "my broker-live 2:7"),
        ("s:Login-A", "s:login-a"),
    ],
)
def test_an_account_id_is_compared_without_case_and_without_leading_zeros(text: str, canonical: str) -> None:
    assert canonical_account_id(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "server",
        "server:",
        ":5012345",
        "a:b:c",
        " server:1",
        "server :1",
        "server: 1",
        "server:1 ",
        "server:1\n",
        "ser\tver:1",
        "ser\x00ver:1",
        "s\u00e9rver:1",
        "server:\u0661",
        "server:1.5",
        "s:" + "1" * 33,
        "s" * 127 + ":1",
    ],
)
def test_what_is_no_account_id_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        canonical_account_id(text)
    assert (caught.value.code, caught.value.path) == ("account_id_invalid", "account_id")


@given(SERVERS, LOGINS)
def test_a_canonical_account_id_stays_as_it_is(server: str, login: str) -> None:
    canonical = canonical_account_id(f"{server}:{login}")
    assert canonical_account_id(canonical) == canonical


@given(SERVERS, LOGINS, st.integers(0, 3))
def test_every_spelling_of_an_account_has_one_canonical_id(server: str, login: str, zeros: int) -> None:
    padded = ("0" * zeros + login)[-32:] if len(login) + zeros <= 32 else login
    assert canonical_account_id(f"{server.upper()}:{padded}") == canonical_account_id(f"{server}:{login}")


@pytest.mark.parametrize("size", [17, 24, 32])
def test_random_bytes_in_base64url_make_a_key(size: int) -> None:
    for number in range(500):
        material = hashlib.sha256(str(number).encode()).digest()[:size]
        check_key(base64.urlsafe_b64encode(material).decode().rstrip("="))


@pytest.mark.parametrize(
    "key",
    [
        "q7Xz0Jr2mVbN4tYp8sKdLw",
        "q7Xz0Jr2mVbN4tYp8sKdLw==",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "83649201756483920175648392017564839201756",
    ],
)
def test_128_bits_of_any_alphabet_are_enough(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="nothing"),
        pytest.param("swordfish", id="a word"),
        pytest.param("q7Xz0Jr2mVbN4tYp8sKdL", id="21 characters"),
        pytest.param("0f1e2d3c4b5a69788796a5b4c3d2e1f", id="31 hexadecimal digits"),
        pytest.param("8364920175648392017564839201756483920", id="37 digits"),
        pytest.param("a" * 64, id="one character"),
        pytest.param("abab" * 8, id="two characters"),
        pytest.param("q7Xz0Jr2mVbN4tYp8sKd L", id="a space"),
        pytest.param("q7Xz0Jr2mVbN4tYp8sKdLw\n", id="a line end"),
        pytest.param("q7Xz0Jr2mVbN4tYp8sKd\u00e9w", id="no ASCII"),
        pytest.param("q7Xz0Jr2mVbN4tYp" * 17, id="257 characters and more"),
    ],
)
def test_a_weak_key_is_refused(key: str) -> None:
    with pytest.raises(Refused) as caught:
        check_key(key)
    assert (caught.value.code, caught.value.path) == ("key_malformed", "auth_key")


def test_padding_does_not_make_a_short_key_long() -> None:
    with pytest.raises(Refused):
        check_key("q7Xz0Jr2mVbN4tYp8sK" + "=" * 12)


def test_a_fingerprint_depends_on_the_key_and_on_the_servers_secret() -> None:
    shown = {fingerprint(key, secret=secret) for key in ("one", "two") for secret in (b"a", b"b")}
    assert len(shown) == 4
    assert fingerprint("one", secret=b"a") == fingerprint("one", secret=b"a")
    assert all("one" not in text and len(text) == 64 for text in shown)


def test_a_token_is_stored_as_its_sha_256() -> None:
    assert token_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# Keys of our own ------------------------------------------------------------------------------------------------------

OURS = b"a secret of the deployment"
# The tag is openssl's: printf 'minted key\0<the first 43>' | openssl dgst -sha256 -hmac <the secret>, first 16 bytes
MINTED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" + "O7VSoLDN1Xz8lMURs1m0bw"


def test_a_minted_key_is_its_random_bytes_and_a_tag() -> None:
    assert minted_key(bytes(range(32)), secret=OURS) == MINTED
    assert is_minted(MINTED, secret=OURS)
    check_key(MINTED)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_is_minted_of_256_bits_and_no_others(size: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        minted_key(bytes(size), secret=OURS)


@pytest.mark.parametrize("place", range(len(MINTED)))
def test_no_character_of_a_minted_key_can_be_changed(place: int) -> None:
    other = "A" if MINTED[place] != "A" else "B"
    assert not is_minted(MINTED[:place] + other + MINTED[place + 1 :], secret=OURS)


@pytest.mark.parametrize("key", ["", MINTED[:43], MINTED[:-1], MINTED + "A", MINTED + "\n", "é" * 65, "A" * 65])
def test_another_form_is_not_minted(key: str) -> None:
    assert not is_minted(key, secret=OURS)


def test_a_key_that_another_deployment_has_minted_is_not_ours() -> None:
    assert not is_minted(MINTED, secret=b"another secret")


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=64))
def test_whoever_lacks_the_secret_makes_no_key_in_the_minted_form(random: bytes, guessed: bytes) -> None:
    forged = minted_key(random, secret=guessed)
    assert is_minted(forged, secret=guessed)
    assert is_minted(forged, secret=OURS) == (guessed == OURS)
