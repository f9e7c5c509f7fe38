"""Typed readers for environment variables: each names its variable and an example when the value is wrong."""

import base64
import binascii
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypedDict

import environ
from django.core.exceptions import ImproperlyConfigured

from sessions_app.domain.configuration import CHAIN, Whole

_env = environ.Env()
LEAST_SECRET: Final = 32
LEAST_LETTERS: Final = 5
LONGEST_AMOUNT: Final = 12
_PLACEHOLDERS: Final = (
    "<",
    ">",
    "changeme",
    "change-me",
    "change me",
    "django-insecure",
    "random characters",
    "example",
)


class GatewaySettings(TypedDict):
    """The gateway's own settings: bounds, paces (seconds unless named otherwise) and switches."""

    auth_methods: list[str]
    token_requests_per_minute: int
    self_enrolment: bool
    heartbeat_interval: int
    heartbeat_timeout: int
    pending_lifetime: timedelta
    pending_retention: timedelta
    history_retention: timedelta
    pending_frames: int
    pending_frames_per_key: int
    pending_rate_per_minute: int
    pending_sessions_per_minute: int
    frame_rate: int
    frame_burst: int
    max_unacked_commands: int
    resend_page: int
    hellos_per_minute: int
    flood_frames_per_minute: int
    report_burst: int
    send_queue_kib: int
    slow_reader_seconds: int
    busy_seconds: int
    mass_silence_percent: int
    mass_silence_sessions: int
    sessions_per_minute: int
    init_requests_per_hour: int
    poison_tries_per_minute: int
    unknown_keys_per_minute: int
    request_seconds: int
    keep_alive_seconds: int
    connections_per_address: int
    sign_ins_per_address: int
    sign_ins_per_name: int
    staff_second_factor: bool
    passkeys_domain: str
    rest_per_address: int
    rest_per_session: int
    management_per_token: int
    tenants_enrol: bool
    snapshot_interval: timedelta
    in_doubt: timedelta
    mass_close_gate: int
    max_leverage: int
    ea_guards: dict[str, Any]
    repair_gate_percent: int
    hello_timeout: int
    sweep_seconds: float


class BearerTokenSettings(TypedDict):
    """Whose tokens `bearer_token` believes. One source of keys: `public_key` (PEM, or its file), `jwks` (a file or an
    https address), or `secret` (HS256 only). `tenant` owns the accounts that its tokens name first.
    """

    issuer: str
    audience: str
    algorithms: list[str]
    public_key: str
    jwks: str
    secret: str
    tenant: str
    leeway: int


class OauthSettings(TypedDict):
    """`oauth_client_credentials`: tokens of our own, or with `introspection_url` those of an external issuer."""

    introspection_url: str
    introspection_client_id: str
    introspection_client_secret: str
    introspection_audience: str
    introspection_timeout: int
    introspection_cache: int


def text(name: str, *, default: str) -> str:
    """The variable's text, or the default."""
    return str(_env.str(name, default=default))


def required(name: str, *, example: str) -> str:
    """The variable's text.

    :raises ImproperlyConfigured: it is missing or empty
    """
    value = os.environ.get(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Example: {name}={example}")
    return value


def secret(name: str, value: str) -> str:
    """The value of a secret, if it is one.

    :raises ImproperlyConfigured: a placeholder was left in it, or it is short; it is not shown
    """
    told = value.lower()
    if len(value) < LEAST_SECRET or len(set(value)) < LEAST_LETTERS or any(mark in told for mark in _PLACEHOLDERS):
        raise ImproperlyConfigured(
            f"{name} is a placeholder, or shorter than {LEAST_SECRET} characters. Make one: manage.py secret"
        )
    return value


def folder(name: str, *, default: Path, written: bool) -> Path:
    """A folder of ours: made if it is missing, but not its parents. `written`: we must be able to write there.

    :raises ImproperlyConfigured: it cannot be made or is no folder
    """
    path = Path(os.environ.get(name, "").strip() or default)
    if not path.parent.is_dir():
        # A disk that is not mounted looks like this: data must not begin anew beside it.
        raise ImproperlyConfigured(
            f"The folder {path.parent} does not exist. Make it, or name another: {name}={default}"
        )
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The folder {path} cannot be made ({error.strerror}). Make it, or name another: {name}={default}"
        ) from error
    if written and not os.access(path, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(f"The folder {path} cannot be written. Give it to this user, or change {name}")
    return path


def postgres_url(name: str, url: str) -> str:
    """The address of a PostgreSQL database.

    :raises ImproperlyConfigured: of anything else; the address is not shown, it may hold a password
    """
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            f"{name} must name a PostgreSQL database. Example: {name}=postgres://user:password@127.0.0.1:5432/eagateway"
            ". Leave it empty for SQLite in EAGATEWAY_DATA_DIR"
        )
    return url


def mail(name: str, url: str) -> dict[str, Any]:
    """Django's settings of a mail server's address.

    :raises ImproperlyConfigured: of anything else; the address is not shown, it may hold a password
    """
    if url.partition(":")[0] not in environ.Env.EMAIL_SCHEMES:
        raise ImproperlyConfigured(
            f"{name} must name a mail server. Example: {name}=smtp+tls://user:password@mail.example:587"
        )
    found: dict[str, Any] = dict(environ.Env.email_url_config(url))
    kept = {key: value for key, value in found.items() if key.startswith("EMAIL_") and value is not None}
    return {**kept, "EMAIL_TIMEOUT": 10}


