"""Two worker processes send alert mails at once, on PostgreSQL: each mail leaves once."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import MessageState
from sessions_app.models import AlertNotice, OutboxMessage
from sessions_app.services.operations import alerts
from tests import factories
from tests.services import smtp_sink
from tests.services.smtp_sink import Sink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("production")]

ROOT: Final = Path(__file__).resolve().parents[2]
TENANTS, MEMBERS, ALERTS = 4, 10, 3
SECONDS: Final = 120
WORKER: Final = """
import sys, django
django.setup()
from django.db import connection
from sessions_app.services.operations import outbox
connection.ensure_connection()
print("ready", flush=True)
sys.stdin.readline()
print(sum(outbox.work() for _ in range(12)), flush=True)
"""


class Both(Sink):
    """It greets nobody until two are there: each of the workers has claimed a message while the other sends."""

    def __init__(self) -> None:
        super().__init__()
        self.two = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.connections:
            self.two.set()
        waiting = asyncio.ensure_future(self.two.wait())
        self.connections += 1
        await waiting
        self.connections -= 1  # counted by the sink itself
        await super().serve(reader, writer)


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    monkeypatch.setattr(smtp_sink, "Sink", Both)
    with smtp_sink.smtp_sink() as server:
        yield server


@contextmanager
def worker(port: int) -> Iterator["subprocess.Popen[str]"]:
    """A process as a worker is one: its own settings, its own connections."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    own = {"DATABASE_URL": url, "EMAIL_URL": f"smtp://127.0.0.1:{port}", "DJANGO_SETTINGS_MODULE": "eagateway.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=ROOT, env={**os.environ, **own}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: "subprocess.Popen[str]") -> int:
    """How many it has sent."""
    said, complaints = process.communicate("go\n", timeout=SECONDS)
    assert process.returncode == 0, complaints[-3000:]
    return int(said.split()[-1])


def test_each_mail_leaves_once_when_two_workers_send_at_once(sink: Sink) -> None:
    people = []
    for _ in range(TENANTS):
        tenant = factories.TenantFactory.create()
        people += factories.MemberFactory.create_batch(MEMBERS, tenant=tenant, role="operator", user__is_staff=False)
        for account in factories.BrokerAccountFactory.create_batch(ALERTS, tenant=tenant):
            with transaction.atomic():
                now = queries.database_now()
                alerts.raise_alert(code=AlertCode.UNPROTECTED, text="no stop", now=now, account_pk=account.pk)
    with worker(sink.port) as first, worker(sink.port) as second:
        for process in (first, second):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        assert first.stdin is not None
        first.stdin.write("go\n")
        first.stdin.flush()
        sent = [told(second), told(first)]
    assert min(sent) > 0, "both have sent"
    assert sum(sent) == TENANTS * MEMBERS
    arrived = Counter(mail["To"] for mail in sink.taken)
    assert arrived == Counter(person.user.email for person in people)
    assert len({mail["Message-ID"] for mail in sink.taken}) == TENANTS * MEMBERS
    assert all(mail.get_content().count("no stop") == ALERTS for mail in sink.taken)
    assert set(OutboxMessage.objects.values_list("state", "tries")) == {(MessageState.SENT.value, 1)}
    assert AlertNotice.objects.count() == TENANTS * MEMBERS * ALERTS
