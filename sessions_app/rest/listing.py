"""Lists of the own account's rows: the newest first, page by page from a cursor, filtered, never counted.

A call looks at a bounded number of rows, so a filter that matches few may give a short page, even an empty one, with a
`next`: only `next` null says that there is nothing more.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.rest.authentication import SessionToken
from sessions_app.rest.bodies import problems
from sessions_app.rest.scope import Scope, own_scope
from sessions_app.rest.view import ApiView

MAX_PAGE: Final = 200
PAGE: Final = 50
SCAN: Final = 10_000
_CURSOR: Final = 22  # 16 bytes in base64url, without padding
Get = TypeVar("Get", bound=Callable[..., Response])
_BIGGEST: Final = 2**63 - 1
PAGING: Final = (
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE}),
    OpenApiParameter(
        "cursor",
        {"type": "string", "minLength": _CURSOR, "maxLength": _CURSOR, "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$"},
        description="`next` of the page before; opaque. A page with filters may be short: only `next` null is the end.",
    ),
)


class OneOf(django_filters.ChoiceFilter):  # type: ignore[misc]
    """A filter by one of these names."""

    def __init__(self, names: Iterable[StrEnum], **options: Any) -> None:
        self.names = [name.value for name in names]
        told = {"invalid_choice": f"Expected one of: {', '.join(self.names)}"}
        super().__init__(choices=[(name, name) for name in self.names], error_messages=told, **options)

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": self.names}


class Word(django_filters.CharFilter):  # type: ignore[misc]
    """A filter by a text as it is."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[^\x00]+$"}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, strip=False, **options)


class Number(django_filters.Filter):  # type: ignore[misc]
    """A filter by a whole number."""

    field_class = forms.IntegerField
    schema: ClassVar[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": _BIGGEST}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=_BIGGEST, **options)


class Identity(django_filters.UUIDFilter):  # type: ignore[misc]
    """A filter by a UUID."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "uuid"}


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """Base of every list's filters; their parameters are the only ones beside `limit` and `cursor`."""


def described(
    operation_id: str, *, summary: str, item: type[Any], filters: type[Filters], **more: str
) -> Callable[[Get], Get]:
    """What the OpenAPI document says of a list of one session's account."""
    return described_page(
        operation_id,
        summary=summary,
        item=item,
        filters=filters,
        _401="The token is unknown or was rotated",
        _404="There is no such session for this token",
        _410="The session has ended",
        **more,
    )


def described_page(
    operation_id: str, *, summary: str, item: type[Any], filters: type[Filters], **told: str
) -> Callable[[Any], Any]:
    """What the OpenAPI document says of any list. `told`: the problems that are its own, as `problems` takes them."""
    page = inline_serializer(
        f"{item.__name__}Page", {"items": item(many=True), "next": serializers.CharField(allow_null=True)}
    )
    own = [OpenApiParameter(name, kind.schema) for name, kind in filters.base_filters.items()]
    mark: Callable[[Any], Any] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        parameters=[*own, *PAGING],
        responses={
            200: page,
            **problems(
                _400="A parameter is unknown or out of its bounds",
                _429="Too many requests; see Retry-After",
                _503="A part of the gateway is away; see Retry-After",
                **told,
            ),
        },
    )
    return mark


class ListView(ApiView):
    """`GET` of one list. Concrete views say which rows, how a row looks, and whether a pending session may read."""

    authentication_classes = [SessionToken]
    while_pending: ClassVar[bool] = False
    filters: ClassVar[type[Filters]]
    item: ClassVar[type[Any]]

    def rows(self, scope: Scope) -> QuerySet[Any]:
        """All rows that this scope may see."""
        raise NotImplementedError

    def page(self, request: Request, session_id: UUID) -> Response:
        """One page: `items`, and `next`, the cursor of the page after it.

        :raises Refused: `not_found`, `session_closed`, `not_authenticated`
        :raises ValidationError: all mistakes of the parameters
        """
        scope = own_scope(request, session_id, while_pending=self.while_pending)
        found = page_of(request.query_params, self.rows(scope), self.filters)
        return found.answer(self.item(found.items, many=True).data)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one page, and after which row the next one begins; None: there is none."""

    items: Sequence[Any]
    following: UUID | None

    def answer(self, items: Any) -> Response:
        """The page, with its rows as they were made for the wire."""
        body = {"items": items, "next": None if self.following is None else cursor_of(self.following)}
        return Response(body, headers={"Cache-Control": "no-store"})


def page_of(asked: QueryDict, rows: QuerySet[Any], filters: type[Filters]) -> Found:
    """One page of `rows`, as the parameters ask for it.

    :raises ValidationError: all mistakes of the parameters
    """
    limit, before = paging(asked, known=set(filters.base_filters))
    rows = rows.order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    edge = _edge(rows) if set(asked) & set(filters.base_filters) else None
    if edge is not None:
        rows = rows.filter(id__gte=edge)
    found = list(_filtered(filters, asked, rows)[: limit + 1])
    items, more = found[:limit], len(found) > limit
    return Found(items, items[-1].id if more else edge)


def _edge(rows: QuerySet[Any]) -> UUID | None:
    """The last of the SCAN newest rows: a filter looks no further in one call. None: there are fewer."""
    edge: UUID | None = rows.values_list("id", flat=True)[SCAN - 1 : SCAN].first()
    return edge


def _filtered(filters: type[Filters], asked: QueryDict, rows: QuerySet[Any]) -> QuerySet[Any]:
    chosen = filters(data=asked, queryset=rows)
    if not chosen.is_valid():
        raise ValidationError({name: list(told) for name, told in chosen.errors.items()})
    narrowed: QuerySet[Any] = chosen.qs
    return narrowed


def paging(asked: QueryDict, *, known: set[str]) -> tuple[int, UUID | None]:
    """(limit, the id above the page), both within their bounds."""
    mistakes: dict[str, str] = {}
    for name, values in asked.lists():
        if name not in known | {"limit", "cursor"}:
            mistakes["query"] = "A parameter is not known here"
        elif len(values) != 1 or not values[0]:
            mistakes[name] = "Expected one value"
    text = asked.get("limit", str(PAGE))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    if not 1 <= limit <= MAX_PAGE:
        mistakes["limit"] = f"Expected a whole number from 1 to {MAX_PAGE}"
    before = _id_of(str(asked["cursor"])) if "cursor" in asked else None
    if "cursor" in asked and before is None:
        mistakes["cursor"] = "Expected `next` of a page"
    if mistakes:
        raise ValidationError(mistakes)
    return limit, before


def cursor_of(row_id: UUID) -> str:
    return base64.urlsafe_b64encode(row_id.bytes).decode().rstrip("=")


def _id_of(cursor: str) -> UUID | None:
    if len(cursor) != _CURSOR or not cursor.isascii():
        return None
    try:
        found = UUID(bytes=base64.b64decode(f"{cursor}==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    return found if cursor_of(found) == cursor else None
