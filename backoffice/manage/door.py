"""The door of the management API: whose token is it, does its scope reach, and which rows are its tenant's."""

from typing import Any, Final

from django.db.models import QuerySet
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.policy import ROUTES, Managing, may_as
from backoffice.tenants.scope import Scope
from sessions_app.domain.problems import Refused
from sessions_app.models import ManagementToken, Role, TokenScope
from sessions_app.rest.parsing import StrictJSONParser, peer_address
from sessions_app.rest.throttling import count_stranger
from sessions_app.rest.view import ApiView
from sessions_app.services.access import management_tokens
from sessions_app.services.access.management_tokens import ROLE_OF
from sessions_app.services.operations.history import Actor

LONGEST_TOKEN: Final = 128
NO_TOKEN: Final = "No token: send `Authorization: Bearer <management token>`"  # noqa: S105 - a sentence
PRIVATE: Final = {"Cache-Control": "no-store"}
_READS: Final = ("GET", "HEAD")


class TokenOfTenant(BaseAuthentication):
    """Sets `request.auth` to the living management token, and only to one."""

    def authenticate(self, request: Request) -> tuple[None, ManagementToken]:
        """Who asks.

        :raises Refused: `management_token_refused`, also when there is no token; `throttled`: too many such from one
            address
        """
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        token = text.strip() if scheme.lower() == "bearer" else ""
        row = management_tokens.of_token(token) if 0 < len(token) <= LONGEST_TOKEN else None
        if row is None:
            count_stranger(request)
            raise Refused("management_token_refused", "" if token else NO_TOKEN)
        return None, row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes the token."""

    target_class = TokenOfTenant
    name = "managementToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A management token of a tenant"}


class ManageView(ApiView):
    """A view of the management API. It opens for nobody without its row in the policy."""

    authentication_classes = [TokenOfTenant]
    parser_classes = [StrictJSONParser]
    http_method_names = ["get", "head", "post", "put", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks, how often, and how far he reaches: before anything is looked at.

        :raises Refused: `tenant_suspended`, `scope_insufficient`
        """
        super().initial(request, *args, **kwargs)
        token = token_of(request)
        if token.tenant.suspended_at is not None:
            raise Refused("tenant_suspended")
        match = request.resolver_match
        row = ROUTES.get(match.view_name) if match else None
        if row is None or not isinstance(row.door, Managing):
            raise Refused("not_found")
        least = row.door.reads if request.method in _READS else row.door.writes
        # Without a role there is no such method, and that is the answer.
        if least is not None and not may_as(ROLE_OF[TokenScope(token.scope)], least):
            raise Refused(
                "scope_insufficient", f"This needs the scope `{scope_for(least)}`; the token has `{token.scope}`"
            )
        management_tokens.note_use(token)


def token_of(request: Request) -> ManagementToken:
    """The token that was let in."""
    token = request.auth
    if not isinstance(token, ManagementToken):
        raise Refused("management_token_refused")
    return token


def scope_for(least: Role) -> TokenScope:
    """The scope that reaches a role."""
    return next(scope for scope, role in ROLE_OF.items() if role == least)


def rows_of(request: Request) -> Scope:
    """The rows of the token's tenant, and no others."""
    return Scope(token_of(request).tenant)


def actor(request: Request) -> Actor:
    """Who does it, as records name it."""
    return Actor(name=f"token {token_of(request).name}", address=peer_address(request))


def found(rows: QuerySet[Any], pk: Any) -> Any:
    """The row of a scope with this id.

    :raises Refused: `not_found`, also where another tenant has one
    """
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Refused("not_found")
    return row


def shown(body: Any, status: int = 200) -> Response:
    """An answer that nobody may keep."""
    return Response(body, status=status, headers=PRIVATE)
