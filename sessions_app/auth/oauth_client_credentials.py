"""`oauth_client_credentials`: an access token, and a table that says which accounts its client may serve.

Tokens are those of our own endpoint, whose hash is stored, or with OAUTH_INTROSPECTION_URL those of an external issuer.
"""

import hashlib
from typing import Final

import structlog
from django.conf import settings
from oauth2_provider.models import AccessToken

from sessions_app.auth.interface import MaterialField, Presented, Vouched
from sessions_app.auth.introspection import introspect
from sessions_app.domain.lifecycle import GrantState
from sessions_app.domain.problems import Refused
from sessions_app.models import AccountGrant, OauthClient
from sessions_app.queries import database_now

METHOD: Final = "oauth_client_credentials"
_log = structlog.get_logger(__name__)


class OauthClientCredentials:
    """Whose token is it, and does that client serve this account?"""

    method: Final = METHOD
    material: Final = MaterialField(
        "access_token", 4096, "An access token of the token endpoint, for `oauth_client_credentials`."
    )

    def verify(self, presented: Presented) -> Vouched:
        """Find the token's client and its grant for the account.

        :raises Refused: `credentials_refused`, `account_not_granted`, `try_later`
        """
        client = self._client_of(presented)
        grant = AccountGrant.objects.select_related("account__tenant").filter(
            account__account_id=presented.account_id,
            account__tenant=client.tenant_id,
            method=self.method,
            subject=client.client_id,
            state=GrantState.GRANTED,
        )
        found = grant.first()
        if found is None:
            self._note(presented, "not_granted")
            raise Refused("account_not_granted")
        return Vouched(subject=client.client_id, grant=found)

    def _client_of(self, presented: Presented) -> OauthClient:
        external = bool(settings.OAUTH["introspection_url"])
        name = _external_client(presented.material) if external else _own_client(presented.material)
        clients = OauthClient.objects.filter(client_id=name, revoked_at=None, application__isnull=external)
        client = clients.first() if name else None
        if client is None:
            self._note(presented, "unknown_token")
            raise Refused("credentials_refused", path=self.material.name)
        return client

    def _note(self, presented: Presented, why: str) -> None:
        _log.warning(
            "token.refused", method=self.method, account=presented.account_id, address=presented.address, why=why
        )


def _own_client(token: str) -> str:
    """The client of a token of ours that has not expired and was not asked for on another server's behalf."""
    mark = hashlib.sha256(token.encode()).hexdigest()
    tokens = AccessToken.objects.filter(token_checksum=mark, expires__gt=database_now(), application__isnull=False)
    row = tokens.values_list("application__client_id", "resource").first()
    return str(row[0]) if row is not None and not row[1] else ""


def _external_client(token: str) -> str:
    answer = introspect(token)
    if answer.expires_at is not None and answer.expires_at <= database_now().timestamp():
        return ""
    return answer.client_id
