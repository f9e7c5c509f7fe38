"""System checks of the deployment: `manage.py check` names what would fail at run time."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks

from sessions_app.auth import bearer_token, fetching, issuer_keys, oauth_client_credentials, registry
from sessions_app.services.access import passkeys


def register() -> None:
    """Register the checks; called when the apps are ready."""
    checks.register(check_lane)
    checks.register(check_authentication)
    checks.register(check_second_factors)


def check_lane(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """PostgreSQL and Redis go together; several gateway processes need both."""
    if settings.DATABASE_URL and not settings.REDIS_URL:
        message = "DATABASE_URL is set, REDIS_URL is not: doorbells cannot reach other gateway processes."
        return [checks.Warning(message, hint="Set REDIS_URL=redis://127.0.0.1:6379/0", id="eagateway.W001")]
    if settings.REDIS_URL and not settings.DATABASE_URL:
        message = "REDIS_URL is set, DATABASE_URL is not: SQLite serves one gateway process only."
        return [
            checks.Warning(message, hint="Set DATABASE_URL=postgres://user:password@host/name", id="eagateway.W002")
        ]
    return []


def check_second_factors(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """What is demanded of the staff can be set up here."""
    domain = settings.GATEWAY["passkeys_domain"]
    if domain and not passkeys.is_a_domain(domain):
        message = f"PASSKEYS_DOMAIN is {domain}: browsers make passkeys for a name, not for an address or a URL."
        return [_error(message, "PASSKEYS_DOMAIN=gateway.example.com", "E011")]
    if not settings.GATEWAY["staff_second_factor"] or settings.VAULT_KEYS or domain:
        return []
    message = "STAFF_SECOND_FACTOR is on, but the vault has no key: nobody of the staff could come in."
    return [_error(message, "VAULT_KEYS=<what manage.py vault key prints>", "E010")]


def check_authentication(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The methods that are switched on exist, and have what they need."""
    methods = settings.GATEWAY["auth_methods"]
    known = sorted(registry.strategies())
    found: list[checks.CheckMessage] = [
        _error(f"AUTH_METHODS names {name}, which this build has not.", f"Use some of: {', '.join(known)}", "E001")
        for name in methods
        if name not in known
    ]
    if bearer_token.BearerToken.method in methods:
        found += _check_bearer_token()
    if oauth_client_credentials.METHOD in methods:
        found += _check_introspection()
    return found


def _check_bearer_token() -> Iterator[checks.CheckMessage]:
    rules = settings.BEARER_TOKEN
    for name in ("issuer", "audience"):
        if not rules[name]:
            variable = f"BEARER_TOKEN_{name.upper()}"
            yield _error(f"{variable} is not set.", f"{variable}=https://issuer.example", "E002")
    if sum(bool(rules[name]) for name in ("public_key", "jwks", "secret")) != 1:
        message = "Exactly one of BEARER_TOKEN_PUBLIC_KEY, BEARER_TOKEN_JWKS and BEARER_TOKEN_SECRET must be set."
        yield _error(message, "BEARER_TOKEN_JWKS=https://issuer.example/.well-known/jwks.json", "E003")
        return
    fitting = {bearer_token.SYMMETRIC} if rules["secret"] else bearer_token.ASYMMETRIC
    if not rules["algorithms"] or not set(rules["algorithms"]) <= fitting:
        message = "BEARER_TOKEN_ALGORITHMS does not fit the keys: HS256 goes with BEARER_TOKEN_SECRET, and alone."
        yield _error(message, f"BEARER_TOKEN_ALGORITHMS={min(fitting)}", "E004")
    if rules["secret"] and (len(rules["secret"]) < 32 or "-----BEGIN" in rules["secret"]):
        message = "BEARER_TOKEN_SECRET must be 32 characters or more, and no PEM."
        yield _error(message, "BEARER_TOKEN_SECRET=<openssl rand -base64 32>", "E005")
    if "://" in rules["jwks"] and not fetching.is_safe(rules["jwks"]):
        yield _error(
            "BEARER_TOKEN_JWKS must be a file or an https address.", "BEARER_TOKEN_JWKS=/etc/jwks.json", "E006"
        )
    if rules["public_key"] and not issuer_keys.is_public_pem(rules["public_key"]):
        message = "BEARER_TOKEN_PUBLIC_KEY is neither a PEM of a public key nor the path of one."
        yield _error(message, "BEARER_TOKEN_PUBLIC_KEY=/etc/issuer.pem", "E007")


def _check_introspection() -> Iterator[checks.CheckMessage]:
    rules = settings.OAUTH
    if rules["introspection_url"] and not fetching.is_safe(rules["introspection_url"]):
        example = "OAUTH_INTROSPECTION_URL=https://issuer.example/introspect"
        yield _error("OAUTH_INTROSPECTION_URL must be an https address.", example, "E008")
    if rules["introspection_url"] and not (rules["introspection_client_id"] and rules["introspection_client_secret"]):
        message = "OAUTH_INTROSPECTION_CLIENT_ID and OAUTH_INTROSPECTION_CLIENT_SECRET must be set."
        yield _error(message, "OAUTH_INTROSPECTION_CLIENT_ID=ea-gateway", "E009")


def _error(message: str, hint: str, number: str) -> checks.Error:
    return checks.Error(message, hint=hint, id=f"eagateway.{number}")
