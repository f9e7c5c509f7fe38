"""The client of the management API against a scripted gateway: what it asks, what it reads, what it raises."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

from eagateway_sdk import GatewayRefused, GatewayUnreachable, ManagementClient

ID = UUID("01a00000-0000-7000-8000-000000000000")
ROW = {
    "id": str(ID), "strategy_id": str(ID), "strategy": "Trend", "follower_id": str(ID), "follower": "A:1",
    "state": "active", "version": 1, "created_at": "2026-11-30T08:00:00.000Z", "of_a_later_gateway": True,
}  # fmt: skip
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> ManagementClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return ManagementClient("https://gateway.example/", "eagm_secret", http=http)


def problem(status: int, code: str, **more: object) -> httpx.Response:
    body = {"code": code, "title": "No", "detail": "It is not", "remediation": "Do it", **more}
    return httpx.Response(status, json=body, headers={"Retry-After": "7"})


async def test_a_write_carries_the_token_a_reason_and_a_key_of_its_own_or_the_callers() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=ROW)

    async with client(answer) as gateway:
        paused = await gateway.pause(ID, reason="news")
        await gateway.resume(ID, reason="over", once="mine")
        await gateway.subscription(ID)
    assert (paused.state, paused.created_at) == ("active", datetime(2026, 11, 30, 8, tzinfo=UTC))
    first, second, third = asked
    assert str(first.url) == f"https://gateway.example/ea-gateway/v1/manage/subscriptions/{ID}/pause"
    assert json.loads(first.content) == {"reason": "news"}
    assert first.headers["Authorization"] == "Bearer eagm_secret"
    assert len(first.headers["Idempotency-Key"]) == 36
    assert second.headers["Idempotency-Key"] == "mine"
    assert "Idempotency-Key" not in third.headers


async def test_a_list_is_followed_to_its_end_and_filters_go_with_every_page() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query.decode())
        # A page with a filter may be empty and yet not the last one.
        items = [] if len(asked) == 2 else [ROW]
        return httpx.Response(200, json={"items": items, "next": "here" if len(asked) < 3 else None})

    async with client(answer) as gateway:
        rows = [row async for row in gateway.subscriptions(state="active", follower=ID)]
    assert [row.follower for row in rows] == ["A:1", "A:1"]
    plain = f"limit=200&follower_id={ID}&state=active"
    assert asked == [plain, f"{plain}&cursor=here", f"{plain}&cursor=here"]


async def test_a_refusal_has_its_code_path_message_and_all_mistakes() -> None:
    errors = [{"path": "settings.lots", "message": "expected more"}, {"path": "reason", "message": "Say why"}]
    async with client(lambda _: problem(400, "invalid", path="settings.lots", errors=errors)) as gateway:
        with pytest.raises(GatewayRefused) as refused:
            await gateway.change_settings(ID, {"lots": "0"}, version=1, reason="x")
    told = refused.value
    assert (told.code, told.path, told.message, told.status) == ("invalid", "settings.lots", "It is not - Do it", 400)
    assert told.errors == (("settings.lots", "expected more"), ("reason", "Say why"))
    assert (told.retry_after, told.passing) == (7.0, False)


@pytest.mark.parametrize("body", ["<html>", "[]", '{"id": 7}', '{"items": [{}], "next": null}'])
async def test_what_no_gateway_says_is_no_answer(body: str) -> None:
    async with client(lambda _: httpx.Response(200, text=body)) as gateway:
        with pytest.raises(GatewayUnreachable, match="check the host"):
            await gateway.health()
        with pytest.raises(GatewayUnreachable, match="check the host"):
            _ = [row async for row in gateway.accounts()]


async def test_money_is_decimal_and_a_key_is_in_no_repr() -> None:
    account = {
        "id": str(ID), "account": "A:1", "standing": "connected", "keys": {"approved": 1}, "suspended_at": None,
        "balance": "10234.50", "equity": None, "funds_at": None, "created_at": "2026-11-30T08:00:00.000Z",
    }  # fmt: skip
    shared = {"id": str(ID), "account_id": str(ID), "state": "approved", "key": "hunter2"}
    async with client(lambda r: httpx.Response(200, json=shared if r.method == "POST" else account)) as gateway:
        assert (await gateway.account(ID)).balance == Decimal("10234.50")
        made = await gateway.share_key(ID, reason="new terminal")
    assert made.key == "hunter2"
    assert "hunter2" not in repr(made)


async def test_removing_a_member_answers_nothing() -> None:
    async with client(lambda _: httpx.Response(204)) as gateway:
        await gateway.remove_member(ID)


def test_an_address_of_no_gateway_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="base_url"):
        ManagementClient("gateway.example", "eagm_secret")
