"""Rows of one tenant: nothing in this room takes rows in any other way (a test of the source holds it)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from backoffice.terminals import Link
from orders.models import (
    Command,
    Copy,
    Decision,
    Difference,
    DifferenceEvent,
    Intent,
    Report,
    Strategy,
    Subscription,
    SubscriptionEvent,
    SubscriptionVersion,
)
from sessions_app.domain.lifecycle import LIVING
from sessions_app.models import (
    AuthKey,
    BrokerAccount,
    EaSession,
    Invitation,
    ManagementToken,
    Member,
    OperatorAlert,
    PersonEvent,
    SessionEvent,
    SettingChange,
    Tenant,
    VaultAct,
    VaultSecret,
    VaultUse,
)
from sessions_app.queries import awaits_decision, count_of, currencies


def memberships_of(user_id: int) -> list[Member]:
    """The tenants that a person belongs to, with his role in each, by name."""
    return list(Member.objects.select_related("tenant").filter(user_id=user_id).order_by("tenant__name"))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a tenant's members may see. Each method is all rows of a kind that are the tenant's, and no other."""

    tenant: Tenant

    def accounts(self) -> QuerySet[BrokerAccount]:
        return BrokerAccount.objects.filter(tenant=self.tenant)

    def keys(self) -> QuerySet[AuthKey]:
        return AuthKey.objects.filter(account__tenant=self.tenant)

    def sessions(self) -> QuerySet[EaSession]:
        return EaSession.objects.filter(account__tenant=self.tenant)

    def session_events(self) -> QuerySet[SessionEvent]:
        return SessionEvent.objects.filter(account__tenant=self.tenant)

    def setting_changes(self) -> QuerySet[SettingChange]:
        return SettingChange.objects.filter(tenant=self.tenant)

    def members(self) -> QuerySet[Member]:
        return Member.objects.filter(tenant=self.tenant)

    def invitations(self) -> QuerySet[Invitation]:
        return Invitation.objects.filter(tenant=self.tenant)

    def standing_invitations(self, now: datetime) -> QuerySet[Invitation]:
        return self.invitations().filter(ended_at=None, expires_at__gt=now).order_by("-created_at")

    def person_events(self) -> QuerySet[PersonEvent]:
        return PersonEvent.objects.filter(tenant=self.tenant)

    def management_tokens(self) -> QuerySet[ManagementToken]:
        return ManagementToken.objects.filter(tenant=self.tenant)

    def alerts(self) -> QuerySet[OperatorAlert]:
        """Of its accounts; what is about the gateway itself is nobody's."""
        return OperatorAlert.objects.filter(account__tenant=self.tenant)

    def secrets(self) -> QuerySet[VaultSecret]:
        return VaultSecret.objects.filter(tenant=self.tenant)

    def secrets_with_use(self) -> QuerySet[Any]:
        """Secrets with `last_used`, and without what is sealed: no page needs it."""
        used = VaultUse.objects.filter(tenant=self.tenant, name=OuterRef("name"), act=VaultAct.USED).order_by("-at")
        return self.secrets().defer("sealed").annotate(last_used=Subquery(used.values("at")[:1]))

    def vault_uses(self) -> QuerySet[VaultUse]:
        return VaultUse.objects.filter(tenant=self.tenant)

    def strategies(self) -> QuerySet[Strategy]:
        return Strategy.objects.filter(tenant=self.tenant)

    def subscriptions(self) -> QuerySet[Subscription]:
        return Subscription.objects.filter(strategy__tenant=self.tenant, follower__tenant=self.tenant)

    def subscription_events(self) -> QuerySet[SubscriptionEvent]:
        return SubscriptionEvent.objects.filter(subscription__follower__tenant=self.tenant)

    def versions(self) -> QuerySet[SubscriptionVersion]:
        return SubscriptionVersion.objects.filter(subscription__follower__tenant=self.tenant)

    def intents(self) -> QuerySet[Intent]:
        return Intent.objects.filter(account__tenant=self.tenant)

    def decisions(self) -> QuerySet[Decision]:
        return Decision.objects.filter(subscription__follower__tenant=self.tenant)

    def copies(self) -> QuerySet[Copy]:
        return Copy.objects.filter(account__tenant=self.tenant)

    def commands(self) -> QuerySet[Command]:
        return Command.objects.filter(account__tenant=self.tenant)

    def reports(self) -> QuerySet[Report]:
        return Report.objects.filter(account__tenant=self.tenant)

    def differences(self) -> QuerySet[Difference]:
        return Difference.objects.filter(account__tenant=self.tenant)

    def difference_events(self) -> QuerySet[DifferenceEvent]:
        return DifferenceEvent.objects.filter(difference__account__tenant=self.tenant)

    # What several pages ask -------------------------------------------------------------------------------------------

    def accounts_with_ends(self) -> QuerySet[Any]:
        """Accounts with `last_end`, when their newest session ended, and of all accounts together `waiting`, how many
        keys wait, and `standing`, how many alerts stand: counted once, where a count for each account took longer than
        the rest of its page."""
        of_account: Any = EaSession.objects.filter(account=OuterRef("id")).order_by("-created_at")
        waiting = count_of(self.keys().filter(awaits_decision()))
        standing = count_of(self.alerts().filter(acknowledged_at=None, resolved_at=None))
        ends = Subquery(of_account.values("closed_at")[:1])
        return self.accounts().annotate(last_end=ends, waiting=waiting, standing=standing)

    def currencies(self, account_ids: list[UUID]) -> dict[UUID, str]:
        """In what each of these accounts counts its money, where its EA has said it."""
        return currencies(self.accounts().filter(pk__in=account_ids)) if account_ids else {}

    def living(self, account_ids: list[UUID]) -> dict[UUID, EaSession]:
        """The living session of each of these accounts that has one, the authenticated one before one that waits."""
        rows = self._living().filter(account_id__in=account_ids).select_related("key")
        rows = rows.defer("environment", "hello", "status")
        return {row.account_id: row for row in rows}

    def links(self, account_ids: list[UUID] | None = None) -> dict[UUID, Link]:
        """Likewise of these, or of all accounts, what says whether their terminals are there."""
        rows = self._living() if account_ids is None else self._living().filter(account_id__in=account_ids)
        found = map(Link._make, rows.values_list(*Link._fields))
        return {link.account_id: link for link in found}

    def _living(self) -> QuerySet[EaSession]:
        return self.sessions().filter(state__in=LIVING).order_by("-state", "created_at")

    def lately_denied(self, codes: tuple[str, ...], since: datetime) -> QuerySet[Any]:
        """How often each follower was denied each symbol for one of these reasons, and when last: values."""
        rows = self.decisions().filter(code__in=codes, decided_at__gte=since)
        return rows.values(
            "subscription_id", "subscription__follower__claimed_as", "subscription__strategy__name", "intent__symbol",
            "code",
        )  # fmt: skip
