"""Actions on management tokens, for tenants whose admins do not make them by themselves."""

from typing import Final

from django import forms

from backoffice.actions.action import Action, Done, Preview, Sent, unless
from backoffice.actions.forms import TenantForm, text
from backoffice.own_clock import clock_and_zone
from backoffice.permissions import TOKENS
from sessions_app.models import ManagementToken, TokenScope
from sessions_app.services.access import management_tokens
from sessions_app.services.operations.history import Actor


class TokenForm(TenantForm):
    """A new management token."""

    name = text("Name", most=64, help_text="What it is for. Records name it, so it is never used again.")
    scope = forms.ChoiceField(choices=[(scope.value, scope.value) for scope in TokenScope])
    days = forms.IntegerField(min_value=1, max_value=management_tokens.LONGEST_DAYS, initial=90, label="Days")
    field_order = ("tenant", "name", "scope", "days", "reason")

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not name.isprintable():
            raise forms.ValidationError("Letters, digits and signs that can be seen.")
        return name


def _make(row: None, sent: Sent, by: Actor) -> Done:
    made = management_tokens.make(
        tenant_id=sent["tenant"].id,
        name=sent["name"],
        scope=TokenScope(sent["scope"]),
        days=sent["days"],
        by=by,
        address=by.address,
        of_member=False,
    )
    return Done(f"Made the token {made.row}.", made.token)


def _revoke(row: ManagementToken, sent: Sent, by: Actor) -> Done:
    management_tokens.revoke(token_id=row.id, by=by, address=by.address, reason=sent["reason"])
    return Done(f"The token {row} opens nothing any more.")


ACTIONS: Final = (
    Action(
        name="make_token",
        noun=ManagementToken,
        makes=True,
        verb="Make a token",
        title="Make a management token?",
        permission=TOKENS,
        form=TokenForm,
        preview=lambda row: Preview.of(
            [],
            "A program does with it what the tenant's members do on their pages, as far as its scope reaches.",
            "It is shown this once; only its hash is stored.",
        ),
        do=_make,
        mistakes={
            management_tokens.TokenNameTaken: "There is, or was, a token of this name",
            management_tokens.TooManyTokens: "Not made: {why}",
        },
    ),
    Action(
        name="revoke_token",
        noun=ManagementToken,
        verb="Revoke",
        title="Revoke this token?",
        permission=TOKENS,
        obstacle=lambda row: unless(row.revoked_at is None, "it was revoked before"),
        preview=lambda row: Preview.of(
            [
                ("Token", row.name),
                ("Tenant", row.tenant),
                ("Scope", row.scope),
                ("Good until", clock_and_zone(row.expires_at)),
            ],
            "Every program that uses it is refused at once, for good.",
        ),
        do=_revoke,
        late={management_tokens.TokenOver: "it has ended before"},
        harms=True,
    ),
)
