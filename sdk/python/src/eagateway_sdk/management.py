"""The management API of a tenant: what its members do on their pages, for programs."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Generic, Self, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import httpx
import msgspec

from eagateway_sdk.management_rows import (
    Account,
    Act,
    Alert,
    Copy,
    Health,
    Key,
    Me,
    Member,
    Previewed,
    Row,
    SettingsInForce,
    SharedKey,
    Strategy,
    Subscription,
    Trade,
    TradeWhy,
    Version,
)
from eagateway_sdk.rest import REST_SECONDS, GatewayUnreachable, call, not_a_gateway, root

MOST: Final = 200
_T = TypeVar("_T")
_I = TypeVar("_I")


class _Tried(Row, frozen=True, kw_only=True):
    items: list[Previewed]


class _Page(Row, Generic[_I], frozen=True, kw_only=True):
    items: list[_I]
    next: str | None


class ManagementClient:
    """Calls the management API with one token; use it by `async with`.

    Every method raises `GatewayRefused` (`code`, `path`, `message`, `errors`) for a no of the gateway, and
    `GatewayUnreachable` when there was no answer. Writes go under an Idempotency-Key: a random one, or `once=`, under
    which the same call may be made again and is done once.
    """

    def __init__(self, base_url: str, token: str, *, http: httpx.AsyncClient | None = None) -> None:
        self._root, self._token = f"{root(base_url)}/manage", token
        self._own = http is None
        self._http = http or httpx.AsyncClient(timeout=REST_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that are its own."""
        if self._own:
            await self._http.aclose()

    # Reading ----------------------------------------------------------------------------------------------------------

    async def me(self) -> Me:
        return await self._ask("GET", "me", Me)

    async def health(self) -> Health:
        return await self._ask("GET", "health", Health)

    def accounts(self, *, account: str | None = None) -> AsyncIterator[Account]:
        return self._list("accounts", Account, account=account)

    async def account(self, account: UUID) -> Account:
        return await self._ask("GET", f"accounts/{account}", Account)

    def keys(self, account: UUID, *, state: str | None = None) -> AsyncIterator[Key]:
        return self._list(f"accounts/{account}/keys", Key, state=state)

    def strategies(self) -> AsyncIterator[Strategy]:
        return self._list("strategies", Strategy)

    async def strategy(self, strategy: UUID) -> Strategy:
        return await self._ask("GET", f"strategies/{strategy}", Strategy)

    def subscriptions(
        self, *, strategy: UUID | None = None, follower: UUID | None = None, state: str | None = None
    ) -> AsyncIterator[Subscription]:
        return self._list("subscriptions", Subscription, strategy_id=strategy, follower_id=follower, state=state)

    async def subscription(self, subscription: UUID) -> Subscription:
        return await self._ask("GET", f"subscriptions/{subscription}", Subscription)

    async def settings(self, subscription: UUID) -> SettingsInForce:
        return await self._ask("GET", f"subscriptions/{subscription}/settings", SettingsInForce)

    def versions(self, subscription: UUID) -> AsyncIterator[Version]:
        return self._list(f"subscriptions/{subscription}/versions", Version)

    def trades(
        self, *, account: UUID | None = None, symbol: str | None = None, position_id: int | None = None
    ) -> AsyncIterator[Trade]:
        return self._list("trades", Trade, account_id=account, symbol=symbol, position_id=position_id)

    async def trade(self, trade: UUID) -> TradeWhy:
        return await self._ask("GET", f"trades/{trade}", TradeWhy)

    def copies(
        self, *, account: UUID | None = None, subscription: UUID | None = None, state: str | None = None,
        symbol: str | None = None,
    ) -> AsyncIterator[Copy]:  # fmt: skip
        return self._list("copies", Copy, account_id=account, subscription_id=subscription, state=state, symbol=symbol)

    def alerts(
        self, *, state: str | None = None, code: str | None = None, account: UUID | None = None
    ) -> AsyncIterator[Alert]:
        return self._list("alerts", Alert, state=state, code=code, account_id=account)

    def members(self) -> AsyncIterator[Member]:
        return self._list("members", Member)

    def audit(self) -> AsyncIterator[Act]:
        return self._list("audit", Act)

    # Trying: nothing is stored ----------------------------------------------------------------------------------------

    async def preview(self, *, strategy: UUID, follower: UUID, settings: Mapping[str, Any]) -> list[Previewed]:
        body = {"strategy_id": str(strategy), "follower_id": str(follower), "settings": dict(settings)}
        return (await self._ask("POST", "subscriptions/preview", _Tried, body)).items

    async def preview_settings(self, subscription: UUID, settings: Mapping[str, Any]) -> list[Previewed]:
        path = f"subscriptions/{subscription}/preview"
        return (await self._ask("POST", path, _Tried, {"settings": dict(settings)})).items

    # Writing ----------------------------------------------------------------------------------------------------------

    async def register_account(self, account: str, *, reason: str, once: str | None = None) -> Account:
        body = {"account": account, "reason": reason}
        return await self._write("POST", "accounts", Account, body, once)

    async def share_key(
        self, account: UUID, *, reason: str, key: str | None = None, overlap_hours: int | None = None,
        once: str | None = None,
    ) -> SharedKey:  # fmt: skip
        """Approve a key before its EA shows it. Without `key` the gateway makes one, told in this answer alone."""
        body = _said(reason=reason, key=key, overlap_hours=overlap_hours)
        return await self._write("POST", f"accounts/{account}/keys", SharedKey, body, once)

    async def approve_key(
        self, key: UUID, *, reason: str, overlap_hours: int | None = None, once: str | None = None
    ) -> Key:
        body = _said(reason=reason, overlap_hours=overlap_hours)
        return await self._write("POST", f"keys/{key}/approve", Key, body, once)

    async def reject_key(self, key: UUID, *, reason: str, once: str | None = None) -> Key:
        return await self._write("POST", f"keys/{key}/reject", Key, {"reason": reason}, once)

    async def revoke_key(self, key: UUID, *, reason: str, once: str | None = None) -> Key:
        return await self._write("POST", f"keys/{key}/revoke", Key, {"reason": reason}, once)

    async def subscribe(
        self, *, strategy: UUID, follower: UUID, reason: str, settings: Mapping[str, Any] | None = None,
        once: str | None = None,
    ) -> Subscription:  # fmt: skip
        body = {
            "strategy_id": str(strategy),
            "follower_id": str(follower),
            "settings": dict(settings or {}),
            "reason": reason,
        }
        return await self._write("POST", "subscriptions", Subscription, body, once)

    async def change_settings(
        self, subscription: UUID, settings: Mapping[str, Any], *, version: int, reason: str, once: str | None = None
    ) -> SettingsInForce:
        """All settings anew; `version` is the one that was read. What is left out has its default."""
        body = {"settings": dict(settings), "version": version, "reason": reason}
        return await self._write("PUT", f"subscriptions/{subscription}/settings", SettingsInForce, body, once)

    async def restore(
        self, subscription: UUID, number: int, *, version: int, reason: str, once: str | None = None
    ) -> SettingsInForce:
        """Back to the settings of an earlier version; `version` is the one that is in force."""
        body = {"number": number, "version": version, "reason": reason}
        return await self._write("POST", f"subscriptions/{subscription}/restore", SettingsInForce, body, once)

    async def pause(self, subscription: UUID, *, reason: str, once: str | None = None) -> Subscription:
        return await self._write("POST", f"subscriptions/{subscription}/pause", Subscription, {"reason": reason}, once)

    async def resume(self, subscription: UUID, *, reason: str, once: str | None = None) -> Subscription:
        return await self._write("POST", f"subscriptions/{subscription}/resume", Subscription, {"reason": reason}, once)

    async def acknowledge(self, alert: UUID, *, once: str | None = None) -> Alert:
        return await self._write("POST", f"alerts/{alert}/acknowledge", Alert, {}, once)

    async def change_role(self, member: UUID, role: str, *, once: str | None = None) -> Member:
        return await self._write("PUT", f"members/{member}", Member, {"role": role}, once)

    async def remove_member(self, member: UUID, *, once: str | None = None) -> None:
        await self._send("DELETE", f"members/{member}", None, once or str(uuid.uuid4()))

    # The calls --------------------------------------------------------------------------------------------------------

    async def _list(self, path: str, kind: type[_I], **filters: object) -> AsyncIterator[_I]:
        """Every row, page by page, the newest first."""
        asked = {"limit": str(MOST), **{name: str(value) for name, value in filters.items() if value is not None}}
        while True:
            page = await self._ask("GET", f"{path}?{urlencode(asked)}", _Page[kind])  # type: ignore[valid-type]
            for row in page.items:
                yield row
            if page.next is None:
                return
            asked["cursor"] = page.next

    async def _write(self, method: str, path: str, kind: type[_T], body: object, once: str | None) -> _T:
        return _read(await self._send(method, path, body, once or str(uuid.uuid4())), kind)

    async def _ask(self, method: str, path: str, kind: type[_T], body: object = None) -> _T:
        return _read(await self._send(method, path, body, None), kind)

    async def _send(self, method: str, path: str, body: object, once: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}"} | ({"Idempotency-Key": once} if once else {})
        return await call(method, f"{self._root}/{path}", http=self._http, headers=headers, json=body)


def _read(response: httpx.Response, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise GatewayUnreachable(not_a_gateway(response)) from error


def _said(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
