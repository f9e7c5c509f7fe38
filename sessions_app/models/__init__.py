"""Who is connected: one table per file."""

import sessions_app.models.among  # noqa: F401 - registers its lookup
from sessions_app.models.account_grant import AccountGrant
from sessions_app.models.approved_fingerprint import ApprovedFingerprint
from sessions_app.models.auth_key import PROVISIONED, AuthKey
from sessions_app.models.broker_account import BrokerAccount
from sessions_app.models.browser_session import BrowserSession
from sessions_app.models.ea_session import EaSession
from sessions_app.models.enrolment_window import EnrolmentWindow
from sessions_app.models.gateway_process import GatewayProcess
from sessions_app.models.inbound_frame import InboundFrame
from sessions_app.models.invitation import Invitation
from sessions_app.models.mail_plan import MailPlan
from sessions_app.models.maintenance_window import MaintenanceNotice, MaintenanceWindow
from sessions_app.models.management_request import ManagementRequest
from sessions_app.models.management_token import ManagementToken, TokenScope
from sessions_app.models.member import ROLES, Member, Role
from sessions_app.models.oauth_client import OauthClient
from sessions_app.models.operator_alert import OperatorAlert
from sessions_app.models.outbox import AlertNotice, OutboxMessage
from sessions_app.models.passkey import Passkey
from sessions_app.models.pending_room import PendingRoom
from sessions_app.models.person_event import PersonEvent
from sessions_app.models.preference import Preference
from sessions_app.models.request_tally import RequestTally
from sessions_app.models.second_factor import RecoveryCode, SecondFactor
from sessions_app.models.session_event import SessionEvent
from sessions_app.models.setting_change import SettingChange
from sessions_app.models.sign_in import SignIn
from sessions_app.models.tenant import Tenant
from sessions_app.models.terminal_profile import TerminalProfile
from sessions_app.models.vault_secret import VaultAct, VaultSecret, VaultUse

__all__ = [
    "PROVISIONED",
    "ROLES",
    "AccountGrant",
    "AlertNotice",
    "ApprovedFingerprint",
    "AuthKey",
    "BrokerAccount",
    "BrowserSession",
    "EaSession",
    "EnrolmentWindow",
    "GatewayProcess",
    "InboundFrame",
    "Invitation",
    "MailPlan",
    "MaintenanceNotice",
    "MaintenanceWindow",
    "ManagementRequest",
    "ManagementToken",
    "Member",
    "OauthClient",
    "OperatorAlert",
    "OutboxMessage",
    "Passkey",
    "PendingRoom",
    "PersonEvent",
    "Preference",
    "RecoveryCode",
    "RequestTally",
    "Role",
    "SecondFactor",
    "SessionEvent",
    "SettingChange",
    "SignIn",
    "Tenant",
    "TerminalProfile",
    "TokenScope",
    "VaultAct",
    "VaultSecret",
    "VaultUse",
]
