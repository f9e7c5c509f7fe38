"""What others are told once a transaction has committed."""

from sessions_app import doorbell
from sessions_app.services.ingest.ports import Batch


def ring_after_commit(batch: Batch) -> None:
    """Ring for what a committed transaction has changed."""
    doorbell.ring(sessions=batch.changed_sessions, accounts=batch.tops)
