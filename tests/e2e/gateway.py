"""A gateway process for tests of the wire, in the lane that the tests run in, and raw EAs that talk to it."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import httpx
from eagateway_sdk.ids import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.conformance.schemas import check_frame
from tests.services import nursery
from tests.services.migrated import migrated_file

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 30.0
DATABASE: Final = "gateway.sqlite3"
PREPARED: Final = 3
PLAIN: Final[Sequence[Mapping[str, Any]]] = ({}, {})
_sockets: Final[list[ClientConnection]] = []
_shared: Final[list["Cast"]] = []  # where all gateways of a lane have one database
SYMBOLS: Final = [
    {
        "name": "EURUSD",
        "digits": 5,
        "contract_size": "100000",
        "lots_min": "0.01",
        "lots_step": "0.01",
        "lots_max": "50",
    }
]


class Gateway:
    """`manage.py serve` on a port of its own; `env` switches its settings. `spare`: tenants made at once.

    `root`: the working tree that it is of.
    """

    root = ROOT

    def __init__(
        self,
        folder: Path,
        *,
        spare: int = PREPARED,
        server: str = "daphne",
        program: str = "manage.py",
        arguments: Sequence[str] = (),
        **env: str,
    ) -> None:
        self._folder, self._server, self._program, self._arguments = folder, server, program, arguments
        self._env = {
            **os.environ,
            "EAGATEWAY_DATA_DIR": str(folder),
            "LOG_LEVEL": "WARNING",
            **env,
        }
        self._port = 0
        self._spares = spare
        self._spare: list[Cast] = _shared if "DATABASE_URL" in self._env else []
        self.process: nursery.Process | None = None

    @property
    def folder(self) -> Path:
        """Its data folder."""
        return self._folder

    @property
    def environment(self) -> Mapping[str, str]:
        """What its processes find in their environment."""
        return self._env

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def log_has(self, event: str) -> bool:
        """Whether it has logged such an event."""
        return event in (self._folder / "gateway.log").read_text()

    @property
    def memory_mib(self) -> float:
        """What the process holds in memory now (RSS)."""
        if self.process is None:
            raise RuntimeError("it does not run")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def manage(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run one management command in the gateway's own environment."""
        return nursery.run(["manage.py", *arguments], root=self.root, env=self._env, text=text, timeout=60)

    def start(self) -> Self:
        if "DATABASE_URL" not in self._env and not (self._folder / DATABASE).exists():
            self._begin_with(_template())
        chosen = [] if self._server == "daphne" else ["--server", self._server]
        command = [self._program, "serve", "--port", str(self._port), *chosen, *self._arguments]
        with (self._folder / "gateway.log").open("a") as log:
            self.process = nursery.begin(command, root=self.root, env=self._env, stderr=log)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line.startswith("ready on "):
            raise RuntimeError((self._folder / "gateway.log").read_text()[-2000:])
        self._port = int(line.split()[2].rpartition(":")[2])
        return self

    def _begin_with(self, template: "Gateway") -> None:
        """A copy of a database, and of what is provisioned in it: the way there costs seconds."""
        shutil.copyfile(template.folder / DATABASE, self._folder / DATABASE)
        self._spare = [replace(cast, gateway=self) for cast in template._spare]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        status = self.process.wait(timeout=PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status

    def provision(self, *followers: Mapping[str, Any]) -> "Cast":
        """A tenant of its own: one master, and followers with these subscription settings.

        Every command is a process, so tenants with plain followers are made many at a time, with two each.
        """
        if any(followers) or len(followers) > len(PLAIN):
            return self._provision([followers])[0]
        if not self._spare:
            self._spare += self._provision([PLAIN] * self._spares)
        return replace(self._spare.pop(), gateway=self)

    def provision_many(self, wanted: Sequence[Sequence[Mapping[str, Any]]]) -> "list[Cast]":
        """A tenant for each of these, in one process: a master, and followers with these subscription settings."""
        return self._provision(wanted)

    def _provision(self, wanted: Sequence[Sequence[Mapping[str, Any]]]) -> list["Cast"]:
        casts = [Cast.invent(self, followers=len(followers)) for followers in wanted]
        tenants = [cast.document(followers) for cast, followers in zip(casts, wanted, strict=True)]
        _succeeded(self.manage("provision", "-", text=json.dumps({"tenants": tenants})))
        return casts


def _succeeded(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(done.stderr)


@cache
def _template() -> Gateway:
    """A deployment of this run that nobody uses: every migration applied, some tenants provisioned. Made once."""
    folder = Path(os.environ["EAGATEWAY_DATA_DIR"]) / "template"
    folder.mkdir(exist_ok=True)
    template, casts = Gateway(folder), folder / "casts.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not casts.exists():
            shutil.copyfile(migrated_file(), folder / DATABASE)
            made = template._provision([PLAIN] * PREPARED)
            casts.write_text(json.dumps([[cast.tenant, cast.names, cast.keys] for cast in made]))
    template._spare = [Cast(template, *known) for known in json.loads(casts.read_text())]
    return template


@dataclass(slots=True)
class Cast:
    """Provisioned accounts; `ea(n)` connects the n-th, 0 being the master."""

    gateway: Gateway
    tenant: str
    names: list[str]
    keys: dict[str, str]

    @classmethod
    def invent(cls, gateway: Gateway, *, followers: int) -> Self:
        """Names and keys for a new tenant."""
        tenant = secrets.token_hex(4)
        names = [f"Wire-{tenant}:{number}" for number in range(1, followers + 2)]
        return cls(gateway, tenant, names, {name: secrets.token_urlsafe(32) for name in names})

    def document(self, followers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What `provision` reads of this tenant."""
        accounts = [
            {"account_id": name, "intent_rate": 500, "keys": [{"key": self.keys[name], "approved": True}]}
            for name in self.names
        ]
        settled = [{"follower": name, **settings} for name, settings in zip(self.names[1:], followers, strict=True)]
        strategy = {"name": "Signal", "master": self.names[0], "subscriptions": settled}
        return {"name": self.tenant, "accounts": accounts, "strategies": [strategy]}

    def approve(self, number: int, key: str) -> None:
        """Approve another key of an account, as an operator would."""
        self.change(number, keys=[{"key": key, "approved": True}])

    def change(self, number: int, **settings: Any) -> None:
        """Provision other settings of an account, as an operator would."""
        accounts = [{"account_id": self.names[number], **settings}]
        document = {"tenants": [{"name": self.tenant, "accounts": accounts}]}
        _succeeded(self.gateway.manage("provision", "-", text=json.dumps(document)))

    def decide(self, verb: str, number: int) -> None:
        """`reject` or `revoke` the newest key of an account, in a process of its own."""
        code = (
            "from sessions_app.models import AuthKey; from sessions_app.services.access import keys;"
            "from sessions_app.services.operations import history;"
            f"key = AuthKey.objects.filter(account__claimed_as={self.names[number]!r}).latest('requested_at');"
            f"keys.{verb}(key_id=key.id, by=history.Actor('operator'), reason='a test')"
        )
        _succeeded(self.gateway.manage("shell", "-c", code))

    def suspension(self, verb: str, number: int) -> None:
        """`suspend` an account or `lift_suspension` of it, in a process of its own."""
        code = (
            "from sessions_app.models import BrokerAccount; from sessions_app.services.access import suspensions;"
            "from sessions_app.services.operations import history;"
            f"account = BrokerAccount.objects.get(claimed_as={self.names[number]!r});"
            f"suspensions.{verb}(account_pk=account.id, by=history.Actor('operator'), reason='a test')"
        )
        _succeeded(self.gateway.manage("shell", "-c", code))

    def token(self, number: int, *, key: str | None = None) -> str:
        """Open a session over REST; its token."""
        token: str = self.open(number, key=key)["session_token"]
        return token

    def open(self, number: int, *, key: str | None = None) -> dict[str, Any]:
        """Open a session over REST; the answer."""
        name = self.names[number]
        body = {"account_id": name, "auth_method": "account_session_key", "auth_key": key or self.keys[name]}
        answer = httpx.post(f"{self.gateway.url}/ea-gateway/v1/sessions", json={**body, "platform": "sdk"}, timeout=30)
        if answer.status_code != 201:
            raise RuntimeError(answer.text)
        opened: dict[str, Any] = answer.json()
        return opened

    async def close(self, token: str) -> None:
        """Say over a socket that the terminal goes."""
        ea = await RawEa.connect(self.gateway, token)
        await ea.send("ShutdownNotice", {"reason": "terminal_closed"})
        await ea.close_code()

    async def ea(self, number: int, **hello: Any) -> "RawEa":
        """Connect, say Hello and introduce the terminal; returns after InitAck."""
        ea = await RawEa.connect(self.gateway, self.token(number), **hello)
        await ea.introduce()
        return ea


@dataclass(slots=True)
class RawEa:
    """A client that speaks frames and nothing else."""

    gateway: Gateway
    token: str
    socket: ClientConnection
    seq: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    async def connect(cls, gateway: Gateway, token: str, **hello: Any) -> Self:
        ea = cls(gateway, token, await raw_socket(gateway))
        await ea.send("Hello", {"token": token, **hello})
        return ea

    async def introduce(self) -> None:
        await self.hear("SessionState")
        await self.send("InitRequest", {"currency": "USD", "symbols": SYMBOLS})
        await self.hear("InitAck")

    async def send(self, kind: str, payload: Any, **envelope: Any) -> str:
        """Send one frame; its id."""
        frame_id = envelope.pop("id", None) or str(uuid7())
        await self.socket.send(json.dumps({"v": 1, "type": kind, "id": frame_id, "payload": payload, **envelope}))
        return str(frame_id)

    async def durable(self, kind: str, payload: Any, **envelope: Any) -> str:
        """Send one frame under the next number."""
        self.seq += 1
        return await self.send(kind, payload, seq=self.seq, **envelope)

    async def buy(self, position_id: int, *, frame_id: str | None = None, **fields: Any) -> str:
        order = {"action": "open", "position_id": position_id, "ticket": position_id, "symbol": "EURUSD"}
        payload = {**order, "side": "buy", "lots": "0.10", "price": "1.1", **fields}
        return await self.durable("OrderIntent", payload, id=frame_id)

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next frame of this type; what comes before it is kept in `seen`."""
        async with asyncio.timeout(PATIENCE):
            while (frame := await self._next())["type"] != kind:
                pass
        return frame

    async def heard(self, kind: str) -> dict[str, Any]:
        """The first frame of this type since the beginning, read already or not."""
        before = next((frame for frame in self.seen if frame["type"] == kind), None)
        return before or await self.hear(kind)

    async def acked(self, seq: int) -> None:
        """Return when the gateway has acknowledged a number."""
        while max((frame.get("ack") or 0 for frame in self.seen), default=0) < seq:
            await self.hear_any()

    async def hear_any(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self._next()

    async def _next(self) -> dict[str, Any]:
        """The next frame, which must be what the schemas say."""
        frame: dict[str, Any] = json.loads(await self.socket.recv())
        check_frame(frame)
        self.seen.append(frame)
        return frame

    async def commands(self, count: int) -> list[dict[str, Any]]:
        return [await self.hear("OrderCommand") for _ in range(count)]

    async def close_code(self) -> int:
        """Read to the end; the close code."""
        try:
            while True:
                await self.hear_any()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.seen]


async def raw_socket(gateway: Gateway, *, query: str = "", **options: Any) -> ClientConnection:
    """A socket that has said nothing yet."""
    address = gateway.url.replace("http", "ws") + "/ea-gateway/v1/stream" + query
    options.setdefault("subprotocols", ["ea-gateway.v1"])
    socket = await connect(address, compression=None, **options)
    _sockets.append(socket)
    return socket


def drop_sockets() -> None:
    """Cut every socket that a test has left open."""
    while _sockets:
        with contextlib.suppress(RuntimeError):  # its loop has been closed, and the socket with it
            _sockets.pop().transport.abort()
