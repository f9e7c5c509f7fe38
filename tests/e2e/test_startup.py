"""A process that cannot start says why in one sentence, with what to do, and ends with status 2."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sessions_app.domain.keys import PUBLISHED_KEYS
from tests.services import Postgres, postgres
from tests.services.migrated import TEMPLATE_VARIABLE, copy_database, migrate, migrated_file

ROOT = Path(__file__).resolve().parents[2]
production = pytest.mark.lane("production")
embedded = pytest.mark.lane("embedded")
REFUSED = "redis://127.0.0.1:1/0"


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    everything = {**kept, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "eagateway.settings", **env}
    return subprocess.run(
        [sys.executable, *command], check=False, cwd=ROOT, env=everything, capture_output=True, text=True, timeout=60
    )


def serve(**env: str) -> subprocess.CompletedProcess[str]:
    return run("manage.py", "serve", "--port", "0", **env)


def the_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a process which could not start has left."""
    assert done.returncode == 2, (done.returncode, done.stderr[-2000:])
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("cannot start: ")]
    assert len(lines) == 1
    return lines[0].removeprefix("cannot start: ")


# The environment ------------------------------------------------------------------------------------------------------


@embedded
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("FRAME_BURST", "many", "FRAME_BURST must be a whole number from 1 to 100000"),
        ("SELF_ENROLMENT", "maybe", "SELF_ENROLMENT must be on or off"),
        ("DATABASE_URL", "mysql://u:geheim@db/x", "DATABASE_URL must name a PostgreSQL database"),
        ("SECRET_KEY", "<50 random characters>", "SECRET_KEY is a placeholder"),
        ("SECRET_KEY", "changeme" * 8, "SECRET_KEY is a placeholder"),
        ("SECRET_KEY", "a" * 60, "SECRET_KEY is a placeholder"),
        ("KEY_FINGERPRINT_SECRET", "short", "KEY_FINGERPRINT_SECRET is a placeholder"),
        ("EAGATEWAY_DATA_DIR", "/nonesuch/data", "The folder /nonesuch does not exist. Make it"),
        ("EAGATEWAY_DATA_DIR", "/dev/null", "The folder /dev/null cannot be made"),
    ],
)
def test_a_wrong_variable_is_named_with_what_to_write(name: str, value: str, told: str) -> None:
    sentence = the_sentence(serve(**{name: value}))
    assert sentence.startswith(told)
    assert "geheim" not in sentence


@embedded
@pytest.mark.parametrize("role", ["worker", "beat"])
def test_the_worker_and_beat_say_it_as_the_gateway_does(role: str) -> None:
    done = run("-m", "celery", "-A", "eagateway", role, FRAME_BURST="many")
    assert the_sentence(done).startswith("FRAME_BURST must be")


@embedded
def test_production_without_a_secret_says_how_to_make_one_and_making_one_needs_none() -> None:
    there = {"DATABASE_URL": "postgres://u@127.0.0.1:1/x", "SECRET_KEY": ""}
    assert "manage.py secret" in the_sentence(serve(**there))
    made = {run("manage.py", "secret", **there).stdout.strip() for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{64}", secret) for secret in made)
    (secret, _) = made
    assert the_sentence(serve(**{**there, "SECRET_KEY": secret})).startswith("the database of DATABASE_URL")


@embedded
def test_an_address_that_cannot_be_listened_on_is_named(tmp_path: Path) -> None:
    shutil.copyfile(migrated_file(), tmp_path / "gateway.sqlite3")
    taken = run("manage.py", "serve", "--host", "192.0.2.1", EAGATEWAY_DATA_DIR=str(tmp_path))
    assert the_sentence(taken).startswith("192.0.2.1:8000 cannot be listened on")


# Keys -----------------------------------------------------------------------------------------------------------------


@embedded
def test_keys_are_made_and_the_published_ones_are_refused(tmp_path: Path) -> None:
    shutil.copyfile(migrated_file(), tmp_path / "gateway.sqlite3")
    made = {run("manage.py", "key").stdout.strip() for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", key) for key in made)
    for number, key in enumerate([*PUBLISHED_KEYS, *made]):
        document = tmp_path / "deployment.json"
        account = f'{{"account_id": "S:{number + 1}", "keys": [{{"key": "{key}"}}]}}'
        document.write_text(f'{{"tenants": [{{"name": "T", "accounts": [{account}]}}]}}')
        done = run("manage.py", "provision", str(document), EAGATEWAY_DATA_DIR=str(tmp_path))
        assert (done.returncode == 0) == (key in made), done.stderr
        assert ("example of the documents" in done.stderr) == (key in PUBLISHED_KEYS)


@embedded
def test_every_key_that_the_documents_print_is_refused() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "sdk").rglob("README.md")]
    printed = {
        key
        for page in pages
        for key in re.findall(r'key"?[=: ]+[\'"]([A-Za-z0-9_-]{22,})[\'"]', page.read_text(encoding="utf-8"))
        if not re.fullmatch(r"[0-9a-f]{64}", key)  # a fingerprint opens nothing
    }
    assert printed, "the pattern finds none"
    assert printed <= PUBLISHED_KEYS


