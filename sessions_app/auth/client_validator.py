"""How the OAuth library looks up clients, on every database."""

from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator


class ClientValidator(OAuth2Validator):  # type: ignore[misc] # the library is untyped
    def _load_application(self, client_id: str | None, request: Any) -> Any:
        """No client has NUL in its id, and PostgreSQL fails on it."""
        return None if "\x00" in (client_id or "") else super()._load_application(client_id, request)
