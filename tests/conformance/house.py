"""Deployments that the cases run against: one of our own, or any base URL with its accounts."""

import asyncio
import fcntl
import hashlib
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests.conformance.schemas import ROOT
from tests.e2e.gateway import Gateway

SPARE: Final = 6
Settings = Mapping[str, Any]
PLAIN: Final[tuple[Settings, ...]] = ({}, {})


@dataclass(frozen=True, slots=True)
class Role:
    """One account of a cast: its id and its approved key."""

    account_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Cast:
    """A master and its followers, with the subscription settings of each."""

    tenant: str
    master: Role
    followers: tuple[Role, ...]
    settings: tuple[Settings, ...]

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "list[Cast]":
        """The casts of a provisioning document: one for each strategy whose accounts have an approved key."""
        casts = []
        for tenant in document["tenants"]:
            keys = {
                account["account_id"]: key["key"]
                for account in tenant.get("accounts", [])
                for key in account.get("keys", [])
                if key.get("approved", True)
            }
            for strategy in tenant.get("strategies", []):
                follows = [entry for entry in strategy.get("subscriptions", []) if entry["follower"] in keys]
                if strategy["master"] in keys:
                    casts.append(cls._of_strategy(tenant["name"], strategy["master"], follows, keys))
        return casts

    @classmethod
    def _of_strategy(
        cls, tenant: str, master: str, follows: Sequence[Mapping[str, Any]], keys: Mapping[str, str]
    ) -> "Cast":
        return cls(
            tenant=tenant,
            master=Role(master, keys[master]),
            followers=tuple(Role(entry["follower"], keys[entry["follower"]]) for entry in follows),
            settings=tuple({name: entry[name] for name in entry if name != "follower"} for entry in follows),
        )

    def offers(self, wanted: Sequence[Settings]) -> bool:
        """Whether the first followers have exactly these settings."""
        return len(self.settings) >= len(wanted) and all(
            dict(mine) == dict(theirs) for mine, theirs in zip(self.settings, wanted, strict=False)
        )


class House:
    """A deployment. `url` and `cast` are all that a wire case needs; `call` reads and sets rows, where we may."""

    url: str
    own = False

    def cast(self, *wanted: Settings) -> Cast:
        """A master with followers of these settings, nobody else's for the moment."""
        raise NotImplementedError

    def modest_cast(self) -> Cast:
        """One whose master may send few intents a second, with one plain follower."""
        return self.cast({})

    def casts_of(self, document: Mapping[str, Any]) -> list[Cast]:
        """The casts of a document that has been provisioned here."""
        return Cast.of_document(document)

    def call(self, name: str, **arguments: Any) -> Any:
        """Run one function of `tests.conformance.rows` in the deployment's own environment."""
        raise NotImplementedError

    async def rows(self, name: str, **arguments: Any) -> Any:
        """`call`, without holding up the event loop."""
        return await asyncio.to_thread(self.call, name, **arguments)


class Elsewhere(House):
    """A deployment that is known by its address and its accounts alone."""

    def __init__(self, url: str, accounts: Path) -> None:
        self.url = url.rstrip("/")
        self._casts = Cast.of_document(json.loads(accounts.read_text(encoding="utf-8")))
        self._turns = itertools.count()

    def cast(self, *wanted: Settings) -> Cast:
        fitting = [cast for cast in self._casts if cast.offers(wanted)]
        if not fitting:
            pytest.skip(f"the accounts file has no master with followers of these settings: {list(wanted)}")
        return fitting[next(self._turns) % len(fitting)]

    def call(self, name: str, **arguments: Any) -> Any:
        pytest.skip("reads or sets rows, which a base URL does not allow")


class OwnHouse(House):
    """A gateway process of the lane's database, with a clerk that knows its rows."""

    own = True

    def __init__(self, folder: Path, *, server: str, **env: str) -> None:
        self.gateway = Gateway(folder, spare=1, server=server, **env)
        self._clerk: Clerk | None = None
        self._casts: list[Cast] = []

    @property
    def url(self) -> str:  # type: ignore[override]
        return self.gateway.url

    def start(self) -> Self:
        with one_at_a_time():  # several may find the lane's database empty at once
            self.gateway.start()
        return self

    def end(self) -> None:
        if self._clerk is not None:
            self._clerk.end()
        self.gateway.end()

    def call(self, name: str, **arguments: Any) -> Any:
        if self._clerk is None:
            self._clerk = Clerk(self.gateway.environment)
        return self._clerk.call(name, **arguments)

    def cast(self, *wanted: Settings) -> Cast:
        """A new tenant with new accounts. Those with plain followers are made some at a time."""
        if any(wanted) or len(wanted) > len(PLAIN):
            return self._provision([wanted])[0]
        if not self._casts:
            self._casts = self._provision([PLAIN] * SPARE)
        return self._casts.pop()

    def modest_cast(self) -> Cast:
        return self._provision([({},)], intent_rate=2)[0]

    def _provision(self, wanted: Sequence[Sequence[Settings]], *, intent_rate: int = 500) -> list[Cast]:
        document = {"tenants": [invent(settings, intent_rate=intent_rate) for settings in wanted]}
        self.call("provision", document=document)
        return Cast.of_document(document)


def invent(followers: Sequence[Settings], *, intent_rate: int = 500) -> dict[str, Any]:
    """A tenant of the provisioning document: one master, and a follower for each of these settings."""
    name = secrets.token_hex(4)
    names = [f"Conformance-{name}:{number}" for number in range(1, len(followers) + 2)]
    accounts = [
        {"account_id": each, "intent_rate": intent_rate, "keys": [{"key": secrets.token_urlsafe(32), "approved": True}]}
        for each in names
    ]
    subscriptions = [{"follower": each, **settings} for each, settings in zip(names[1:], followers, strict=True)]
    strategy = {"name": "Signal", "master": names[0], "subscriptions": subscriptions}
    return {"name": f"Conformance {name}", "accounts": accounts, "strategies": [strategy]}


class Clerk:
    """A process in the deployment's environment that answers calls; it starts once, and each call costs no start."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.clerk"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, name: str, **arguments: Any) -> Any:
        """What the function returned.

        :raises RuntimeError: what it raised, with its traceback
        """
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise RuntimeError("the clerk has no pipes")
        with self._turn:
            writer.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
            writer.flush()
            answer = json.loads(reader.readline() or '{"error": "the clerk has gone"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=20)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Nobody else in this block on the same database."""
    mark = hashlib.sha256(os.environ.get("DATABASE_URL", str(os.getpid())).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"eag-{mark}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
