"""The REST half as an OpenAPI document: what drf-spectacular reads from the views, and the exchange beside them."""

from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from eagateway.asyncapi import exchange_answer, exchange_call
from eagateway.routing import EXCHANGE

_PLACE: Final = "/" + EXCHANGE.replace("<uuid:session_id>", "{session_id}")
_ID: Final = {"name": "session_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
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
    made["components"]["schemas"] |= {
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


def _content(kind: str, name: str) -> dict[str, Any]:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _problem() -> dict[str, Any]:
    """A problem body, with what a socket would have been told before its close."""
    return {
        "allOf": [{"$ref": "#/components/schemas/Problem"}, exchange_answer()],
        "description": "RFC 9457 problem details; `frames` and `ack` as in an answer.",
    }
