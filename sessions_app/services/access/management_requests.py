"""A write of the management API is done once under one Idempotency-Key of one token.

The act commits by itself, so its answer cannot be written in its transaction. The request is written before it: who
comes again after an end in between is told that the outcome is unknown, and nothing is done twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sessions_app import queries
from sessions_app.domain.problems import Refused
from sessions_app.models import ManagementRequest, ManagementToken
from sessions_app.services.access.idempotency import only_one

KEPT: Final = timedelta(days=1)
_SLICE: Final = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. `once`: fields that are shown this once, and null in the answer to a repeat."""

    status: int
    body: Mapping[str, Any] | None = None
    once: frozenset[str] = field(default=frozenset())
    repeated: bool = False


def answer_once(*, token: ManagementToken, key: str | None, digest: str, act: Callable[[], Answer]) -> Answer:
    """The answer of `act`, which is called unless it was before under this key.

    :raises Refused: what `act` refuses, and then the key is free again; `idempotency_key_reused`,
        `request_in_flight`, `outcome_unknown`
    """
    if key is None:
        return act()
    with only_one(f"manage {token.pk} {key}"):
        row, begun = ManagementRequest.objects.get_or_create(
            token=token, key=key, defaults={"digest": digest, "at": queries.database_now()}
        )
        if not begun:
            return _repeated(row, digest)
        try:
            answer = act()
        except Refused:
            row.delete()  # a refusal has rolled everything back
            raise
        kept = None if answer.body is None else {**answer.body, **dict.fromkeys(answer.once)}
        ManagementRequest.objects.filter(pk=row.pk).update(status=answer.status, body=kept)
        return answer


def _repeated(row: ManagementRequest, digest: str) -> Answer:
    if row.digest != digest:
        raise Refused("idempotency_key_reused", path="Idempotency-Key")
    if row.status is None:
        raise Refused("outcome_unknown", path="Idempotency-Key")
    return Answer(row.status, row.body, repeated=True)


def forget_old(*, now: datetime) -> int:
    """Delete what is older than a day, a slice in a transaction. Returns how many."""
    deleted, old = 0, ManagementRequest.objects.filter(at__lt=now - KEPT).order_by("at")
    while some := list(old.values_list("id", flat=True)[:_SLICE]):
        deleted += ManagementRequest.objects.filter(id__in=some).delete()[0]
    return deleted
