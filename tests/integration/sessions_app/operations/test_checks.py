"""`manage.py check` names what the authentication settings lack."""

from typing import Any

import pytest

from eagateway.checks import check_authentication, check_second_factors
from tests.integration.tokens import public_pem, rsa_key

JWKS = "https://issuer.example/jwks.json"


def found(
    settings: Any, *methods: str, bearer: dict[str, Any] | None = None, oauth: dict[str, Any] | None = None
) -> str:
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": list(methods)}
    valid = {"issuer": "https://issuer.example", "audience": "ea-gateway"}
    settings.BEARER_TOKEN = {**settings.BEARER_TOKEN, **valid, **(bearer or {})}
    settings.OAUTH = {**settings.OAUTH, **(oauth or {})}
    return " ".join(str(message.id).removeprefix("eagateway.") for message in check_authentication(None))


@pytest.mark.parametrize(
    ("bearer", "errors"),
    [
        ({"jwks": JWKS}, ""),
        ({"jwks": "/etc/jwks.json"}, ""),
        ({"public_key": public_pem(rsa_key())}, ""),
        ({"public_key": public_pem(rsa_key()).replace("\n", "\\n")}, ""),
        ({"secret": "s" * 32, "algorithms": ["HS256"]}, ""),
        ({"jwks": JWKS, "issuer": "", "audience": ""}, "E002 E002"),
        ({}, "E003"),
        ({"jwks": JWKS, "secret": "s" * 32}, "E003"),
        ({"jwks": JWKS, "algorithms": ["HS256"]}, "E004"),
        ({"jwks": JWKS, "algorithms": ["RS256", "none"]}, "E004"),
        ({"secret": "s" * 32}, "E004"),
        ({"jwks": JWKS, "algorithms": []}, "E004"),
        ({"secret": "short", "algorithms": ["HS256"]}, "E005"),
        ({"secret": public_pem(rsa_key()), "algorithms": ["HS256"]}, "E005"),
        ({"jwks": "http://issuer.example/jwks.json"}, "E006"),
        ({"public_key": "/no/such/file"}, "E007"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----"}, "E007"),
    ],
)
def test_a_bearer_token_needs_an_issuer_an_audience_and_keys_that_fit(
    settings: Any, bearer: dict[str, Any], errors: str
) -> None:
    assert found(settings, "bearer_token", bearer=bearer) == errors
    assert found(settings, "account_session_key", bearer=bearer) == ""


@pytest.mark.parametrize(
    ("oauth", "errors"),
    [
        ({}, ""),
        ({"introspection_url": "https://issuer.example", "introspection_client_id": "a"}, "E009"),
        ({"introspection_url": "http://issuer.example"}, "E008 E009"),
    ],
)
def test_introspection_needs_tls_and_credentials(settings: Any, oauth: dict[str, Any], errors: str) -> None:
    assert found(settings, "oauth_client_credentials", oauth=oauth) == errors


def test_a_method_that_this_build_has_not_is_named(settings: Any) -> None:
    assert found(settings, "telepathy") == "E001"


def test_a_second_factor_is_not_demanded_where_none_can_be_set_up(settings: Any) -> None:
    assert check_second_factors(None) == []
    settings.GATEWAY = {**settings.GATEWAY, "staff_second_factor": True}
    assert check_second_factors(None) == []
    settings.VAULT_KEYS = {}
    assert [message.id for message in check_second_factors(None)] == ["eagateway.E010"]
