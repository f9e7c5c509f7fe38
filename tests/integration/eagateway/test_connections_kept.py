"""On SQLite a thread opens the database once: to open it costs a millisecond, forty times what a read costs."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from eagateway.sqlite.base import DatabaseWrapper
from sessions_app import queries

READS = 50
THREADS = min(32, (os.cpu_count() or 1) + 4)  # of the event loop's pool


@pytest.mark.lane("embedded")
@pytest.mark.django_db(transaction=True)
def test_reads_of_the_event_loop_open_no_connection_each(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    open_one = DatabaseWrapper.get_new_connection

    def counted(self: DatabaseWrapper, parameters: dict[str, Any]) -> object:
        opened.append(self)
        return open_one(self, parameters)

    monkeypatch.setattr(DatabaseWrapper, "get_new_connection", counted)
    read = database_sync_to_async(queries.standings, thread_sensitive=False)

    async def reads() -> None:
        for _ in range(READS):
            assert await read([uuid4()]) == {}

    asyncio.run(reads())
    assert 1 <= len(opened) <= THREADS < READS