def channel_of(name: str, databases: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of a channel between the processes that share this database: told apart by its host, port and name."""
    database = databases["default"]
    place = "\n".join(str(database.get(part, "")) for part in ("HOST", "PORT", "NAME"))
    return f"{name}.{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def integer(name: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds.

    :raises ImproperlyConfigured: no number, or out of bounds
    """
    raw = os.environ.get(name, "").strip() or str(default)
    try:
        number = int(raw)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}. Example: {name}={default}")
    return number


def flag(name: str, *, default: bool) -> bool:
    """A switch: 1, true, yes, on, or 0, false, no, off.

    :raises ImproperlyConfigured: anything else
    """
    raw = os.environ.get(name, "").strip().lower() or ("on" if default else "off")
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off. Example: {name}=on")


def number(name: str) -> int:
    """A whole number that stands in the chain of the configuration, which says its default and its bounds.

    :raises ImproperlyConfigured: no number, or out of bounds
    """
    row = next(one for one in CHAIN if one.variable == name)
    assert isinstance(row.kind, Whole)
    return integer(name, default=int(row.default), least=row.kind.least, most=row.kind.most)


def switch(name: str) -> bool:
    """A switch that stands in the chain of the configuration.

    :raises ImproperlyConfigured: anything else
    """
    return flag(name, default=bool(next(one for one in CHAIN if one.variable == name).default))


def choice(name: str, known: Collection[str], *, default: str) -> str:
    """One of these words.

    :raises ImproperlyConfigured: another one
    """
    value = text(name, default="") or default
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(known)}. Example: {name}={default}")
    return value


def names(name: str, *, default: list[str]) -> list[str]:
    """A list of names, separated by commas."""
    return [item for item in (part.strip() for part in _env.list(name, default=default)) if item]


def guards(name: str) -> dict[str, Any]:
    """Limits of the terminals, as `max_lots=5,close_only=1`; none by default.

    :raises ImproperlyConfigured: a name or a value is none
    """
    found: dict[str, Any] = {}
    for word in names(name, default=[]):
        guard, _, value = word.partition("=")
        read = _GUARDS.get(guard.strip())
        try:
            found[guard.strip()] = read(value.strip()) if read else None
        except (ArithmeticError, ValueError):
            read = None
        if read is None or found[guard.strip()] < 0:
            raise ImproperlyConfigured(f"{name}: {word!r} is no limit; for example: max_lots=5,max_spread_points=40")
    return found


def _amount(value: str) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite() or len(value) > LONGEST_AMOUNT:
        raise ValueError(value)
    return amount


_GUARDS: Final[Mapping[str, Callable[[str], Any]]] = {
    "max_lots": _amount,
    "max_open_copies": int,
    "min_equity": _amount,
    "max_spread_points": int,
    "max_slippage_points": int,
    "close_only": lambda value: bool(("0", "1").index(value)),  # anything else is a ValueError
}


def private_folder(folder: Path) -> Path:
    """The embedded lane's data folder, which nobody but its owner can enter or read, with all that stands in it.

    What is ours and open to others is closed. From here on this process makes files for their owner alone.

    :raises ImproperlyConfigured: it belongs to somebody else and is open to others
    """
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (folder, *folder.iterdir()):
        state = path.lstat()
        mode = stat.S_IMODE(state.st_mode)
        if stat.S_ISLNK(state.st_mode) or not mode & 0o077:
            continue
        try:
            path.chmod(mode & 0o700)
        except PermissionError as error:
            raise ImproperlyConfigured(
                f"{path} can be read by others and belongs to somebody else. Run: chmod -R go= {folder}"
            ) from error
    return folder


def stored_secret(path: Path) -> str:
    """The embedded lane's secret: made once, kept in a file only its owner can read."""
    return _stored(path, lambda: secrets.token_urlsafe(48))


def _stored(path: Path, make: Callable[[], str]) -> str:
    """What the file holds. It appears whole or not at all: two processes may start on one new folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return path.read_text().strip()
    handle, own = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(make())
        with suppress(FileExistsError):
            os.link(own, path)
    finally:
        os.unlink(own)
    return path.read_text().strip()


VAULT_KEY_BYTES: Final = 32


def new_vault_key(version: int) -> str:
    """A key for the vault, as VAULT_KEYS takes it."""
    return f"{version}:{base64.urlsafe_b64encode(secrets.token_bytes(VAULT_KEY_BYTES)).decode()}"


def vault_keys(name: str, value: str) -> dict[int, bytes]:
    """The keys of the vault by version: `2:<base64>,1:<base64>`, 32 bytes each.

    :raises ImproperlyConfigured: anything else; it is not shown
    """
    keys: dict[int, bytes] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        version, _, key = entry.partition(":")
        try:
            number, raw = int(version), base64.b64decode(key.encode(), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            number, raw = 0, b""
        if not 1 <= number < 2**32 or len(raw) != VAULT_KEY_BYTES or number in keys:
            raise ImproperlyConfigured(
                f"{name} must be VERSION:KEY, separated by commas, each version once. Make one: manage.py vault key"
            )
        keys[number] = raw
    return keys


def stored_vault_key(path: Path) -> str:
    """The embedded lane's first key of the vault: made once, kept in a file only its owner can read."""
    return _stored(path, lambda: new_vault_key(1))
