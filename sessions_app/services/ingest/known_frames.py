"""Which frames of a batch are stored already, under the same id or the same number: one read, whatever their number.

Each is looked up by an index of its own. A condition that names the ids and, apart from them, their senders lets the
database read every frame that the senders have ever sent. Numbers are asked about only where one comes again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from sessions_app.models import InboundFrame
from sessions_app.models.listed import Value, as_uuid, listed, read_each
from sessions_app.models.statements import execute

_FRAMES: Final = InboundFrame._meta.db_table
_COLUMNS: Final = ("account_id", "session_id", "frame_id", "seq", "digest", "refusal", "quarantined")


class Sent(NamedTuple):
    """A frame that a batch brings. `pending`: nobody has decided about its sender yet."""

    session_id: UUID
    account_pk: UUID
    frame_id: UUID
    seq: int
    pending: bool


@dataclass(slots=True)
class KnownFrames:
    """(digest, refusal) of stored frames by their ids.

    `by_account` has none that is quarantined: until its promotion a session's ids are its own, and `by_session` has
    those.
    """

    by_account: dict[tuple[UUID, UUID], tuple[bytes, str]] = field(default_factory=dict)
    by_session: dict[tuple[UUID, UUID], tuple[bytes, str]] = field(default_factory=dict)


def send_for_known(sent: Sequence[Sent]) -> Callable[[], KnownFrames]:
    """Ask what is stored of these frames; what is called reads the answer."""
    if not sent:
        return KnownFrames
    stored = [(item.account_pk, item.frame_id) for item in sent]
    looks = [_look(("account_id", "frame_id"), stored, " AND NOT quarantined")]
    quarantined = [(item.session_id, item.frame_id) for item in sent if item.pending]
    if quarantined:
        looks.append(_look(("session_id", "frame_id"), quarantined, " AND quarantined"))
    text = " UNION ALL ".join(text for text, _ in looks)
    answer = execute(text, [item for _, values in looks for item in values])
    return lambda: _known(answer.read())


def ids_by_number(numbers: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], UUID]:
    """The ids of the frames that took these numbers, by session and number."""
    if not numbers:
        return {}
    rows = execute(*_look(("session_id", "seq"), numbers)).read()
    return {(as_uuid(session_id), seq): as_uuid(frame_id) for _, session_id, frame_id, seq, *_ in rows}


def _known(rows: Iterable[Any]) -> KnownFrames:
    found = KnownFrames()
    for *keys, _, digest, refusal, quarantined in rows:
        account_pk, session_id, frame_id = map(as_uuid, keys)
        if quarantined:
            found.by_session[session_id, frame_id] = (bytes(digest), refusal)
        else:
            found.by_account[account_pk, frame_id] = (bytes(digest), refusal)
    return found


def _look(names: tuple[str, str], pairs: Sequence[tuple[Value, Value]], more: str = "") -> tuple[str, list[Any]]:
    """Read stored frames by two columns that an index has; `more`: the index's own condition."""
    source, values = listed(("first", "second"), pairs)
    on = f"found.{names[0]} = listed.first AND found.{names[1]} = listed.second{more}"
    return read_each(source, _FRAMES, _COLUMNS, on), values
