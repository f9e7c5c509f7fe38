"""Actions on keys, but for the decisions of the approval desk."""

from datetime import timedelta
from typing import Final

from backoffice.actions.action import OWN_WORDS, Action, Done, Preview, Sent, unless
from backoffice.actions.forms import ReasonForm, TenantForm, checked, hours, text
from backoffice.own_clock import clock_and_zone
from backoffice.permissions import REVOKE, SHARE
from sessions_app.auth.secret_hashing import new_secret
from sessions_app.domain.keys import canonical_account_id, check_key
from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import AuthKey
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor


class ShareKeyForm(TenantForm):
    """A key that is approved before its EA shows it."""

    account = text("Account", most=128, help_text="<broker server>:<login>; one of the tenant's, or a new one.")
    key = text("Key", most=256, required=False, help_text="Leave it empty to have one made and shown once.")
    overlap = hours("The account's other keys are revoked after it; empty: they stay valid.", required=False)
    field_order = ("tenant", "account", "key", "overlap", "reason")

    def clean_account(self) -> str:
        return checked(self.cleaned_data["account"], canonical_account_id, keep=True)

    def clean_key(self) -> str:
        material: str = self.cleaned_data["key"]
        return checked(material, check_key, keep=True) if material else ""


class RetireForm(ReasonForm):
    """When an approved key ends by itself."""

    overlap = hours("From now; then the key is refused, and its sessions end.", required=True)


def _share(row: None, sent: Sent, by: Actor) -> Done:
    made = "" if sent["key"] else new_secret()
    keys.share_key(
        tenant_id=sent["tenant"].id,
        claimed_as=sent["account"],
        material=sent["key"] or made,
        by=by,
        reason=sent["reason"],
        overlap=None if sent["overlap"] is None else timedelta(hours=sent["overlap"]),
    )
    return Done(f"The key of {sent['account']} is approved: its EA is authenticated when it shows it.", made)


def _retire(row: AuthKey, sent: Sent, by: Actor) -> Done:
    until = keys.retire(key_id=row.id, after=timedelta(hours=sent["overlap"]), by=by, reason=sent["reason"])
    return Done(f"The key of {row.account} is valid until {clock_and_zone(until)}.")


ACTIONS: Final = (
    Action(
        name="share_key",
        noun=AuthKey,
        makes=True,
        verb="Share a key",
        title="Share a key?",
        permission=SHARE,
        form=ShareKeyForm,
        preview=lambda row: Preview.of(
            [],
            "The key is approved: an EA that shows it is authenticated at once.",
            "An account that nobody knows yet becomes the tenant's.",
            "A key that is made here is shown this once; only its hash is stored.",
        ),
        do=_share,
        mistakes={keys.ForeignAccount: "The account belongs to another tenant", keys.AlreadyDecided: OWN_WORDS},
    ),
    Action(
        name="retire_key",
        noun=AuthKey,
        verb="Retire",
        title="Retire this key?",
        permission=REVOKE,
        form=RetireForm,
        obstacle=lambda row: unless(row.state == KeyState.APPROVED),
        preview=lambda row: Preview.of(
            [("Account", row.account.claimed_as), ("Key", row.fingerprint[:12])],
            "The key stays valid for so many hours, beside any other key of its account.",
            "Then it is revoked for good, and its sessions end.",
        ),
        do=_retire,
        late={keys.AlreadyDecided: OWN_WORDS},
        harms=True,
    ),
)
