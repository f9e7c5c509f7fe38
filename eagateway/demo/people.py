"""What people do in the demo: provide the deployment, sign in, approve keys. By the services that the admin uses."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model

from eagateway.demo.cast import Part
from eagateway.demo.plan import Plan
from orders.services.provisioning import deployment
from sessions_app import queries
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor


def provide(cast: Plan) -> dict[str, str]:
    """Accounts, strategy, subscriptions; a staff user and a tenant admin, whose passwords are returned by name."""
    deployment.provision(document=dict(cast.document), by=Actor("demo"))
    users = get_user_model()
    people = {
        "staff": secrets.token_urlsafe(12),
        cast.document["tenants"][0]["members"][0]["email"]: secrets.token_urlsafe(12),
    }
    for name, password in people.items():
        user, _ = users.objects.get_or_create(username=name)
        user.is_staff = user.is_superuser = name == "staff"
        user.set_password(password)
        user.save(update_fields=["is_staff", "is_superuser", "password"])
    return people


def waiting() -> list[tuple[str, str, Any]]:
    """Account, fingerprint and id of every key that waits for approval."""
    return [(key.account.claimed_as, key.fingerprint, key.id) for key in queries.waiting_keys()]


def approve(parts: Iterable[Part]) -> None:
    """Approve the keys of these accounts that wait."""
    wanted = {part.account_id.lower() for part in parts}
    for account, _, key_id in waiting():
        if account.lower() in wanted:
            keys.approve(key_id=key_id, by=Actor("demo"), reason="approved by the demo")
