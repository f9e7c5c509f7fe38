"""Accounts that are ready to connect: provisioned, their keys approved, with a session each.

A process of its own in the environment of the gateway under test. It skips what the measured scenarios do not ask
about: the hash of the key, which costs 20 ms an account, and the request over HTTP.

    python -m tests.bench.cast 10 100    # prints [[[name, token], ...], ...]: of each master itself, then its followers
"""

import json
import os
import secrets
import sys
from typing import Any

import django
from django.db import models, transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
django.setup(set_prefix=False)

from orders.services.provisioning import deployment  # noqa: E402 - the apps must be loaded first
from sessions_app import queries  # noqa: E402 - likewise
from sessions_app.domain.keys import token_digest  # noqa: E402 - likewise
from sessions_app.models import AuthKey, BrokerAccount, EaSession  # noqa: E402 - likewise
from sessions_app.models.fields import new_id  # noqa: E402 - likewise
from sessions_app.services.access import keys  # noqa: E402 - likewise
from sessions_app.services.lifecycle import opening  # noqa: E402 - likewise
from sessions_app.services.operations.history import Actor  # noqa: E402 - likewise
from tests.bench.accounts import document, groups  # noqa: E402 - likewise

BY = Actor("bench")


def main(masters: int, followers: int) -> list[list[tuple[str, str]]]:
    """Make them; names and session tokens."""
    deployment.provision(document=document(masters, followers), by=BY)
    wanted = groups(masters, followers)
    tokens = _sessions([name for group in wanted for name in group])
    return [[(name, tokens[name]) for name in group] for group in wanted]


def _sessions(names: list[str]) -> dict[str, str]:
    """A session of each account; their tokens.

    The services open the first one; the others' rows are copies of its rows, because a thousand would take a minute.
    """
    first, *others = names
    accounts = {account.claimed_as: account for account in BrokerAccount.objects.filter(claimed_as__in=names)}
    before = _values(accounts[first])
    key, opened = _session_of(accounts[first])
    after = _values(BrokerAccount.objects.get(id=accounts[first].id))
    tokens = {first: opened.token} | {name: secrets.token_urlsafe(32) for name in others}
    made, sessions = [], []
    for name in others:
        account_id = accounts[name].id
        made.append(AuthKey(**{**_values(key), "id": new_id(), "account_id": account_id, "fingerprint": f"of {name}"}))
        own: dict[str, Any] = {"id": new_id(), "account_id": account_id, "key_id": made[-1].id}
        own["token_hash"] = token_digest(tokens[name])
        sessions.append(EaSession(**{**_values(opened.session), **own}))
    with transaction.atomic():
        AuthKey.objects.bulk_create(made, batch_size=200)
        EaSession.objects.bulk_create(sessions, batch_size=200)
        moved = {name: value for name, value in after.items() if before[name] != value}
        BrokerAccount.objects.filter(claimed_as__in=others).update(**moved)
    return tokens


def _session_of(account: BrokerAccount) -> tuple[AuthKey, opening.Opened]:
    now = queries.database_now()
    key = AuthKey.objects.create(account=account, fingerprint="of the first", key_hash="-", requested_at=now)
    keys.approve(key_id=key.id, by=BY, reason="bench")
    key.refresh_from_db()
    request = opening.Request(auth_method="account_session_key", platform="sdk")
    return key, opening.open_session(key=key, request=request)


def _values(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


if __name__ == "__main__":
    made = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps(made))
