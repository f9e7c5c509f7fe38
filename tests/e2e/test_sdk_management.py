"""The SDK's management client, and the program of its README, against a real gateway process."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from eagateway_sdk import GatewayRefused, ManagementClient

from tests.e2e.gateway import ROOT, Cast, Gateway

SECONDS: Final = 60
ABSENT: Final = UUID("01a00000-0000-7000-8000-000000000000")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("management")
    gateway = Gateway(folder, HEARTBEAT_TIMEOUT_SECONDS="60", TENANTS_ENROL="on").start()
    yield gateway
    gateway.end()


def made(cast: Cast, scope: str, *, days: int = 1) -> str:
    """A token of the cast's tenant, made as the staff makes one, in a process of its own."""
    name = secrets.token_hex(4)
    code = (
        "from sessions_app.models import Tenant, TokenScope;"
        "from sessions_app.services.access import management_tokens;"
        "from sessions_app.services.operations.history import Actor;"
        f"print(management_tokens.make(tenant_id=Tenant.objects.get(name={cast.tenant!r}).pk, name={name!r},"
        f" scope=TokenScope({scope!r}), days={days}, by=Actor('staff'), address='', of_member=False).token)"
    )
    done = cast.gateway.manage("shell", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def client(cast: Cast, token: str) -> ManagementClient:
    return ManagementClient(cast.gateway.url, token)


async def refused(call: Any) -> tuple[int, str, str | None]:
    with pytest.raises(GatewayRefused) as told:
        await call
    return told.value.status, told.value.code, told.value.path


async def test_a_tenant_is_read_and_steered(gateway: Gateway) -> None:
    cast = gateway.provision({}, {})
    async with asyncio.timeout(SECONDS), client(cast, made(cast, "administer")) as tenant:
        assert ((await tenant.me()).tenant, (await tenant.me()).scope) == (cast.tenant, "administer")
        accounts = {row.account: row async for row in tenant.accounts()}
        assert set(accounts) == set(cast.names)
        [strategy] = [row async for row in tenant.strategies()]
        assert (strategy.master, strategy.followers) == (cast.names[0], 2)
        mine = accounts[cast.names[1]]
        [subscription] = [row async for row in tenant.subscriptions(follower=mine.id)]

        assert (await tenant.pause(subscription.id, reason="news")).state == "close_only"
        assert await refused(tenant.pause(subscription.id, reason="news")) == (409, "conflict", None)
        assert (await tenant.resume(subscription.id, reason="over", once="r")).state == "active"
        assert (await tenant.resume(subscription.id, reason="over", once="r")).state == "active"

        before = await tenant.settings(subscription.id)
        wanted = {**before.settings, "multiplier": "0.5"}
        after = await tenant.change_settings(subscription.id, wanted, version=before.version, reason="smaller")
        assert after.settings["multiplier"] == "0.5"
        wrong = {**wanted, "multiplier": "-1", "colour": "red"}
        with pytest.raises(GatewayRefused) as told:
            await tenant.change_settings(subscription.id, wrong, version=after.version, reason="wrong")
        assert {path for path, _ in told.value.errors} == {"settings.multiplier", "settings.colour"}
        back = await tenant.restore(subscription.id, 1, version=after.version, reason="as it was")
        assert back.settings == before.settings
        versions = [row.note async for row in tenant.versions(subscription.id)]
        assert versions[:2] == ["as it was", "smaller"]
        acts = [(row.kind, row.why) async for row in tenant.audit() if row.actor.startswith("token ")]
        assert {("subscription", "news"), ("subscription", "over"), ("settings", "smaller")} <= set(acts)


async def test_a_new_account_gets_its_key_and_its_ea_is_in(gateway: Gateway) -> None:
    cast = gateway.provision({})
    async with asyncio.timeout(SECONDS), client(cast, made(cast, "administer")) as tenant:
        name = f"New-{cast.tenant}:7"
        account = await tenant.register_account(name, reason="a new terminal")
        assert (account.account, account.standing, account.keys) == (name, "offline", {})
        shared = await tenant.share_key(account.id, reason="a new terminal", once="key")
        assert shared.key is not None
        assert (await tenant.share_key(account.id, reason="a new terminal", once="key")).key is None
        cast.names.append(name)
        opened = cast.open(-1, key=shared.key)
        assert opened["status"] == "authenticated"
        [strategy] = [row async for row in tenant.strategies()]
        made_one = await tenant.subscribe(strategy=strategy.id, follower=account.id, reason="it shall copy")
        assert (made_one.follower, made_one.state) == (name, "active")
        await tenant.revoke_key(shared.id, reason="stolen")
        with pytest.raises(RuntimeError, match="key_rejected"):
            cast.open(-1, key=shared.key)
        # A terminal that asks by itself waits, and an admin of its tenant lets it in.
        other = secrets.token_urlsafe(32)
        assert cast.open(-1, key=other)["status"] == "pending"
        [waiting] = [row async for row in tenant.keys(account.id, state="pending")]
        assert (await tenant.approve_key(waiting.id, reason="known to us")).state == "approved"
        assert cast.open(-1, key=other)["status"] == "authenticated"


async def test_a_trade_is_followed_to_its_why(gateway: Gateway) -> None:
    cast = gateway.provision({})
    token = made(cast, "read")
    async with asyncio.timeout(SECONDS), client(cast, token) as tenant:
        master, follower = await cast.ea(0, last_seq=0), await cast.ea(1, last_seq=0)
        await master.buy(71, lots="0.10")
        await follower.hear("OrderCommand")
        [trade] = [row async for row in tenant.trades(symbol="EURUSD")]
        assert (trade.position_id, trade.account) == (71, cast.names[0])
        why = await tenant.trade(trade.id)
        by_follower = {row.follower: row for row in why.followers}
        assert by_follower[cast.names[1]].outcome == "copied"
        assert str(by_follower[cast.names[1]].copies[0].lots_decided) in ("0.1", "0.10")
        assert by_follower[cast.names[1]].commands[0]["action"] == "open"
        assert trade.outcomes["copied"] >= 1
        copies = [row async for row in tenant.copies(account=by_follower[cast.names[1]].follower_id)]
        assert [row.position_id for row in copies] == [71]
        health = await tenant.health()
        assert {row.account for row in health.followers} == set(cast.names[1:])


async def test_tokens_end_at_their_scope_their_tenant_and_their_time(gateway: Gateway) -> None:
    cast, neighbour = gateway.provision({}), gateway.provision({})
    reader = made(cast, "read")
    async with (
        asyncio.timeout(SECONDS),
        client(cast, reader) as tenant,
        client(neighbour, made(neighbour, "own")) as other,
    ):
        theirs = await anext(other.subscriptions())
        for subscription in (theirs.id, ABSENT):
            assert await refused(tenant.subscription(subscription)) == (404, "not_found", None)
            assert await refused(tenant.pause(subscription, reason="x")) == (403, "scope_insufficient", None)
        async with client(cast, "eagm_nobody") as stranger:
            assert await refused(stranger.me()) == (401, "management_token_refused", None)
        session = cast.token(0)
        async with client(cast, session) as shown:
            assert await refused(shown.me()) == (401, "management_token_refused", None)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {reader}"}) as ea:
            answer = await ea.get(f"{gateway.url}/ea-gateway/v1/sessions/{ABSENT}")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
        suspend = (
            "from sessions_app.models import Tenant; from sessions_app.services.access import tenants;"
            "from sessions_app.services.operations.history import Actor;"
            f"tenant = Tenant.objects.get(name={cast.tenant!r});"
            "tenants.suspend(tenant_id=tenant.pk, by=Actor('staff'), reason='unpaid')"
        )
        assert gateway.manage("shell", "-c", suspend).returncode == 0
        assert await refused(tenant.me()) == (403, "tenant_suspended", None)
        assert (await other.me()).tenant == neighbour.tenant
        # Its EAs go on.
        assert cast.open(0)["status"] == "authenticated"


async def test_two_at_once_under_one_key_are_done_once(gateway: Gateway) -> None:
    cast = gateway.provision({})
    async with asyncio.timeout(SECONDS), client(cast, made(cast, "operate")) as tenant:
        subscription = await anext(tenant.subscriptions())
        calls = [tenant.pause(subscription.id, reason="at once", once="one") for _ in range(8)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refusals = {one.code for one in answers if isinstance(one, GatewayRefused)}
        assert refusals <= {"request_in_flight"}
        assert any(not isinstance(one, BaseException) for one in answers)
        assert (await tenant.pause(subscription.id, reason="at once", once="one")).state == "close_only"
        acts = [row async for row in tenant.audit() if row.why == "at once"]
        assert len(acts) == 1


def test_the_program_of_the_readme_pauses_who_is_at_risk(gateway: Gateway, tmp_path: Path) -> None:
    readme = (ROOT / "sdk/python/README.md").read_text()
    [program] = re.findall(r"```python\n(# manage\.py:.*?)```", readme, re.DOTALL)
    (tmp_path / "manage.py").write_text(program)
    cast = gateway.provision({})
    done = subprocess.run(
        [sys.executable, "manage.py"],
        cwd=tmp_path,
        env={**os.environ, "GATEWAY": gateway.url, "MANAGEMENT_TOKEN": made(cast, "operate")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "No: none of 2 followers is copied: 2 out of reach." in done.stdout
