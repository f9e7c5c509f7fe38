"""What is missing of an EA's numbered frames is asked for."""

from sessions_app.domain.frames.payloads import ResendRequest
from sessions_app.transport.connection.connections import Connection


def ask_again(connection: Connection, named: int = 0) -> None:
    """Ask for what is missing, if anything is, and it is time to ask for some of it. `named`: the last number of an EA
    that leaves."""
    gap = connection.inbox.ask_for_gap(named)
    if gap is not None:
        first, last = gap
        connection.post(ResendRequest.__name__, ResendRequest(from_=first, to=last))
