"""Bodies of the REST API: what they may hold, and what the OpenAPI document says of them."""

from typing import Any, Final

import msgspec
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions_app.auth.registry import offered, strategies
from sessions_app.domain.keys import MAX_ACCOUNT_ID
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.rest.bodies import Moment, Text

PLATFORMS: Final = ("mt4", "mt5", "sdk")
MAX_ENVIRONMENT_BYTES: Final = 4096


class DomainText(Text):
    """Text whose bounds the domain checks, with a code of its own; the length here is for the document."""

    def run_validators(self, value: Any) -> None:
        """Left to the domain."""


class Platform(serializers.ChoiceField):
    default_error_messages = {"invalid_choice": f"Expected one of: {', '.join(PLATFORMS)}"}

    def __init__(self) -> None:
        super().__init__(choices=[(name, name) for name in PLATFORMS], help_text="What the client runs on.")

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in PLATFORMS:
            self.fail("invalid_choice")
        return data


@extend_schema_field({"type": "object", "additionalProperties": True, "default": {}})
class Environment(serializers.JSONField):
    """What a terminal tells of its surroundings: a JSON object of 4 KiB at most."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Expected an object")
        text = msgspec.json.encode(data)
        if len(text) > MAX_ENVIRONMENT_BYTES:
            raise serializers.ValidationError(f"Expected {MAX_ENVIRONMENT_BYTES} bytes of JSON at most")
        if b"\\u0000" in text:
            raise serializers.ValidationError("Expected text without NUL characters")
        return data


class SessionRequest(serializers.Serializer[dict[str, Any]]):
    """What a terminal sends to open a session."""

    account_id = DomainText(max_length=MAX_ACCOUNT_ID, help_text="`<broker server>:<login>`, compared without case.")
    auth_method = Text(max_length=40, help_text="It also says which of the fields for key or token is required.")
    platform = Platform()
    ea_version = Text(max_length=64, required=False, allow_blank=True, default="")
    environment = Environment(required=False, default=dict)

    default_error_messages = {"invalid": "Expected an object"}

    def get_fields(self) -> dict[str, Any]:
        """With the field of each strategy's material; the one of the method that was chosen is required."""
        fields = super().get_fields()
        sent = getattr(self, "initial_data", None)
        chosen = sent.get("auth_method") if isinstance(sent, dict) else None
        for method, strategy in strategies().items():
            field = strategy.material
            required = field.name in fields and fields[field.name].required
            required = required or (method == chosen and method in offered())
            kind = DomainText if field.judged else Text
            fields[field.name] = kind(
                max_length=field.most, write_only=True, help_text=field.meaning, required=required
            )
        return fields

    def material(self) -> str:
        """What the chosen method is to verify; empty for a method that is not offered here."""
        strategy = strategies().get(self.validated_data["auth_method"])
        return str(self.validated_data.get(strategy.material.name, "")) if strategy is not None else ""


class Pace(serializers.Serializer[Any]):
    """The heartbeat in force."""

    interval_seconds = serializers.IntegerField()
    timeout_seconds = serializers.IntegerField()


class Limits(serializers.Serializer[Any]):
    """The bounds in force."""

    frame_bytes = serializers.IntegerField()
    max_unacked_commands = serializers.IntegerField()
    intent_rate = serializers.IntegerField(help_text="OrderIntents per second.")
    resend_page = serializers.IntegerField()


class SessionBody(serializers.Serializer[Any]):
    """A session, as its own terminal may know it."""

    session_id = serializers.UUIDField()
    account_id = serializers.CharField()
    status = serializers.ChoiceField(choices=[(status.value, status.value) for status in SessionStatus])
    heartbeat = Pace()
    stream_url = serializers.CharField(help_text="The event socket; subprotocol `ea-gateway.v1`.")
    exchange_url = serializers.CharField(help_text="The same frames by request and answer, without a socket.")
    limits = Limits()
    created_at = serializers.CharField(help_text="RFC 3339, UTC, milliseconds.")
    server_time = serializers.CharField(help_text="RFC 3339, UTC, milliseconds.")


class OpenedSession(SessionBody):
    """A session that was just opened. The token is shown this once."""

    session_token = serializers.CharField()
    key_code = serializers.CharField(
        allow_null=True, help_text="What the EA's owner tells whoever approves its key; null where there is no key."
    )


class EventBody(serializers.Serializer[Any]):
    """One change of state of a session, or of the account's key (`session_id` null)."""

    id = serializers.UUIDField()
    session_id = serializers.UUIDField(allow_null=True)
    from_state = serializers.CharField(allow_blank=True, help_text="Empty: it was opened.")
    to_state = serializers.CharField()
    reason = serializers.CharField()
    at = Moment()
