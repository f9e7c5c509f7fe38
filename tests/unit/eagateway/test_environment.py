"""Wrong settings are named, with what to write instead."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from eagateway import env


@pytest.mark.parametrize("url", ["sqlite:////tmp/a.db", "mysql://app:geheim@db/x", "127.0.0.1:5432"])
def test_a_database_that_is_not_postgresql_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="must name a PostgreSQL database") as refused:
        env.postgres_url("DATABASE_URL", url)
    assert "geheim" not in str(refused.value)


def test_both_names_of_postgresql_are_taken() -> None:
    for url in ("postgres://u@h/d", "postgresql://u@h/d"):
        assert env.postgres_url("DATABASE_URL", url) == url


@pytest.mark.parametrize("value", ["many", "0", "11", "1.5"])
def test_a_number_out_of_bounds_is_refused_with_its_bounds(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("A_NUMBER", value)
    with pytest.raises(ImproperlyConfigured, match="A_NUMBER must be a whole number from 1 to 10"):
        env.integer("A_NUMBER", default=5, least=1, most=10)


def test_a_switch_that_is_neither_on_nor_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SWITCH", "maybe")
    with pytest.raises(ImproperlyConfigured, match="A_SWITCH must be on or off"):
        env.flag("A_SWITCH", default=True)


def test_deployments_with_other_databases_have_other_channels_whoever_logs_in() -> None:
    place = {"HOST": "db", "PORT": 5432, "NAME": "gateway", "USER": "a", "PASSWORD": "b"}
    channel = env.channel_of("doorbell", {"default": place})
    assert channel.startswith("doorbell.")
    assert env.channel_of("doorbell", {"default": {**place, "USER": "c", "PASSWORD": "d"}}) == channel
    others = [{**place, "HOST": "db2"}, {**place, "PORT": 5433}, {**place, "NAME": "gateway2"}]
    assert len({env.channel_of("doorbell", {"default": other}) for other in [place, *others]}) == 4
