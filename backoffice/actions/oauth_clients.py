"""Actions on OAuth clients."""

from typing import Final

from django import forms

from backoffice.actions.action import Action, Done, Preview, Sent, Sentences, unless
from backoffice.actions.forms import NO_COMPLETION, ReasonForm, TenantForm, checked, text
from backoffice.permissions import CLIENTS, GRANTS
from sessions_app.domain.keys import canonical_account_id
from sessions_app.models import OauthClient
from sessions_app.queries import database_now
from sessions_app.services.access import oauth_clients
from sessions_app.services.operations.history import Actor

_LATE: Final[Sentences] = {oauth_clients.ClientRevoked: "the client was revoked, or has no secret here"}


class ClientForm(TenantForm):
    """A new OAuth client."""

    client_id = forms.RegexField(
        r"^[A-Za-z0-9._~\-]{1,100}$",
        label="Client id",
        help_text="Letters, digits and . _ ~ - alone; unique for good.",
        widget=forms.TextInput(attrs=NO_COMPLETION),
    )
    external = forms.BooleanField(
        required=False, label="External", help_text="Its tokens come from the external issuer: it gets no secret here."
    )
    field_order = ("tenant", "client_id", "external", "reason")


class GrantForm(ReasonForm):
    """One more account for a client."""

    account = text("Account", most=128, help_text="<broker server>:<login>; an account of the client's tenant.")
    field_order = ("account", "reason")

    def clean_account(self) -> str:
        return checked(self.cleaned_data["account"], canonical_account_id)


def _register(row: None, sent: Sent, by: Actor) -> Done:
    made = oauth_clients.register(
        tenant_id=sent["tenant"].id,
        client_id=sent["client_id"],
        by=by,
        now=database_now(),
        external=sent["external"],
    )
    return Done(f"Registered the client {made.client}.", made.secret)


def _renew_secret(row: OauthClient, sent: Sent, by: Actor) -> Done:
    return Done(f"The client {row} has another secret.", oauth_clients.renew_secret(client_pk=row.id, by=by).secret)


def _grant_account(row: OauthClient, sent: Sent, by: Actor) -> Done:
    account = oauth_clients.grant_account(client=row, account_id=sent["account"], by=by, reason=sent["reason"])
    return Done(f"The client {row} may serve {account}.")


def _revoke(row: OauthClient, sent: Sent, by: Actor) -> Done:
    oauth_clients.revoke(client_pk=row.id, by=by, reason=sent["reason"])
    return Done(f"Revoked the client {row}. Its sessions have ended.")


def _preview(row: OauthClient, *effects: str) -> Preview:
    return Preview([("Client", row.client_id), ("Tenant", row.tenant)], effects)


ACTIONS: Final = (
    Action(
        name="register_client",
        noun=OauthClient,
        makes=True,
        verb="Register a client",
        title="Register an OAuth client?",
        permission=CLIENTS,
        form=ClientForm,
        preview=lambda row: Preview.of(
            [], "It gets a secret, shown this once.", "It serves no account until one is granted to it."
        ),
        do=_register,
        mistakes={oauth_clients.ClientTaken: "There is, or was, a client of this name"},
    ),
    Action(
        name="renew_secret",
        noun=OauthClient,
        verb="Renew the secret",
        title="Give this client another secret?",
        permission=CLIENTS,
        obstacle=lambda row: unless(row.application_id is not None),
        preview=lambda row: _preview(
            row,
            "The former secret and its access tokens end at once; sessions go on.",
            "The new secret is shown this once.",
        ),
        do=_renew_secret,
        late=_LATE,
        harms=True,
    ),
    Action(
        name="grant_account",
        noun=OauthClient,
        verb="Grant an account",
        title="Grant an account to this client?",
        permission=GRANTS,
        form=GrantForm,
        obstacle=lambda row: unless(row.revoked_at is None),
        preview=lambda row: _preview(
            row, "The client may open sessions of this account; a session of its preempts the present one."
        ),
        do=_grant_account,
        late=_LATE,
        mistakes={oauth_clients.ForeignAccount: "The client's tenant has no such account"},
    ),
    Action(
        name="revoke_client",
        noun=OauthClient,
        verb="Revoke",
        title="Revoke this client?",
        permission=CLIENTS,
        obstacle=lambda row: unless(row.revoked_at is None),
        preview=lambda row: _preview(
            row,
            "For good: its secret, its tokens, its grants and its sessions end at once.",
            "Positions stay as they are at the broker; nothing is closed.",
        ),
        do=_revoke,
        late=_LATE,
        harms=True,
    ),
)
