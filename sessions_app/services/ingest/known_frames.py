"""Which frames of a batch are stored already, under the same id or the same number: one read, whatever their number.

Each is looked up by an index of its own. A condition that names the ids and, apart from them, their senders lets the
database read every frame that the senders have ever sent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from sessions_app.models import InboundFrame
from sessions_app.models.listed import Value, as_uuid, listed
from sessions_app.models.statements import execute

_FRAMES: Final = InboundFrame._meta.db_table
_COLUMNS: Final = ("account_id", "session_id", "frame_id", "seq", "digest", "refusal", "quarantined")


class Sent(NamedTuple):
    """A frame that a batch brings."""

    session_id: UUID
    account_pk: UUID
    frame_id: UUID
    seq: int


@dataclass(slots=True)
class KnownFrames:
    """(digest, refusal) of stored frames by their ids, and the ids that numbers were taken with.

    `by_account` has none that is quarantined: until its promotion a session's ids are its own.
    """

    by_account: dict[tuple[UUID, UUID], tuple[bytes, str]] = field(default_factory=dict)
    by_session: dict[tuple[UUID, UUID], tuple[bytes, str]] = field(default_factory=dict)
    by_number: dict[tuple[UUID, int], UUID] = field(default_factory=dict)


def send_for_known(sent: Sequence[Sent]) -> Callable[[], KnownFrames]:
    """Ask what is stored of these frames; what is called reads the answer."""
    if not sent:
        return KnownFrames
    looks = [
        _look(("session_id", "frame_id"), [(item.session_id, item.frame_id) for item in sent]),
        _look(("account_id", "frame_id"), [(item.account_pk, item.frame_id) for item in sent], " AND NOT quarantined"),
        _look(("session_id", "seq"), [(item.session_id, item.seq) for item in sent]),
    ]
    text = " UNION ALL ".join(text for text, _ in looks)
    answer = execute(text, [item for _, values in looks for item in values])
    return lambda: _known(answer.read())


def _known(rows: Iterable[Any]) -> KnownFrames:
    found = KnownFrames()
    for *keys, seq, digest, refusal, quarantined in rows:
        account_pk, session_id, frame_id = map(as_uuid, keys)
        known = (bytes(digest), refusal)
        found.by_session[session_id, frame_id] = known
        found.by_number[session_id, seq] = frame_id
        if not quarantined:
            found.by_account[account_pk, frame_id] = known
    return found


def _look(names: tuple[str, str], pairs: Sequence[tuple[Value, Value]], more: str = "") -> tuple[str, list[Any]]:
    """Read stored frames by two columns that an index has; `more`: the index's own condition."""
    source, values = listed(("first", "second"), pairs)
    columns = ", ".join(f"frame.{name}" for name in _COLUMNS)
    on = f"frame.{names[0]} = listed.first AND frame.{names[1]} = listed.second{more}"
    return f"SELECT {columns} FROM {source} JOIN {_FRAMES} frame ON {on}", values  # noqa: S608 - names of the model
