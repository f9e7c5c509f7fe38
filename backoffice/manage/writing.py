"""How a write is asked for: a strict body, and an answer that is given once under its Idempotency-Key."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import msgspec
from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.actions.action import Sentences
from backoffice.manage.door import PRIVATE, token_of
from orders.domain.decision.setting_table import Amount, Choice, Content, Kind, Setting, Switch, Text, Whole
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.provisioning.settings import BESIDE, settings_of
from sessions_app.domain.keys import fingerprint
from sessions_app.domain.problems import Refused
from sessions_app.models import Role
from sessions_app.rest import bodies, parsing
from sessions_app.rest.bodies import problems
from sessions_app.services.access.management_requests import Answer, answer_once

MOST_HOURS: Final = 24 * 90
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same request under the same key is done once, and answered alike for a day, with"
    " `Idempotency-Replayed: true`; 1 to 64 visible ASCII characters.",
)
_SHOWABLE: Final = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)


# Fields --------------------------------------------------------------------------------------------------------------


class WholeNumber(serializers.IntegerField):
    """A number that is one: no text and no truth is taken for it."""

    default_error_messages = {"invalid": "Expected a whole number"}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


@extend_schema_field({"type": "string", "format": "uuid"})
class Identity(serializers.Field[UUID, Any, str, Any]):
    """A UUID as a string."""

    default_error_messages = {"invalid": "Expected a UUID"}

    def to_internal_value(self, data: Any) -> UUID:
        try:
            return UUID(data if isinstance(data, str) else "")
        except ValueError:
            self.fail("invalid")


@extend_schema_field({"type": "string", "enum": [role.value for role in Role]})
class RoleName(serializers.Field[Role, Any, str, Any]):
    """The role of a member."""

    default_error_messages = {"invalid": f"Expected one of: {', '.join(Role)}"}

    def to_internal_value(self, data: Any) -> Role:
        try:
            return Role(data if isinstance(data, str) else "")
        except ValueError:
            self.fail("invalid")


def _schema_of(kind: Kind) -> dict[str, Any]:
    match kind:
        case Choice(names):
            return {"type": "string", "enum": [name.value for name in names]}
        case Whole(least, most):
            return {"type": "integer", "minimum": least, "maximum": most}
        case Amount():
            return {"type": "string", "format": "decimal"}
        case Text(most):
            return {"type": "string", "maxLength": most}
        case Switch():
            return {"type": "boolean"}
        case Content():
            return {"type": "object", "additionalProperties": True}


def _described(row: Setting) -> dict[str, Any]:
    return {**_schema_of(row.kind), "description": row.help.sentence}


@extend_schema_field(
    {
        "type": "object",
        "properties": {row.name: _described(row) for row in SETTINGS.rows},
        "additionalProperties": False,
        "description": "Settings of a subscription, as in a provisioning file; what is left out has its default.",
    }
)
class SettingsField(serializers.Field[Settings, Any, Any, Any]):
    """Settings, read and judged as those of a provisioning file."""

    def to_internal_value(self, data: Any) -> Settings:
        wanted, mistakes = settings_of(data, SETTINGS)
        told: dict[str, list[str]] = {}
        for mistake in mistakes:
            told.setdefault(mistake.path, []).append(mistake.message)
        # What a file says beside the settings stands in no settings.
        for name in BESIDE:
            if isinstance(data, dict) and name in data:
                told.setdefault(name, []).append("unknown field")
        if told:
            raise serializers.ValidationError(told)
        return wanted


# Bodies --------------------------------------------------------------------------------------------------------------


class Body(serializers.Serializer[dict[str, Any]]):
    """An object with the fields that are known here, and no others."""

    default_error_messages = {"invalid": "Expected an object"}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := [name for name in data if name not in self.fields]):
            # What was sent is not repeated unless it looks like a name.
            names = [name if _SHOWABLE.fullmatch(name) else "body" for name in unknown[:20]]
            raise serializers.ValidationError(dict.fromkeys(names, f"Unknown field: expected {', '.join(self.fields)}"))
        return super().to_internal_value(data)


class ReasonBody(Body):
    """Why: it stands in the history for good."""

    reason = bodies.Text(max_length=255, help_text="Stands in the history, with the token's name.")

    def validate_reason(self, text: str) -> str:
        if not text.strip():
            raise serializers.ValidationError("Say why")
        return text


class AccountBody(ReasonBody):
    account = bodies.Text(max_length=128, help_text="`<broker server>:<login>`.")


class ApprovalBody(ReasonBody):
    overlap_hours = WholeNumber(
        required=False,
        min_value=0,
        max_value=MOST_HOURS,
        help_text="The account's other approved keys are revoked after it; without it they stay valid.",
    )


class KeyBody(ApprovalBody):
    key = bodies.Text(
        required=False, max_length=256, help_text="32 random bytes in base64url; without it one is made and shown once."
    )


class PreviewBody(Body):
    strategy_id = Identity()
    follower_id = Identity(help_text="An account of the tenant.")
    settings = SettingsField(required=False)


class SubscribeBody(PreviewBody, ReasonBody):
    """Who copies what, and how."""


class SettingsPreviewBody(Body):
    settings = SettingsField()


class SettingsBody(SettingsPreviewBody, ReasonBody):
    version = WholeNumber(min_value=1, max_value=2**31 - 1, help_text="The version that was looked at.")


class RestoreBody(ReasonBody):
    number = WholeNumber(min_value=1, max_value=2**31 - 1, help_text="The version to go back to.")
    version = WholeNumber(min_value=1, max_value=2**31 - 1, help_text="The version that was looked at.")


class RoleBody(Body):
    role = RoleName()


class NoBody(Body):
    """Nothing is said beside the address."""


# Doing it ------------------------------------------------------------------------------------------------------------


def sent_with(request: Request, body: type[Body]) -> dict[str, Any]:
    """What the body says.

    :raises ValidationError: all its mistakes
    :raises RequestDataTooBig: before anything is read into memory
    """
    _ = request.body
    read = body(data=request.data)
    read.is_valid(raise_exception=True)
    checked: dict[str, Any] = read.validated_data
    return checked


def written(request: Request, body: type[Body], act: Callable[[dict[str, Any]], Answer]) -> Response:
    """The answer of `act` to what the body says; under an Idempotency-Key it is called once."""
    sent = sent_with(request, body)
    answer = answer_once(
        token=token_of(request),
        key=parsing.idempotency_key(request),
        digest=_digest(request),
        act=lambda: act(sent),
    )
    told = {"Idempotency-Replayed": "true"} if answer.repeated else {}
    return Response(answer.body, status=answer.status, headers={**PRIVATE, **told})


def _digest(request: Request) -> str:
    """What a repeat must be: the same method, address and body. Keyed: a body may hold a key of an EA."""
    asked = [request.method, request.get_full_path(), request.data]
    text = msgspec.json.encode(asked, order="sorted").decode()
    return fingerprint(text, secret=settings.KEY_FINGERPRINT_SECRET.encode())


@contextmanager
def conflicts(words: Sentences) -> Iterator[None]:
    """What services refuse here is a conflict, in these words; `{why}` stands for their own.

    :raises Refused: `conflict`
    """
    try:
        yield
    except tuple(words) as why:
        told = next(text for kind, text in words.items() if isinstance(why, kind))
        raise Refused("conflict", told.format(why=why)) from why


@contextmanager
def at_field(name: str) -> Iterator[None]:
    """What the domain refuses here is about this field of the body, whatever it is called elsewhere.

    :raises Refused: with this path
    """
    try:
        yield
    except Refused as refusal:
        raise Refused(refusal.code, refusal.message, path=name) from refusal


def describes(
    operation_id: str, summary: str, body: type[Body] | None, answer: Any, *, status: int = 200, once: bool = True
) -> Callable[[Any], Any]:
    """What the OpenAPI document says of a write."""
    mark: Callable[[Any], Any] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        request=body,
        parameters=[IDEMPOTENCY_KEY] if once else [],
        responses={
            status: answer,
            **problems(
                _400="The body is no JSON, or has mistakes: all of them stand in `errors`",
                _401="The token is unknown, revoked or has expired",
                _403="The scope of the token does not reach; the tenant is suspended; this is left to the staff",
                _404="The tenant has no such row",
                _409="What is there does not allow it, or somebody else was first",
                _413="The body is too big",
                _415="The body is not JSON",
                _422="The Idempotency-Key was used for another request",
                _429="Too many requests; see Retry-After",
                _503="A part of the gateway is away; see Retry-After",
            ),
        },
    )
    return mark


def described(operation_id: str, summary: str, answer: Any) -> Callable[[Any], Any]:
    """What the OpenAPI document says of one row that is read."""
    mark: Callable[[Any], Any] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        responses={
            200: answer,
            **problems(
                _401="The token is unknown, revoked or has expired",
                _403="The scope of the token does not reach; the tenant is suspended",
                _404="The tenant has no such row",
                _429="Too many requests; see Retry-After",
                _503="A part of the gateway is away; see Retry-After",
            ),
        },
    )
    return mark
