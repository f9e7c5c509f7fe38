"""Heartbeats of authenticated links: answered at once from what this process knows, and written together by the sweep.

An answer stands behind the answers to what its EA sent before: who has heard it knows that those are served.
"""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from sessions_app.domain.frames.payloads import StatusHeartbeat
from sessions_app.services.ingest.beats import Beat
from sessions_app.services.ingest.ports import Arrival
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.outbound.beat_answers import answer_beats


class Heartbeats:
    """What was heard since the last sweep, the newest beat of each session, whatever became of its link since. Lives in
    one event loop."""

    def __init__(self) -> None:
        self._beats: dict[UUID, Beat] = {}

    def hear(self, connection: Connection, arrival: Arrival) -> None:
        """Keep a beat, and answer it when what came before it is settled."""
        beat = Beat(arrival.heard, cast(StatusHeartbeat, arrival.payload))
        self._beats[connection.session_id] = beat.following(self._beats.get(connection.session_id))
        connection.inbox.owe_answer(beat.payload.top_seq or 0)
        answer_beats(connection)

    def take(self) -> dict[UUID, Beat]:
        """Everything that is to be written now."""
        taken, self._beats = self._beats, {}
        return taken

    def put_back(self, beats: Mapping[UUID, Beat]) -> None:
        """They could not be written: the next sweep tries again, unless newer ones came."""
        newer = {session_id: beat.following(beats.get(session_id)) for session_id, beat in self._beats.items()}
        self._beats = {**beats, **newer}
