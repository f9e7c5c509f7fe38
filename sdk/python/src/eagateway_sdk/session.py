"""The session in hand, kept beside the outbox so that a restarted program resumes it instead of asking for another."""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from eagateway_sdk.ids import uuid7
from eagateway_sdk.journal import Journal
from eagateway_sdk.rest import OpenedSession

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS installation(
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, account TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS session(
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, token TEXT NOT NULL, stream_url TEXT NOT NULL,
    interval_seconds INTEGER NOT NULL, timeout_seconds INTEGER NOT NULL, opened_with TEXT NOT NULL,
    exchange_url TEXT NOT NULL DEFAULT ''
);
"""


class WrongAccount(ValueError):
    """The file holds the outbox and ledger of another account."""


@dataclass(slots=True)
class Session:
    """What is needed to connect and to resume. `initialised`: InitAck was received for it in this run."""

    id: UUID
    token: str
    stream_url: str
    interval_seconds: float
    timeout_seconds: float
    exchange_url: str = ""
    initialised: bool = False
    promoted: bool = False
    intent_rate: int = 0


class SessionFile:
    """`opened_with` is a digest of address, account and credential: with another one the kept session is not
    resumed."""

    def __init__(self, journal: Journal, *, base_url: str, account_id: str, credential: str) -> None:
        self._journal = journal
        self._opened_with = hashlib.sha256(f"{base_url}\n{account_id}\n{credential}".encode()).hexdigest()
        journal.define(_TABLES)
        if "exchange_url" not in {name for _, name, *_ in journal.read("PRAGMA table_info(session)")}:
            journal.define("ALTER TABLE session ADD COLUMN exchange_url TEXT NOT NULL DEFAULT ''")
        self.installation_id = self._installation(account_id)

    def _installation(self, account_id: str) -> str:
        known = self._journal.read("SELECT id, account FROM installation")
        if not known:
            self._journal.write("INSERT INTO installation VALUES (1, ?, ?)", (str(uuid7()), account_id))
            return self._installation(account_id)
        identity, owner = str(known[0][0]), str(known[0][1])
        if owner != account_id:
            raise WrongAccount(f"{self._journal.path} belongs to the account {owner}")
        return identity

    def load(self) -> Session | None:
        """The kept session, or None."""
        rows = self._journal.read(
            "SELECT id, token, stream_url, interval_seconds, timeout_seconds, exchange_url FROM session "
            "WHERE opened_with = ?",
            (self._opened_with,),
        )
        if not rows:
            return None
        identity, token, url, interval, timeout, exchange = rows[0]
        pace = float(str(interval)), float(str(timeout))
        return Session(UUID(str(identity)), str(token), str(url), *pace, str(exchange))

    def keep(self, opened: OpenedSession) -> Session:
        """Write a new session, in the open transaction."""
        pace = opened.heartbeat
        self._journal.write(
            "INSERT OR REPLACE INTO session VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(opened.session_id), opened.session_token, opened.stream_url,
                pace.interval_seconds, pace.timeout_seconds, self._opened_with, opened.exchange_url,
            ),
        )  # fmt: skip
        session = Session(
            opened.session_id, opened.session_token, opened.stream_url, pace.interval_seconds, pace.timeout_seconds,
            opened.exchange_url,
        )  # fmt: skip
        rate = opened.limits.get("intent_rate")
        session.intent_rate = rate if isinstance(rate, int) else 0
        return session

    def forget(self) -> None:
        """The session has ended: nothing to resume."""
        self._journal.write("DELETE FROM session")
