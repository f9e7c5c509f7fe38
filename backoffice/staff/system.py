"""What the deployment consists of, and whether each part is there: database, Redis, worker, beat, gateways."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backoffice.terminals import ago
from sessions_app import queries
from sessions_app.models import GatewayProcess
from sessions_app.services.operations import ticks
from sessions_app.services.operations.gateway_processes import LEASE, heard_until

MOST: Final = 20
_GONE_FOR: Final = timedelta(hours=1)
"""A process that has ended is told for so long: one that was ended by people too, for nobody tells them apart."""
_KEPT: Final = timedelta(seconds=ticks.KEPT_SECONDS)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: how it stands (`ok`, `warning`, `idle`), that in words, and a sentence for the first line."""

    name: str
    level: str
    words: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """All parts, as of `now`, which is the database's clock."""

    now: datetime
    parts: Sequence[Part]

    @property
    def troubles(self) -> str:
        return " ".join(part.trouble for part in self.parts if part.trouble)


def look() -> System:
    """Ask everybody: one statement, and one round trip to Redis, which has a second for it."""
    rows = list(GatewayProcess.objects.annotate(now=queries.clock()).order_by("-lease_until", "id")[:MOST])
    now = rows[0].now if rows else queries.database_now()
    signs = ticks.look()
    parts = [Part("database", "ok", "answers"), _redis(signs)]
    parts += [_helper(name, seconds, signs) for name, seconds in (("worker", signs.worker), ("beat", signs.beat))]
    return System(now, [*parts, *_gateways(rows, now)])


def _redis(signs: ticks.Signs) -> Part:
    if signs.redis is None:
        return Part("Redis", "idle", "not used: everything is in one process")
    if signs.redis:
        return Part("Redis", "ok", "answers")
    return Part(
        "Redis", "warning", "does not answer",
        "Redis does not answer: orders between gateways take a second longer.",
    )  # fmt: skip


def _helper(name: str, seconds: float | None, signs: ticks.Signs) -> Part:
    if seconds is not None:
        return Part(name, "ok", ago(timedelta(seconds=seconds)))
    if signs.redis is False:
        return Part(name, "idle", "not known without Redis")
    missing = f"not seen for {_KEPT.seconds} s"
    return Part(name, "warning", missing, f"The {name} was {missing}: mails and the clearing of history wait.")


def _gateways(rows: Sequence[GatewayProcess], now: datetime) -> Sequence[Part]:
    """Each process whose lease is in force, and those that have ended within the hour."""
    living = [row for row in rows if row.lease_until > now]
    gone = [row for row in rows if now - _GONE_FOR < row.lease_until <= now]
    return [_living(row, now) for row in living] + [_gone(row, now) for row in gone]


def _living(row: GatewayProcess, now: datetime) -> Part:
    heard = max(now - heard_until(row.lease_until), timedelta(0))
    level = "warning" if heard > LEASE / 2 else "ok"
    return Part(f"gateway {row}", level, f"{ago(heard)}, started {ago(now - row.started_at)}")


def _gone(row: GatewayProcess, now: datetime) -> Part:
    return Part(f"gateway {row}", "idle", f"ended {ago(now - heard_until(row.lease_until))}")
