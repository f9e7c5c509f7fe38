"""What the admin site shows of the tables: one ModelAdmin per file."""

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model

from backoffice.staff.admin.accounts import BrokerAccountAdmin
from backoffice.staff.admin.alerts import OperatorAlertAdmin
from backoffice.staff.admin.commands import CommandAdmin
from backoffice.staff.admin.copies import CopyAdmin
from backoffice.staff.admin.decisions import DecisionAdmin
from backoffice.staff.admin.difference_events import DifferenceEventAdmin
from backoffice.staff.admin.differences import DifferenceAdmin
from backoffice.staff.admin.fill_waits import FillWaitAdmin
from backoffice.staff.admin.fingerprints import ApprovedFingerprintAdmin
from backoffice.staff.admin.follower_quotes import FollowerQuoteAdmin
from backoffice.staff.admin.grants import AccountGrantAdmin
from backoffice.staff.admin.intents import IntentAdmin
from backoffice.staff.admin.keys import AuthKeyAdmin
from backoffice.staff.admin.maintenance_notices import MaintenanceNoticeAdmin
from backoffice.staff.admin.maintenance_windows import MaintenanceWindowAdmin
from backoffice.staff.admin.members import MemberAdmin
from backoffice.staff.admin.oauth_clients import OauthClientAdmin
from backoffice.staff.admin.reports import ReportAdmin
from backoffice.staff.admin.session_events import SessionEventAdmin
from backoffice.staff.admin.sessions import EaSessionAdmin
from backoffice.staff.admin.snapshots import SnapshotAdmin
from backoffice.staff.admin.strategies import StrategyAdmin
from backoffice.staff.admin.subscription_events import SubscriptionEventAdmin
from backoffice.staff.admin.subscriptions import SubscriptionAdmin
from backoffice.staff.admin.tenants import TenantAdmin
from backoffice.staff.admin.windows import EnrolmentWindowAdmin
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
