"""What monitoring says of the deployment: which part is there, and since when one is not."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from backoffice.staff import system
from sessions_app.models import GatewayProcess
from sessions_app.queries import database_now
from sessions_app.services.operations import ticks
from sessions_app.services.operations.ticks import Signs
from tests.factories import GatewayProcessFactory, UserFactory, grant

pytestmark = pytest.mark.django_db(transaction=True)


def told(monkeypatch: pytest.MonkeyPatch, signs: Signs) -> dict[str, tuple[str, str]]:
    monkeypatch.setattr(ticks, "look", lambda: signs)
    return {part.name: (part.level, part.words) for part in system.look().parts}


def test_parts_that_are_there_are_told_with_their_age(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = told(monkeypatch, Signs(redis=True, worker=4.2, beat=2.0))
    assert parts == {
        "database": ("ok", "answers"),
        "Redis": ("ok", "answers"),
        "worker": ("ok", "4 s ago"),
        "beat": ("ok", "2 s ago"),
    }


def test_without_redis_nobody_knows_of_worker_and_beat_and_the_line_names_redis_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = told(monkeypatch, Signs(redis=False, worker=None, beat=None))
    assert parts["Redis"] == ("warning", "does not answer")
    assert parts["worker"] == parts["beat"] == ("idle", "not known without Redis")
    assert system.look().troubles == "Redis does not answer: orders between gateways take a second longer."


def test_who_serves_everything_in_one_process_has_no_redis_and_that_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert told(monkeypatch, Signs(redis=None, worker=1.0, beat=1.0))["Redis"][0] == "idle"
    assert system.look().troubles == ""


def test_a_gateway_is_told_by_its_lease_and_for_an_hour_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = database_now()
    # A lease lasts for ten seconds: these were heard of now, 8 seconds, two minutes and more than an hour ago.
    for pid, seconds in ((1, 10), (2, 2), (3, -120), (4, -4000)):
        lease = now + timedelta(seconds=seconds)
        GatewayProcessFactory.create(host="here", pid=pid, lease_until=lease, started_at=now - timedelta(hours=2))
    parts = told(monkeypatch, Signs(redis=None, worker=0.0, beat=0.0))
    levels = {name: level for name, (level, _) in parts.items() if name.startswith("gateway")}
    assert levels == {"gateway here:1": "ok", "gateway here:2": "warning", "gateway here:3": "idle"}
    assert parts["gateway here:1"][1].endswith("s ago, started 2 h ago")
    assert parts["gateway here:3"][1] == "ended 2 min ago"
    assert GatewayProcess.objects.count() == 4


def test_signs_are_noted_and_looked_at() -> None:
    ticks.note(ticks.BEAT)
    seen = ticks.look().beat
    assert seen is not None
    assert 0 <= seen < ticks.KEPT_SECONDS


def test_a_worker_that_is_late_stands_in_the_first_line(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    client.force_login(grant(UserFactory.create(), "sessions_app.view_easession"))
    monkeypatch.setattr(ticks, "look", lambda: Signs(redis=True, worker=None, beat=1.0))
    page = client.get(reverse("admin:monitoring")).content.decode()
    assert "The worker was not seen for 15 s: mails and the clearing of history wait." in page
    assert 'class="line warning"' in page
    cache.clear()
