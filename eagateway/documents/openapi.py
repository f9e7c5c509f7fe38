"""The REST half as an OpenAPI document: what drf-spectacular reads from the views, and what stands beside them."""

from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from eagateway.documents.asyncapi import exchange_answer, exchange_call
from eagateway.routing import EXCHANGE

_PLACE: Final = "/" + EXCHANGE.replace("<uuid:session_id>", "{session_id}")
_ID: Final = {"name": "session_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
_OAUTH_PLACE: Final = "/ea-gateway/v1/oauth/token"
_TEXT: Final = {"type": "string"}
_TOKEN_REQUEST: Final = {
    "type": "object",
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "client_id": _TEXT,
        "client_secret": _TEXT,
        "scope": {"type": "string", "enum": ["sessions"]},
    },
    "required": ["grant_type"],
}
_ACCESS_TOKEN: Final = {
    "type": "object",
    "properties": {
        "access_token": _TEXT,
        "token_type": {"type": "string", "enum": ["Bearer"]},
        "expires_in": {"type": "integer", "description": "Seconds."},
        "scope": _TEXT,
    },
    "required": ["access_token", "token_type", "expires_in", "scope"],
}
_OAUTH_ERROR: Final = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "RFC 6749, 5.2."}, "error_description": _TEXT},
    "required": ["error"],
}
_TOKEN_REFUSALS: Final = {
    "400": "The request is broken, or asks for another grant",
    "401": "The client's id or secret is wrong",
    "413": "The body is too big",
    "429": "Too many requests from this address; see Retry-After",
}
_REFUSALS: Final = {
    "400": "The body is malformed, or the session ended with 4400",
    "401": "The token is unknown or was rotated",
    "403": "The key is rejected or revoked, or the account suspended",
    "404": "There is no such session for this token",
    "405": "An exchange is a POST",
    "406": "No common protocol version",
    "409": "A newer call, socket or session has taken over",
    "410": "The session has ended",
    "413": "The body is too big",
    "429": "Over a bound; see Retry-After",
    "500": "The gateway failed; see Retry-After",
    "503": "The gateway stops, or a part of it is away; see Retry-After",
}


def document() -> dict[str, Any]:
    """The whole document."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["paths"][_PLACE] = {"post": _exchange()}
    made["paths"][_OAUTH_PLACE] = {"post": _token()}
    made["components"]["securitySchemes"]["oauthClient"] = {
        "type": "http",
        "scheme": "basic",
        "description": "Client id and secret of an OAuth client; or both in the body.",
    }
    made["components"]["schemas"] |= {
        "TokenRequest": _TOKEN_REQUEST,
        "AccessToken": _ACCESS_TOKEN,
        "OauthError": _OAUTH_ERROR,
        "ExchangeCall": exchange_call(),
        "ExchangeAnswer": exchange_answer(),
        "ExchangeProblem": _problem(),
    }
    return made


def render() -> str:
    """docs/openapi.yaml's text."""
    text: bytes = OpenApiYamlRenderer().render(document(), renderer_context={})  # type: ignore[no-untyped-call]
    return text.decode()


def _exchange() -> dict[str, Any]:
    return {
        "operationId": "exchange_frames",
        "description": "The frames of the event socket without a socket. A frame's id is its idempotency key.",
        "summary": "Exchange frames",
        "parameters": [_ID],
        "tags": ["sessions"],
        "requestBody": {"required": True, "content": _content("application/json", "ExchangeCall")},
        "security": [{"sessionToken": []}],
        "responses": {
            "200": {"description": "What there was to tell", "content": _content("application/json", "ExchangeAnswer")},
            **{
                status: {"description": text, "content": _content("application/problem+json", "ExchangeProblem")}
                for status, text in _REFUSALS.items()
            },
        },
    }


def _token() -> dict[str, Any]:
    return {
        "operationId": "fetch_access_token",
        "summary": "Get an access token",
        "description": "OAuth 2.0, client credentials alone. Only where OAuth clients are offered, else 404.",
        "tags": ["oauth"],
        "requestBody": {"required": True, "content": _content("application/x-www-form-urlencoded", "TokenRequest")},
        "security": [{"oauthClient": []}, {}],
        "responses": {
            "200": {"description": "An access token", "content": _content("application/json", "AccessToken")},
            **{
                status: {"description": text, "content": _content("application/json", "OauthError")}
                for status, text in _TOKEN_REFUSALS.items()
            },
            **{
                status: {"description": text, "content": _content("application/problem+json", "Problem")}
                for status, text in {"404": "There is no such endpoint here", "405": "A token is asked by POST"}.items()
            },
        },
    }


def _content(kind: str, name: str) -> dict[str, Any]:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _problem() -> dict[str, Any]:
    """A problem body, with what a socket would have been told before its close."""
    told = {name: part for name, part in exchange_answer().items() if name != "required"}
    return {
        "allOf": [{"$ref": "#/components/schemas/Problem"}, told],
        "description": "RFC 9457 problem details; `frames` and `ack` as in an answer, if there was a link.",
    }
