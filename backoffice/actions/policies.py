"""Actions on what approves keys by itself: enrolment windows and fingerprints that are approved beforehand."""

from datetime import UTC, datetime
from typing import Any, Final

from django import forms

from backoffice.actions.action import Action, Done, Preview, Sent, Sentences, unless
from backoffice.actions.forms import TenantForm, checked, moment, text
from backoffice.permissions import FINGERPRINTS, WINDOWS
from sessions_app.domain.enrolment import ALL_ACCOUNTS, MAX_ADDRESSES, canonical_fingerprint, canonical_network
from sessions_app.models import ApprovedFingerprint, EnrolmentWindow
from sessions_app.queries import database_now
from sessions_app.services.access import enrolment_policies
from sessions_app.services.operations.history import Actor

_THERE: Final[Sentences] = {enrolment_policies.AlreadyThere: "The tenant has this already"}
_ENDED: Final[Sentences] = {enrolment_policies.AlreadyEnded: "somebody ended it before"}


def _pattern() -> forms.CharField:
    covers = "A pattern of account ids with * and ?; * alone covers all of the tenant's."
    return text("Accounts", most=128, initial=ALL_ACCOUNTS, help_text=covers)


class FingerprintForm(TenantForm):
    """A key that is approved when it asks first."""

    fingerprint = text(
        "Fingerprint", most=100, help_text="SHA-256 of the key (64 hexadecimal digits), or the desk's fingerprint."
    )
    accounts = _pattern()
    field_order = ("tenant", "fingerprint", "accounts", "reason")

    def clean_fingerprint(self) -> str:
        return checked(self.cleaned_data["fingerprint"], canonical_fingerprint)


class EnrolmentWindowForm(TenantForm):
    """When first keys are approved by themselves."""

    opens_at = moment("From")
    closes_at = moment("Until")
    max_keys = forms.IntegerField(min_value=1, required=False, label="At most so many keys", help_text="Empty: all.")
    accounts = _pattern()
    addresses = text(
        "Addresses", most=1000, required=False, help_text="Addresses or networks, separated by commas; empty: all."
    )
    adopts = forms.BooleanField(
        required=False, label="Adopt accounts", help_text="Accounts that belong to nobody yet become this tenant's."
    )
    field_order = ("tenant", "opens_at", "closes_at", "max_keys", "accounts", "addresses", "adopts", "reason")

    def clean_addresses(self) -> list[str]:
        parts = [part for part in self.cleaned_data["addresses"].split(",") if part.strip()]
        if len(parts) > MAX_ADDRESSES:
            raise forms.ValidationError(f"At most {MAX_ADDRESSES} addresses or networks.")
        return [checked(part, canonical_network) for part in parts]

    def clean(self) -> dict[str, Any]:
        super().clean()
        opens_at, closes_at = self.cleaned_data.get("opens_at"), self.cleaned_data.get("closes_at")
        if isinstance(opens_at, datetime) and isinstance(closes_at, datetime):
            if opens_at >= closes_at:
                self.add_error("closes_at", "It must close after it opens.")
            elif closes_at <= datetime.now(UTC):
                self.add_error("closes_at", "It would be over already.")
        return self.cleaned_data


def _open_window(row: None, sent: Sent, by: Actor) -> Done:
    # The form asks for what a window is, and for its tenant.
    window = enrolment_policies.Window(**{name: value for name, value in sent.items() if name != "tenant"})
    made = enrolment_policies.open_window(tenant_id=sent["tenant"].id, window=window, by=by, now=database_now())
    return Done(f"Opened the window of {made}.")


def _close_window(row: EnrolmentWindow, sent: Sent, by: Actor) -> Done:
    enrolment_policies.close_window(window_id=row.id, by=by)
    return Done("The window is closed.")


def _approve_fingerprint(row: None, sent: Sent, by: Actor) -> Done:
    enrolment_policies.approve_fingerprint(
        tenant_id=sent["tenant"].id,
        fingerprint=sent["fingerprint"],
        accounts=sent["accounts"],
        by=by,
        reason=sent["reason"],
        now=database_now(),
    )
    return Done(f"The key {sent['fingerprint'][:12]} is approved when it asks.")


def _withdraw_fingerprint(row: ApprovedFingerprint, sent: Sent, by: Actor) -> Done:
    enrolment_policies.withdraw_fingerprint(fingerprint_id=row.id, by=by)
    return Done("The fingerprint is approved no more.")


ACTIONS: Final = (
    Action(
        name="open_window",
        noun=EnrolmentWindow,
        makes=True,
        verb="Open a window",
        title="Open an enrolment window?",
        permission=WINDOWS,
        form=EnrolmentWindowForm,
        preview=lambda row: Preview.of(
            [],
            "While it is open, the first key of an account that asks is approved at once, by nobody.",
            "Keys of accounts that have, or had, an approved or rejected key wait at the desk as ever.",
        ),
        do=_open_window,
        mistakes=_THERE,
    ),
    Action(
        name="close_window",
        noun=EnrolmentWindow,
        verb="Close",
        title="Close this window?",
        permission=WINDOWS,
        obstacle=lambda row: unless(row.closed_at is None),
        preview=lambda row: Preview.of(
            [("Window", row), ("Keys approved", row.enrolled)],
            "It approves nothing any more.",
            "Keys that it has approved stay approved.",
        ),
        do=_close_window,
        late=_ENDED,
        harms=True,
    ),
    Action(
        name="approve_fingerprint",
        noun=ApprovedFingerprint,
        makes=True,
        verb="Approve a fingerprint",
        title="Approve a fingerprint beforehand?",
        permission=FINGERPRINTS,
        form=FingerprintForm,
        preview=lambda row: Preview.of(
            [],
            "The key with this fingerprint is approved when it asks for an account of the pattern.",
            "An account that belongs to nobody yet becomes the tenant's.",
            "A key that waits already is approved when it asks again; to approve it now, use the desk.",
        ),
        do=_approve_fingerprint,
        mistakes=_THERE,
    ),
    Action(
        name="withdraw_fingerprint",
        noun=ApprovedFingerprint,
        verb="Withdraw",
        title="Withdraw this fingerprint?",
        permission=FINGERPRINTS,
        obstacle=lambda row: unless(row.withdrawn_at is None),
        preview=lambda row: Preview.of(
            [("Fingerprint", row.fingerprint[:12]), ("Tenant", row.tenant)],
            "It approves nothing any more.",
            "A key that it has approved stays approved: revoke it by itself.",
        ),
        do=_withdraw_fingerprint,
        late=_ENDED,
        harms=True,
    ),
)
