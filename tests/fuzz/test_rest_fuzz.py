"""Requests made from the OpenAPI document, against a running gateway: seed and bounds stand in schemathesis.toml."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.e2e.gateway import Cast, Gateway
from tests.fuzz.conftest import LANES

pytestmark = [pytest.mark.lane(*LANES), pytest.mark.sends_invalid_frames]
CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
SECONDS: Final = 60 if os.environ.get("EAGATEWAY_NIGHTLY") else 30


def opened(cast: Cast, number: int) -> dict[str, str]:
    """A session over REST: its id and its token."""
    name = cast.names[number]
    body = {"account_id": name, "auth_method": "account_session_key", "auth_key": cast.keys[name], "platform": "sdk"}
    answer = httpx.post(f"{cast.gateway.url}/ea-gateway/v1/sessions", json=body, timeout=30)
    told = answer.raise_for_status().json()
    return {"SESSION": told["session_id"], "TOKEN": told["session_token"]}


def managed(cast: Cast) -> dict[str, str]:
    """A management token that may everything, and rows of its tenant."""
    code = (
        "import json; from orders.models import Subscription; from sessions_app.models import Tenant, TokenScope;"
        "from sessions_app.services.access import management_tokens;"
        "from sessions_app.services.operations.history import Actor;"
        f"row = Subscription.objects.filter(strategy__tenant__name={cast.tenant!r}).first();"
        "made = management_tokens.make(tenant_id=row.strategy.tenant_id, name='fuzz', scope=TokenScope.OWN, days=1,"
        " by=Actor('staff'), address='', of_member=False);"
        "print(json.dumps({'MANAGEMENT_TOKEN': made.token, 'SUBSCRIPTION': str(row.pk),"
        " 'ACCOUNT': str(row.follower_id)}))"
    )
    done = cast.gateway.manage("shell", "-c", code)
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def test_case_107_every_answer_is_what_the_document_says_and_none_is_a_failure(
    wide_gateway: Gateway, tmp_path: Path
) -> None:
    cast = wide_gateway.provision({}, {})
    names = {
        f"{role}_{part}": value
        for role, number in (("KEPT", 0), ("CLOSED", 1), ("SPOILT", 2))
        for part, value in opened(cast, number).items()
    }
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    options = ["--max-time", str(SECONDS), "--continue-on-failure", "--no-color"]
    done = subprocess.run(
        [*command, *options, f"{wide_gateway.url}/ea-gateway/v1/openapi.json"],
        cwd=tmp_path,
        env={**wide_gateway.environment, **names, **managed(cast)},
        capture_output=True,
        text=True,
        timeout=10 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert opened(cast, 2)["TOKEN"], "the gateway lives"
