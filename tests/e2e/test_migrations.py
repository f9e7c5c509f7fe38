"""A new deployment makes its tables at once, by the two migrations that stand for all others before them; one that has
grown has gone through each. Both end with the same."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("sessions_app", "orders")
ONE_BY_ONE: Final = """
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
executor = MigrationExecutor(connection)
executor.loader = MigrationLoader(connection, replace_migrations=False)
leaves = executor.loader.graph.leaf_nodes()
executor.migrate([node for node in leaves if not executor.loader.get_migration(*node).replaces])
"""
TOLD: Final = """
import django, json, re
django.setup()
from django.db import connection
ask = connection.cursor()
def rows(text):
    ask.execute(text)
    return sorted(map(str, ask.fetchall()))
if connection.vendor == "postgresql":
    found = [
        rows("SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length, "
             "numeric_precision, numeric_scale FROM information_schema.columns WHERE table_schema = 'public'"),
        rows("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"),
        rows("SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint "
             "WHERE connamespace = 'public'::regnamespace"),
    ]
else:
    ask.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    tables = ask.fetchall()
    columns = "SELECT name, type, \\"notnull\\", dflt_value, pk FROM pragma_table_xinfo('{}')"
    others = "SELECT \\"from\\", \\"table\\", \\"to\\" FROM pragma_foreign_key_list('{}')"
    found = [
        sorted([name, re.split(r',? ?CONSTRAINT (?=")', text[:-1])[1:]] for name, text in tables),
        [[name, rows(columns.format(name)), rows(others.format(name))] for name, _ in sorted(tables)],
        rows("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"),
    ]
    for table in found[0]:
        table[1] = sorted(part.rstrip(", ") for part in table[1])
print("TOLD", json.dumps(found))
"""


def run(environment: Mapping[str, str], *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def tables_of(environment: Mapping[str, str]) -> list[Any]:
    told: list[Any] = json.loads(run(environment, "-c", TOLD).partition("TOLD ")[2])
    return told


def places(folder: Path) -> list[dict[str, str]]:
    """The environments of two deployments with nothing in them."""
    found = []
    for name in ("grown", "new"):
        data = folder / name
        data.mkdir()
        environment = {**os.environ, "EAGATEWAY_DATA_DIR": str(data)}
        if "DATABASE_URL" in environment:
            url = environment["DATABASE_URL"]
            with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name}")
                connection.execute(f"CREATE DATABASE {name}")
            environment["DATABASE_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
        found.append(environment)
    return found


@pytest.mark.nightly
def test_the_tables_of_a_new_deployment_are_those_of_one_that_has_grown(tmp_path: Path) -> None:
    grown, new = places(tmp_path)
    run(grown, "-c", ONE_BY_ONE)
    run(new, "manage.py", "migrate", "-v0")
    assert tables_of(new) == tables_of(grown)
    # It counts as gone through: nothing is made a second time.
    run(grown, "manage.py", "migrate", "--check")


ZONES_OF_MAILS: Final = """
import django
django.setup()
from datetime import datetime, UTC
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
def at(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("sessions_app", name)])
    return MigrationExecutor(connection).loader.project_state([("sessions_app", name)]).apps
apps = at("0001_squashed_0026_ea_sessions_by_name")
users, tenants, plans = (apps.get_model(*name.split(".")) for name in (
    "auth.User", "sessions_app.Tenant", "sessions_app.MailPlan"))
now = datetime(2026, 11, 30, tzinfo=UTC)
a, b = (tenants.objects.create(name=name, created_at=now) for name in "ab")
chosen = {"both": ["Asia/Tokyo", "Europe/Berlin"], "back": ["Asia/Tokyo", "UTC"], "one": ["America/New_York"]}
for name, zones in chosen.items():
    user = users.objects.create(username=name)
    for number, (tenant, zone) in enumerate(zip((a, b), zones)):
        plans.objects.create(user=user, tenant=tenant, zone=zone, changed_at=now.replace(hour=number))
kept = at("0027_preferences").get_model("sessions_app", "Preference").objects
print("TOLD", sorted(kept.values_list("user__username", "zone")))
plans = at("0001_squashed_0026_ea_sessions_by_name").get_model("sessions_app", "MailPlan").objects
print("BACK", sorted(plans.values_list("user__username", "zone")))
"""


def test_zones_of_mails_become_the_persons_own_and_back(tmp_path: Path) -> None:
    """Of several the one that was chosen last, for a person has one clock."""
    place, _ = places(tmp_path)
    told = run(place, "-c", ZONES_OF_MAILS)
    assert "TOLD [('both', 'Europe/Berlin'), ('one', 'America/New_York')]" in told
    both, back = ["('both', 'Europe/Berlin')"] * 2, ["('back', 'UTC')"] * 2
    assert f"BACK [{', '.join([*back, *both])}, ('one', 'America/New_York')]" in told


def test_the_short_way_and_the_long_way_end_in_the_same_models() -> None:
    """Without a database, so by day: what Django believes to be there at the end of each."""
    new, grown = MigrationLoader(None), MigrationLoader(None, replace_migrations=False)
    short = [node for node in new.graph.leaf_nodes() if node[0] in OURS]
    long = [node for node in grown.graph.leaf_nodes() if node[0] in OURS and not grown.get_migration(*node).replaces]
    assert [node[0] for node in short] == [node[0] for node in long] == sorted(OURS)
    assert all(new.graph.forwards_plan(node)[0] != ("sessions_app", "0001_foundation") for node in short)
    assert models_of(new, short) == models_of(grown, long)
    assert {name for app, name in models_of(grown, long)} >= {"brokeraccount", "command"}


def models_of(loader: MigrationLoader, nodes: list[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Fields, options, constraints and indexes of each of our models; the order in which they came says nothing."""
    state = loader.project_state(nodes)
    return {key: described(model) for key, model in state.models.items() if key[0] in OURS}


def described(model: ModelState) -> tuple[Any, ...]:
    options = {
        name: sorted(map(repr, value)) if name in ("constraints", "indexes") else value
        for name, value in model.options.items()
        if value
    }
    fields = {name: plain(field.deconstruct()[1:]) for name, field in model.fields.items()}
    return fields, options, model.bases, [name for name, _ in model.managers]


def plain(told: Any) -> str:
    """A field's kind and arguments; enumerations of strings are their values."""
    return repr(json.loads(json.dumps(told, default=str)))
