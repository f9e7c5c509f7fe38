"""One test's way into a deployment: sessions over REST, links over its transport, all of them dropped at its end."""

import os
import secrets
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from tests.conformance.ea import Ea
from tests.conformance.house import Cast, House, Role, Settings
from tests.conformance.links import PATIENCE, ExchangeLink, Link, SocketLink, tls_context

BASE: Final = "/ea-gateway/v1"
STREAM: Final = f"{BASE}/stream"


class Stage:
    """`transport` is "socket" or "exchange"; cases that speak neither have a word of their own there."""

    def __init__(self, house: House, transport: str) -> None:
        self.house, self.transport = house, transport
        self.http = httpx.AsyncClient(base_url=house.url, timeout=PATIENCE, verify=tls_context())
        self._links: list[Link] = []
        self._first_position = secrets.randbelow(2_000_000) * 1000

    async def strike(self) -> None:
        """Leave nothing behind."""
        for link in self._links:
            await link.drop()
        await self.http.aclose()

    def cast(self, *settings: Settings) -> Cast:
        return self.house.cast(*settings)

    def position(self, number: int) -> int:
        """A position id that no other test has used, also where accounts are used again."""
        return self._first_position + number

    # REST ----------------------------------------------------------------------------------------------------------

    async def ask(self, role: Role, *, key: str | None = None, headers: Any = None, **fields: Any) -> httpx.Response:
        """POST /sessions for an account, with its own key or another one."""
        body = {"account_id": role.account_id, "auth_method": "account_session_key", "auth_key": key or role.key}
        return await self.http.post(f"{BASE}/sessions", json={**body, "platform": "sdk", **fields}, headers=headers)

    async def open(self, role: Role, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """A new session, as POST /sessions answers it."""
        answer = await self.ask(role, key=key, **fields)
        assert answer.status_code == 201, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def own_session(self, verb: str, session: Mapping[str, Any], *, token: str | None = None) -> httpx.Response:
        """GET or DELETE a session with its token."""
        headers = {"Authorization": f"Bearer {token or session['session_token']}"}
        return await self.http.request(verb, f"{BASE}/sessions/{session['session_id']}", headers=headers)

    # Links ---------------------------------------------------------------------------------------------------------

    async def link(self, session: Mapping[str, Any], *, transport: str | None = None) -> Link:
        """A link that has said nothing yet."""
        if (transport or self.transport) == "exchange":
            if "exchange_url" not in session:
                pytest.skip("the deployment offers no exchange")
            url = f"{BASE}/sessions/{session['session_id']}/exchange"
            link: Link = ExchangeLink(self.http, url, session["session_token"])
        else:
            link = await self.socket()
        self._links.append(link)
        return link

    async def socket(self, *, query: str = "", **options: Any) -> SocketLink:
        """An event socket that has said nothing yet."""
        link = await SocketLink.open(self.house.url.replace("http", "ws", 1) + STREAM + query, **options)
        self._links.append(link)
        return link

    async def connect(self, session: Mapping[str, Any], *, transport: str | None = None, **hello: Any) -> Ea:
        """A link that has said Hello; SessionState is still to be heard."""
        link = await self.link(session, transport=transport)
        ea = Ea(link, session, top=hello.get("last_server_seq", 0) if "epoch" in hello else 0)
        token = {} if isinstance(link, ExchangeLink) else {"token": session["session_token"]}
        await ea.send("Hello", {**token, **hello})
        return ea

    async def resume(self, ea: Ea, *, transport: str | None = None, **hello: Any) -> Ea:
        """The same session on a new link, from where its ledger stands; SessionState has been heard."""
        known = {"epoch": ea.state["epoch"], "last_server_seq": ea.top}
        again = await self.connect(ea.session, transport=transport, **{**known, **hello})
        await again.hear("SessionState")
        again.seq = ea.seq
        return again

    async def arrive(self, role: Role, *, init: dict[str, Any] | None = None, **hello: Any) -> Ea:
        """A new session with a link, Hello, InitRequest and a first heartbeat; old commands of the account are past."""
        session = await self.open(role)
        past = {} if self.house.own or "epoch" in hello else await self._past(session)
        ea = await self.connect(session, **past, **hello)
        await ea.hear("SessionState")
        await ea.introduce(**(init or {}))
        await ea.beat()
        ea.unheard = [frame for frame in ea.unheard if frame["type"] == "SyncSnapshot"]  # it may be answered later
        return ea

    async def _past(self, session: dict[str, Any]) -> dict[str, Any]:
        """What a Hello tells of a log that another test has written to."""
        look = await self.connect(session)
        await look.hear("SessionState")
        await look.link.drop()
        return {"epoch": look.state["epoch"], "last_server_seq": look.state["top_seq"]}

    async def pair(self, settings: Settings | None = None, **hello: Any) -> tuple[Ea, Ea]:
        """A master and one follower, both connected and introduced."""
        cast = self.cast(settings or {})
        return await self.arrive(cast.master), await self.arrive(cast.followers[0], **hello)


def many(full: int, *, brief: int) -> int:
    """How often a case does what it says so many times: `make conformance` does all of it, other runs are brief."""
    return full if "CONFORMANCE_FULL" in os.environ else brief


def stranger() -> str:
    """Key material that nobody has approved."""
    return secrets.token_urlsafe(32)


def fresh_id() -> str:
    return str(uuid4())
