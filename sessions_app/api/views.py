"""The routes of the REST API: parse, call one service or query, answer."""

from datetime import datetime
from typing import Any, Final, NoReturn
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app import queries
from sessions_app.api.serializers import EventBody, OpenedSession, SessionBody, SessionRequest
from sessions_app.auth.account_session_key import AccountSessionKey
from sessions_app.domain.frames.envelope import rfc3339
from sessions_app.domain.keys import fingerprint, grouped, owners_code, token_digest
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import EaSession, SessionEvent
from sessions_app.models.broker_account import DEFAULT_INTENT_RATE
from sessions_app.rest import listing, parsing
from sessions_app.rest.authentication import SessionToken
from sessions_app.rest.bodies import problems
from sessions_app.rest.scope import Scope, living_session, own_session
from sessions_app.rest.view import ApiView
from sessions_app.services.access import admission
from sessions_app.services.ingest import introducing
from sessions_app.services.lifecycle import ending, opening
from sessions_app.services.operations.history import EA

_PRIVATE: Final = {"Cache-Control": "no-store"}
_IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="A replay answers with the same session and a new token; 1 to 64 visible ASCII characters.",
)


class SessionsView(ApiView):
    """`POST /sessions`: a terminal asks for a session."""

    parser_classes = [parsing.StrictJSONParser]

    @extend_schema(
        operation_id="open_session",
        summary="Open a session",
        request=SessionRequest,
        parameters=[_IDEMPOTENCY_KEY],
        responses={
            201: OpenedSession,
            **problems(
                _400="The body, the account id or the key is malformed",
                _401="The token is not valid here",
                _403="The key is rejected, revoked or not enrolled; the token does not serve this account; the account"
                " is suspended",
                _409="The same Idempotency-Key is being answered",
                _413="The body is too big",
                _415="The body is not JSON",
                _422="The Idempotency-Key was used for another body",
                _429="Too many unknown keys, or too many requests; see Retry-After",
                _503="A part of the gateway is away; see Retry-After",
            ),
        },
    )
    def post(self, request: Request) -> Response:
        sent = _checked(request)
        body: dict[str, Any] = sent.validated_data
        opened = admission.request_session(
            account_id=body["account_id"],
            material=sent.material(),
            request=opening.Request(
                auth_method=body["auth_method"],
                platform=body["platform"],
                ea_version=body["ea_version"],
                environment=body["environment"],
                address=parsing.peer_address(request),
                idempotency_key=parsing.idempotency_key(request),
                digest=_digest(body),
            ),
        )
        answer = {**_describe(opened.session, request), "session_token": opened.token, "key_code": _key_code(sent)}
        return Response(answer, status=201, headers=_PRIVATE)


class SessionView(ApiView):
    """`GET` and `DELETE /sessions/{id}`: a terminal's own session. Any other's does not exist for it."""

    authentication_classes = [SessionToken]

    @extend_schema(
        operation_id="read_session",
        summary="Read the own session",
        responses={
            200: SessionBody,
            **problems(
                _401="The token is unknown or was rotated",
                _404="There is no such session for this token",
                _410="The session has ended",
                _429="Too many requests; see Retry-After",
            ),
        },
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        session = living_session(request, session_id)
        return Response(_describe(session, request), headers=_PRIVATE)

    @extend_schema(
        operation_id="close_session",
        summary="Close the own session; closing twice is fine",
        responses={
            204: None,
            **problems(
                _401="The token is unknown or was rotated",
                _404="There is no such session for this token",
                _429="Too many requests; see Retry-After",
            ),
        },
    )
    def delete(self, request: Request, session_id: UUID) -> Response:
        session = own_session(request, session_id)
        ending.close_session(session_id=session.id, reason=Reason.SHUTDOWN_BY_EA, actor=EA)
        return Response(status=204)


class EventFilters(listing.Filters):
    """Changes of state may be asked for by what they led to, and why."""

    to_state = listing.OneOf(SessionStatus)
    reason = listing.OneOf(Reason)


class EventsView(listing.ListView):
    """`GET /sessions/{id}/events`: what became of the account's sessions; while pending, of this one only."""

    while_pending = True
    filters = EventFilters
    item = EventBody

    @listing.described("list_events", summary="List changes of state", item=EventBody, filters=EventFilters)
    def get(self, request: Request, session_id: UUID) -> Response:
        return self.page(request, session_id)

    def rows(self, scope: Scope) -> QuerySet[SessionEvent]:
        return queries.session_events(scope.account_pk, only=None if scope.authenticated else scope.session_id)


class NothingView(ApiView):
    """Every other address below the API: a problem body instead of a page."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        super().initial(request, *args, **kwargs)
        raise Http404


def _checked(request: Request) -> SessionRequest:
    """The body within its bounds.

    :raises ValidationError: all its mistakes
    :raises RequestDataTooBig: before anything is read into memory
    """
    _ = request.body
    serializer = SessionRequest(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer


def _digest(body: dict[str, Any]) -> str:
    """What a replay must repeat. Keyed: it covers the key, and a plain hash would be a fast way to guess it."""
    text = msgspec.json.encode(body, order="sorted").decode()
    return fingerprint(text, secret=settings.KEY_FINGERPRINT_SECRET.encode())


def _key_code(sent: SessionRequest) -> str | None:
    """What the EA's owner tells whoever approves its key, computed from the key that was shown."""
    if sent.validated_data["auth_method"] != AccountSessionKey.method:
        return None
    return grouped(owners_code(token_digest(sent.material())))


def _describe(session: EaSession, request: Request) -> dict[str, Any]:
    now: datetime = queries.database_now()
    # The account's and its tenant's own values are nothing that a pending session may know: it may be a stranger's.
    pending = session.state == SessionStatus.PENDING
    pace = opening.pace(None if pending else session)
    rate = DEFAULT_INTENT_RATE if pending else session.account.intent_rate
    return {
        "session_id": str(session.id),
        "account_id": session.account.account_id,
        "status": session.state,
        "heartbeat": {
            "interval_seconds": pace.interval,
            "timeout_seconds": pace.timeout,
        },
        "stream_url": parsing.stream_url(request),
        "exchange_url": parsing.exchange_url(request, session.id),
        "limits": msgspec.to_builtins(introducing.limits(rate)),
        "created_at": rfc3339(session.created_at),
        "server_time": rfc3339(now),
    }
