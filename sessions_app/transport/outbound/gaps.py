"""What is missing of an EA's numbered frames is asked for."""

from sessions_app.domain.frames.payloads import ResendRequest
from sessions_app.transport.connection.connections import Connection


def ask_again(connection: Connection) -> None:
    """Ask for what is missing, if anything is, and it is time to ask for some of it."""
    gap = connection.inbox.ask_for_gap()
    if gap is not None:
        first, last = gap
        connection.post(ResendRequest.__name__, ResendRequest(from_=first, to=last))