# Databases ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres(durable=False) as database:
        yield database


@pytest.fixture
def own_database() -> str:
    """The address of a migrated database of this test's own."""
    url, template = os.environ["DATABASE_URL"], os.environ.get(TEMPLATE_VARIABLE)
    address = re.sub(r"/[^/?]+(?=\?|$)", "/startup", url, count=1)
    if template is not None:
        copy_database(url, source=template, name="startup")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS startup")
            connection.execute("CREATE DATABASE startup")
        migrate({**os.environ, "DATABASE_URL": address})
    return address


def on(server: Postgres, **env: str) -> subprocess.CompletedProcess[str]:
    return serve(DATABASE_URL=server.url, REDIS_URL=os.environ["REDIS_URL"], **env)


@production
def test_a_database_that_is_missing_or_unmigrated_is_named_with_the_command(server: Postgres) -> None:
    url = server.url.replace("/eagateway?", "/nonesuch?")
    told = the_sentence(serve(DATABASE_URL=url, REDIS_URL=os.environ["REDIS_URL"]))
    assert told == "the database nonesuch of DATABASE_URL does not exist. Create it: createdb nonesuch"
    assert re.fullmatch(r"the database lacks \d+ migrations. Run: manage.py migrate", the_sentence(on(server)))
    listed = run("manage.py", "oauth_client", "x", "--tenant", "T", DATABASE_URL=server.url)
    assert the_sentence(listed).endswith("Run: manage.py migrate"), "not only serve"


@production
def test_a_database_of_a_later_release_and_a_redis_that_is_away_are_named(own_database: str) -> None:
    told = the_sentence(serve(DATABASE_URL=own_database, REDIS_URL=REFUSED))
    assert told.startswith("the Redis of REDIS_URL does not answer")
    assert "--without-redis" in told
    with psycopg.connect(own_database, autocommit=True) as connection:
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('orders', '9999_later', now())")
    told = the_sentence(serve(DATABASE_URL=own_database, REDIS_URL=os.environ["REDIS_URL"]))
    assert told.startswith("the database is newer than this release (orders 9999_later is unknown here)")


@production
def test_a_database_that_is_away_is_named_at_once(server: Postgres) -> None:
    server.stop()
    told = the_sentence(on(server))
    server.start()
    assert told.startswith("the database of DATABASE_URL cannot be reached (")
    assert "Is PostgreSQL running" in told


@embedded
def test_a_file_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    where = {"EAGATEWAY_DATA_DIR": str(tmp_path)}
    shutil.copyfile(migrated_file(), tmp_path / "gateway.sqlite3")
    later = "INSERT INTO django_migrations (app, name, applied) VALUES ('orders', '9999_later', '2026-01-01')"
    code = f"from django.db import connection; connection.cursor().execute({later!r})"
    assert run("manage.py", "shell", "-c", code, **where).returncode == 0
    assert the_sentence(serve(**where)).startswith("the database is newer than this release")


@embedded
@pytest.mark.parametrize("asked", [False, True])
def test_browsers_are_told_of_neighbours_and_preload_only_when_asked(asked: bool) -> None:
    code = "from django.conf import settings as s; print(s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD)"
    switches = {"HSTS_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"} if asked else {}
    told = run("manage.py", "shell", "-v0", "-c", code, BEHIND_TLS="on", **switches).stdout
    assert told.split()[-2:] == [str(asked), str(asked)]
