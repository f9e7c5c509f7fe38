"""What the admin site shows of the tables: one ModelAdmin per file."""

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model

from backoffice.admin.accounts import BrokerAccountAdmin
from backoffice.admin.alerts import OperatorAlertAdmin
from backoffice.admin.commands import CommandAdmin
from backoffice.admin.copies import CopyAdmin
from backoffice.admin.decisions import DecisionAdmin
from backoffice.admin.difference_events import DifferenceEventAdmin
from backoffice.admin.differences import DifferenceAdmin
from backoffice.admin.fill_waits import FillWaitAdmin
from backoffice.admin.fingerprints import ApprovedFingerprintAdmin
from backoffice.admin.follower_quotes import FollowerQuoteAdmin
from backoffice.admin.grants import AccountGrantAdmin
from backoffice.admin.intents import IntentAdmin
from backoffice.admin.keys import AuthKeyAdmin
from backoffice.admin.maintenance_notices import MaintenanceNoticeAdmin
from backoffice.admin.maintenance_windows import MaintenanceWindowAdmin
from backoffice.admin.members import MemberAdmin
from backoffice.admin.oauth_clients import OauthClientAdmin
from backoffice.admin.reports import ReportAdmin
from backoffice.admin.session_events import SessionEventAdmin
from backoffice.admin.sessions import EaSessionAdmin
from backoffice.admin.snapshots import SnapshotAdmin
from backoffice.admin.strategies import StrategyAdmin
from backoffice.admin.subscription_events import SubscriptionEventAdmin
from backoffice.admin.subscriptions import SubscriptionAdmin
from backoffice.admin.tenants import TenantAdmin
from backoffice.admin.windows import EnrolmentWindowAdmin
from orders.models import (
    Command,
    Copy,
    Decision,
    Difference,
    DifferenceEvent,
    FillWait,
    FollowerQuote,
    Intent,
    Report,
    Snapshot,
    Strategy,
    Subscription,
    SubscriptionEvent,
)
from sessions_app.models import (
    AccountGrant,
    ApprovedFingerprint,
    AuthKey,
    BrokerAccount,
    EaSession,
    EnrolmentWindow,
    MaintenanceNotice,
    MaintenanceWindow,
    Member,
    OauthClient,
    OperatorAlert,
    SessionEvent,
    Tenant,
)

# Staff and their permissions are edited here; everything else is only read.
_ADMINS: "dict[type[Model], type[ModelAdmin[Any]]]" = {
    User: UserAdmin,
    Group: GroupAdmin,
    Tenant: TenantAdmin,
    Member: MemberAdmin,
    BrokerAccount: BrokerAccountAdmin,
    AuthKey: AuthKeyAdmin,
    EaSession: EaSessionAdmin,
    SessionEvent: SessionEventAdmin,
    OperatorAlert: OperatorAlertAdmin,
    AccountGrant: AccountGrantAdmin,
    ApprovedFingerprint: ApprovedFingerprintAdmin,
    EnrolmentWindow: EnrolmentWindowAdmin,
    OauthClient: OauthClientAdmin,
    MaintenanceWindow: MaintenanceWindowAdmin,
    MaintenanceNotice: MaintenanceNoticeAdmin,
    Strategy: StrategyAdmin,
    Subscription: SubscriptionAdmin,
    SubscriptionEvent: SubscriptionEventAdmin,
    Intent: IntentAdmin,
    Decision: DecisionAdmin,
    Command: CommandAdmin,
    Copy: CopyAdmin,
    FillWait: FillWaitAdmin,
    FollowerQuote: FollowerQuoteAdmin,
    Report: ReportAdmin,
    Snapshot: SnapshotAdmin,
    Difference: DifferenceAdmin,
    DifferenceEvent: DifferenceEventAdmin,
}


def register_all(site: AdminSite) -> None:
    """Put every table on the site, once."""
    for model, admin_class in _ADMINS.items():
        if not site.is_registered(model):
            site.register(model, admin_class)
