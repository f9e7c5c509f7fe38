"""Versions of a subscription's settings: what they were, who changed them, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.provisioning.settings import settings_of, written
from orders.models import Subscription, SubscriptionVersion
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations.history import Actor

_NOBODY: Final = Actor("")


@dataclass(frozen=True, slots=True)
class Change:
    """One setting before and after, as a file would write it; None where it was, or is, its default or switched off."""

    name: str
    before: Any
    after: Any


@requires_transaction
def note_first(rows: Sequence[Subscription], *, by: Actor, notes: Sequence[str]) -> None:
    """The settings that subscriptions begin with."""
    made = [
        _version(row, written(row.settings, SETTINGS), by=by, note=note, at=row.created_at)
        for row, note in zip(rows, notes, strict=True)
    ]
    SubscriptionVersion.objects.bulk_create(made, batch_size=1_000)


@requires_transaction
def note_change(row: Subscription, wanted: Settings, *, by: Actor, note: str, at: datetime) -> bool:
    """Count another version, if the settings differ; the caller stores them with the number in `row`."""
    before = _readable(row)
    if before == written(wanted, SETTINGS):
        return False
    # Those of earlier releases have no version yet: what they were is kept as the first.
    if not SubscriptionVersion.objects.filter(subscription=row, number=row.version).exists():
        _note(row, before, by=_NOBODY, note="as it was before versions were kept", at=row.created_at)
    row.version += 1
    _note(row, written(wanted, SETTINGS), by=by, note=note, at=at)
    return True


def changes(before: dict[str, Any], after: dict[str, Any]) -> Sequence[Change]:
    """What differs between two versions, in the order of the settings."""
    found = [Change(row.name, before.get(row.name), after.get(row.name)) for row in SETTINGS.rows]
    return [change for change in found if change.before != change.after]


def restored(version: SubscriptionVersion) -> dict[str, Any] | None:
    """A version's settings as today's release would write them; None if it does not take them any more."""
    settings, mistakes = settings_of(version.settings, SETTINGS)
    return None if mistakes else written(settings, SETTINGS)


def _readable(row: Subscription) -> dict[str, Any]:
    """What is stored; nothing where it cannot be read, which is what another version mends."""
    try:
        return written(row.settings, SETTINGS)
    except (ValueError, TypeError):
        return {}


def _note(row: Subscription, settings: dict[str, Any], *, by: Actor, note: str, at: datetime) -> None:
    _version(row, settings, by=by, note=note, at=at).save(force_insert=True)


def _version(row: Subscription, settings: dict[str, Any], *, by: Actor, note: str, at: datetime) -> SubscriptionVersion:
    return SubscriptionVersion(
        subscription=row,
        number=row.version,
        settings=settings,
        actor=by.name[:150],
        address=by.address[:64],
        note=note[:255],
        at=at,
    )
