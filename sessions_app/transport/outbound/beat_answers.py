"""The answers to heartbeats, from what this process knows."""

from datetime import UTC, datetime

from sessions_app.domain.frames.payloads import HeartbeatAck
from sessions_app.services.ingest.heartbeats import heartbeat_ack
from sessions_app.transport.connection.connections import Connection


def answer_beats(connection: Connection) -> None:
    """Answer the beats that have waited long enough.

    The top of the log is the highest number that this link was sent, or that the sweep has read: it may lag behind
    another process by a sweep, never more.
    """
    for _ in range(connection.inbox.due_answers()):
        standing = connection.standing
        top = max(standing.top_seq, connection.outbox.sent)
        connection.post(HeartbeatAck.__name__, heartbeat_ack(standing.epoch, top, datetime.now(UTC)))
