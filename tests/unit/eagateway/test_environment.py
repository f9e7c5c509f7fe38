"""Wrong settings are named, with what to write instead."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

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


def test_a_data_folder_is_closed_to_everybody_but_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    for name in ("gateway.sqlite3", "secret.key"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    before = os.umask(0o022)
    try:
        env.private_folder(folder)
        (folder / "gateway.sqlite3-wal").write_text("x")
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert set(modes.values()) == {"0o600"}, modes


def test_a_data_folder_of_somebody_else_that_is_open_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "secret.key").write_text("x")
    (tmp_path / "secret.key").chmod(0o644)

    def not_ours(path: Path, mode: int) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "chmod", not_ours)
    before = os.umask(0o022)
    try:
        with pytest.raises(ImproperlyConfigured, match="chmod -R go="):
            env.private_folder(tmp_path)
    finally:
        os.umask(before)


def test_keys_of_the_vault_are_read_by_version() -> None:
    one, two = env.new_vault_key(1), env.new_vault_key(2)
    keys = env.vault_keys("VAULT_KEYS", f"{two}, {one}")
    assert sorted(keys) == [1, 2]
    assert {len(key) for key in keys.values()} == {32}
    assert env.vault_keys("VAULT_KEYS", "") == {}


A_KEY = "A" * 43 + "="


@pytest.mark.parametrize("value", ["geheim", "1:geheim", f"0:{A_KEY}", f"1:{A_KEY},1:{A_KEY}"])
def test_nonsense_for_the_vault_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="VAULT_KEYS must be VERSION:KEY") as refused:
        env.vault_keys("VAULT_KEYS", value)
    assert "geheim" not in str(refused.value)


def test_the_embedded_lane_keeps_one_key_in_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "vault.keys"
    first = env.stored_vault_key(path)
    assert env.stored_vault_key(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["vault.keys"]


def test_limits_of_terminals_are_read_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.guards("LIMITS") == {}
    monkeypatch.setenv("LIMITS", "max_lots=0.5, max_open_copies=3,close_only=1,min_equity=100")
    read = {"max_lots": Decimal("0.5"), "max_open_copies": 3, "close_only": True, "min_equity": Decimal(100)}
    assert env.guards("LIMITS") == read


@pytest.mark.parametrize(
    "text", ["max_moons=1", "max_lots", "max_lots=NaN", "max_lots=-1", "max_open_copies=1.5", "close_only=2", "=1"]
)
def test_what_is_no_limit_of_a_terminal_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LIMITS", text)
    with pytest.raises(ImproperlyConfigured, match=f"LIMITS: {text!r} is no limit"):
        env.guards("LIMITS")


def test_a_word_that_is_none_of_those_known_is_refused_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_CHOICE", "fr")
    with pytest.raises(ImproperlyConfigured, match="A_CHOICE must be one of en-gb, de"):
        env.choice("A_CHOICE", {"en-gb": "English", "de": "Deutsch"}, default="en-gb")
    monkeypatch.setenv("A_CHOICE", "")
    assert env.choice("A_CHOICE", ["en-gb", "de"], default="en-gb") == "en-gb"
