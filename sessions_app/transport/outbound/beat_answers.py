"""The answers to heartbeats, from what this process knows."""

from datetime import UTC, datetime

from sessions_app.domain.frames.payloads import HeartbeatAck
from sessions_app.services.ingest.heartbeats import heartbeat_ack
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.outbound.gaps import ask_again


def answer_beats(connection: Connection) -> None:
    """Answer the beats that have waited long enough.

    The top of the log is the highest number that this link was sent, or that the sweep has read: it may lag behind
    another process by a sweep, never more. What is missing is asked for before: all that the EA sent first is settled.
    """
    due = connection.inbox.due_answers()
    if due:
        ask_again(connection)
    for _ in range(due):
        standing = connection.standing
        top = max(standing.top_seq, connection.outbox.sent)
        connection.post(HeartbeatAck.__name__, heartbeat_ack(standing.epoch, top, datetime.now(UTC)))
