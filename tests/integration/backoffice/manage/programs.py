"""A program that holds a management token, for tests of the management API."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from django.test import Client
from django.urls import reverse

from sessions_app.models import Tenant
from tests import factories

BELOW: Final = "/ea-gateway/v1/manage"


@dataclass(slots=True)
class Program:
    """Calls as a program would make them: JSON, and a bearer token."""

    token: str
    name: str = ""
    client: Client = field(default_factory=Client)

    @classmethod
    def of(cls, tenant: Tenant, scope: str = "own", **changes: Any) -> "Program":
        """A program of a tenant, with a token of this scope."""
        row = factories.ManagementTokenFactory.build(scope=scope)
        token = f"eagm_{scope} {row.name}".replace(" ", "_")
        made = factories.ManagementTokenFactory.create(tenant=tenant, scope=scope, token=token, **changes)
        return cls(token, f"token {made.name}")

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, text: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        content = text if text is not None else json.dumps(body) if body is not None else ""
        return self.client.generic(
            method, f"{BELOW}/{path}", content, content_type="application/json", headers=headers
        )  # fmt: skip

    def read(self, path: str) -> Any:
        """The body of a `GET` that is answered."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def do(self, method: str, path: str, body: Any = None, *, status: int = 200, key: str | None = None) -> Any:
        """The body of a write that is done."""
        answer = self.call(method, path, body, key=key)
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str, str | None]:
        """Status, code and path of a refusal."""
        answer = self.call(method, path, body, **more)
        assert answer["Content-Type"] == "application/problem+json", answer.content
        problem = answer.json()
        assert problem["status"] == answer.status_code
        return answer.status_code, problem["code"], problem["path"]


def address(name: str, *ids: Any) -> str:
    """The address of a route, below the API's own."""
    return reverse(f"manage:{name}", args=ids).removeprefix(f"{BELOW}/")
