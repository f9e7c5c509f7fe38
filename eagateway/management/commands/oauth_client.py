"""Register an OAuth client of a tenant, or give it another secret; the secret is shown this once."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from eagateway.management.commands.provision import person
from sessions_app import queries
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, OauthClient, Tenant
from sessions_app.services.access import oauth_clients
from sessions_app.services.access.oauth_clients import ClientRevoked, ClientTaken, ForeignAccount, Registered
from sessions_app.services.operations.history import Actor


class Command(BaseCommand):
    help = "Register an OAuth client and grant it accounts of its tenant; prints its secret, which is stored hashed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client_id")
        parser.add_argument("--tenant", help="the tenant's name; required for a new client")
        parser.add_argument("--account", action="append", default=[], help="an account it may serve; may be repeated")
        parser.add_argument("--external", action="store_true", help="its tokens come from the external issuer")
        parser.add_argument("--renew-secret", action="store_true", help="another secret for a known client")

    def handle(self, *args: Any, **options: Any) -> None:
        by = Actor(f"oauth_client by {person()}")
        try:
            made = _renew(options["client_id"], by) if options["renew_secret"] else _register(options, by)
        except ClientTaken as taken:
            raise CommandError("there is, or was, a client of this name; --renew-secret makes a secret") from taken
        except ClientRevoked as revoked:
            raise CommandError("this client was revoked, or gets its tokens elsewhere") from revoked
        except ForeignAccount as foreign:
            raise CommandError("nothing was stored: an account is not of this tenant") from foreign
        except Refused as refusal:
            raise CommandError(f"nothing was stored: {refusal.message}") from refusal
        shown = {"client_id": made.client.client_id, **({"client_secret": made.secret} if made.secret else {})}
        self.stdout.write(json.dumps(shown, indent=2))


def _renew(client_id: str, by: Actor) -> Registered:
    client = OauthClient.objects.filter(client_id=client_id).first()
    if client is None:
        raise CommandError("there is no such client")
    return oauth_clients.renew_secret(client_pk=client.id, by=by)


def _register(options: dict[str, Any], by: Actor) -> Registered:
    tenant = Tenant.objects.filter(name=options["tenant"]).first()
    if tenant is None:
        raise CommandError("--tenant must name a tenant")
    names = [canonical_account_id(text) for text in options["account"]]
    with transaction.atomic():
        now = queries.database_now()
        made = oauth_clients.register(
            tenant_id=tenant.id, client_id=options["client_id"], by=by, now=now, external=options["external"]
        )
        accounts = BrokerAccount.objects.filter(account_id__in=names)
        if accounts.count() != len(set(names)):
            raise ForeignAccount
        oauth_clients.grant_accounts(client=made.client, accounts=accounts, by=by, reason="command", now=now)
    return made
