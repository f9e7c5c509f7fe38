"""The composition root: which door answers which address and frame, and what orders provides to sessions."""

from typing import Any, Final, cast

from django.urls import path, re_path

from eagateway.health import healthz, readyz
from eagateway.protocol import FRAME_TYPES, STREAM
from eagateway.servers.turns import Turns
from orders import handlers as order_handlers
from orders import queries as order_queries
from orders.services.copies import backlog, due_copies, watch
from sessions_app import handlers as session_handlers
from sessions_app.api.exchange import exchange_endpoint
from sessions_app.consumers import StreamConsumer
from sessions_app.services.ingest import ports

EXCHANGE: Final = "ea-gateway/v1/sessions/<uuid:session_id>/exchange"


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """Every other address of a socket: 404, or a closed door where a server cannot say so."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4400})
        return
    await send({"type": "websocket.http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "websocket.http.response.body", "body": b""})


websocket_urlpatterns: list[Any] = [
    path(STREAM, cast(Any, StreamConsumer.as_asgi())),
    re_path("", cast(Any, no_such_socket)),
]


def http_urlpatterns(django: Any) -> list[Any]:
    """Plain HTTP: health and the exchange, and `django` for everything else."""
    looks = [path("healthz", cast(Any, healthz)), path("readyz", cast(Any, readyz))]
    return [*looks, path(EXCHANGE, cast(Any, exchange_endpoint)), re_path("", cast(Any, Turns(django)))]


def bind() -> None:
    """Bind the ports of sessions_app to orders."""
    ports.bind(
        ports.Ports(
            frames=ports.bound_frames(FRAME_TYPES, {**session_handlers.HANDLERS, **order_handlers.HANDLERS}),
            commands_after=order_queries.commands_after,
            void_overdue=backlog.void_overdue,
            overdue=backlog.overdue,
            acknowledged=backlog.acknowledged,
            release=backlog.release,
            summaries=order_queries.summaries,
            carry_out_due=due_copies.carry_out,
            frame_at=order_queries.frame_at,
            frame_ids=order_queries.frame_ids,
            doubt=backlog.doubt,
            snapshot_request=order_queries.snapshot_request,
            gone=watch.gone,
        )
    )
