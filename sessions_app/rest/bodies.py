"""Bodies that the REST doors of both apps share: problem details, moments and decimals as the wire has them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from sessions_app.domain.decimals import plain
from sessions_app.domain.frames.envelope import rfc3339
from sessions_app.rest.problems import CONTENT_TYPE


class ProblemError(serializers.Serializer[Any]):
    path = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


@extend_schema_serializer(component_name="Problem")
class ProblemBody(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Stable: it never changes its meaning.")
    path = serializers.CharField(allow_null=True, help_text="The field or header that is wrong.")
    instance = serializers.CharField()
    remediation = serializers.CharField()
    errors = ProblemError(many=True, required=False, help_text="All mistakes of a body.")  # type: ignore[assignment]


def problems(**meanings: str) -> dict[Any, OpenApiResponse]:
    """Problem bodies by status, in its order, e.g. `_404="no such session"`."""
    return {
        (int(status.strip("_")), CONTENT_TYPE): OpenApiResponse(ProblemBody, description=meaning)
        for status, meaning in sorted(meanings.items())
    }


class Text(serializers.CharField):
    """A string that is a string: no number is taken for one, nothing is trimmed, and messages repeat nothing."""

    default_error_messages = {"invalid": "Expected a string"}

    def __init__(self, **options: Any) -> None:
        if not options.get("allow_blank"):
            options.setdefault("min_length", 1)  # for the document
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


# Rows of lists -----------------------------------------------------------------------------------------------------


@extend_schema_field({"type": "string", "format": "date-time"})
class Moment(serializers.Field[datetime, Any, str, Any]):
    """RFC 3339, UTC, milliseconds."""

    def to_representation(self, value: datetime) -> str:
        return rfc3339(value)


@extend_schema_field({"type": "string", "format": "decimal"})
class Plain(serializers.Field[Decimal, Any, str, Any]):
    """A decimal as a string, as in frames."""

    def to_representation(self, value: Decimal) -> str:
        return plain(value)
