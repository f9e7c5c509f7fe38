"""Who is connected: rows as the services leave them."""

# factory-boy declares in untyped calls
# mypy: disallow-untyped-calls=False

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from factory.django import DjangoModelFactory
from uuid_utils.compat import uuid7

from sessions_app.auth.account_session_key import key_fingerprint
from sessions_app.auth.hashing import hash_key
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import KeyState, Reason, SessionStatus
from sessions_app.domain.mailing import MessageKind, MessagePurpose
from sessions_app.domain.people import PersonAct
from sessions_app.models import (
    AccountGrant,
    AlertNotice,
    ApprovedFingerprint,
    AuthKey,
    BrokerAccount,
    BrowserSession,
    EaSession,
    EnrolmentWindow,
    GatewayProcess,
    InboundFrame,
    Invitation,
    MailPlan,
    MaintenanceNotice,
    MaintenanceWindow,
    ManagementRequest,
    ManagementToken,
    Member,
    OauthClient,
    OperatorAlert,
    OutboxMessage,
    Passkey,
    PendingRoom,
    PersonEvent,
    Preference,
    RecoveryCode,
    RequestTally,
    Role,
    SecondFactor,
    SessionEvent,
    SettingChange,
    SignIn,
    Tenant,
    TerminalProfile,
    TokenScope,
    VaultAct,
    VaultSecret,
    VaultUse,
)


def now() -> datetime:
    return timezone.now().astimezone(UTC)


def key_material(number: int = 0) -> str:
    """A well-formed key, the same for the same number."""
    return hashlib.sha256(f"key {number}".encode()).hexdigest()


def _own_material(number: int) -> str:
    """Of a key that a test does not name, so that it is none of those that it does."""
    return hashlib.sha256(f"a factory's key {number}".encode()).hexdigest()


def grant(user: User, *permissions: str) -> User:
    """Give a user named permissions, as `app.codename`; returns it afresh."""
    named = Permission.objects.filter(codename__in={name.partition(".")[2] for name in permissions})
    found = {f"{each.content_type.app_label}.{each.codename}": each for each in named.select_related("content_type")}
    user.user_permissions.add(*(found[name] for name in permissions))
    return User.objects.get(pk=user.pk)


def key_of(session: EaSession) -> AuthKey:
    """The key that a session rests on; those that rest on a grant have none."""
    assert session.key is not None
    return session.key


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}@example.com")
    email = factory.SelfAttribute("username")
    is_staff = True


class TenantFactory(DjangoModelFactory[Tenant]):
    class Meta:
        model = Tenant

    name = factory.Sequence(lambda n: f"Tenant {n}")
    created_at = factory.LazyFunction(now)


class MemberFactory(DjangoModelFactory[Member]):
    class Meta:
        model = Member

    tenant = factory.SubFactory(TenantFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OPERATOR
    created_at = factory.LazyFunction(now)


class BrokerAccountFactory(DjangoModelFactory[BrokerAccount]):
    class Meta:
        model = BrokerAccount

    tenant = factory.SubFactory(TenantFactory)
    claimed_as = factory.Sequence(lambda n: f"PaperMarkets-Demo:{1000 + n}")
    account_id = factory.LazyAttribute(lambda account: account.claimed_as.lower())
    created_at = factory.LazyFunction(now)


class AuthKeyFactory(DjangoModelFactory[AuthKey]):
    """A pending key; `AuthKeyFactory(approved=True)` for one in force. `material` is what its EA shows."""

    class Meta:
        model = AuthKey

    class Params:
        material = factory.Sequence(_own_material)
        approved = factory.Trait(
            state=KeyState.APPROVED, decided_at=factory.LazyFunction(now), decided_as="an operator"
        )

    account = factory.SubFactory(BrokerAccountFactory)
    fingerprint = factory.LazyAttribute(lambda key: key_fingerprint(key.material))
    code = factory.LazyAttribute(lambda key: token_digest(key.material)[:8])
    key_hash = factory.LazyAttribute(lambda key: hash_key(key.material))
    state = KeyState.PENDING
    requested_at = factory.LazyFunction(now)
    requested_from = "192.0.2.7"


class PendingRoomFactory(DjangoModelFactory[PendingRoom]):
    """The room of a key that waits, with nothing in it."""

    class Meta:
        model = PendingRoom

    key = factory.SubFactory(AuthKeyFactory)
    frames = 0


class EaSessionFactory(DjangoModelFactory[EaSession]):
    """A pending session that has just been heard of; `authenticated=True` and `closed=True` for the others."""

    class Meta:
        model = EaSession

    class Params:
        token = factory.Sequence(lambda n: f"token-{n}")
        authenticated = factory.Trait(
            state=SessionStatus.AUTHENTICATED,
            key=factory.SubFactory(AuthKeyFactory, account=factory.SelfAttribute("..account"), approved=True),
            authenticated_at=factory.LazyFunction(now),
            fence=1,
        )
        closed = factory.Trait(
            state=SessionStatus.CLOSED,
            closed_at=factory.LazyFunction(now),
            close_reason=Reason.SHUTDOWN_BY_EA,
        )

    account = factory.SubFactory(BrokerAccountFactory)
    key = factory.SubFactory(AuthKeyFactory, account=factory.SelfAttribute("..account"))
    auth_method = "account_session_key"
    state = SessionStatus.PENDING
    token_hash = factory.LazyAttribute(lambda session: token_digest(session.token))
    platform = "mt4"
    ea_version = "1.0"
    remote_address = "192.0.2.7"
    heartbeat_interval = 5
    heartbeat_timeout = 15
    created_at = factory.LazyFunction(now)
    last_heartbeat_at = factory.LazyFunction(now)
    deadline_at = factory.LazyAttribute(
        lambda session: session.created_at + timedelta(seconds=session.heartbeat_timeout)
    )


class SessionEventFactory(DjangoModelFactory[SessionEvent]):
    class Meta:
        model = SessionEvent

    session = factory.SubFactory(EaSessionFactory)
    account = factory.SelfAttribute("session.account")
    to_state = SessionStatus.PENDING
    reason = Reason.ASKED
    actor = "EA"
    at = factory.LazyFunction(now)


def _init_request() -> dict[str, Any]:
    symbol = {"name": "EURUSD", "digits": 5, "lots_min": "0.01", "lots_step": "0.01", "lots_max": "100"}
    return {"currency": "USD", "margin_mode": "hedging", "symbols": [symbol | {"contract_size": "100000"}]}


class TerminalProfileFactory(DjangoModelFactory[TerminalProfile]):
    class Meta:
        model = TerminalProfile

    session = factory.SubFactory(EaSessionFactory)
    account = factory.SelfAttribute("session.account")
    digest = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).digest())
    content = factory.LazyFunction(_init_request)
    created_at = factory.LazyFunction(now)


class InboundFrameFactory(DjangoModelFactory[InboundFrame]):
    class Meta:
        model = InboundFrame

    session = factory.SubFactory(EaSessionFactory)
    account = factory.SelfAttribute("session.account")
    frame_id = factory.LazyFunction(uuid7)
    seq = factory.Sequence(lambda n: n + 1)
    kind = "OrderIntent"
    digest = b"\x00" * 32
    received_at = factory.LazyFunction(now)


class GatewayProcessFactory(DjangoModelFactory[GatewayProcess]):
    class Meta:
        model = GatewayProcess

    host = "gateway-1"
    pid = factory.Sequence(lambda n: 1000 + n)
    started_at = factory.LazyFunction(now)
    lease_until = factory.LazyFunction(lambda: now() + timedelta(seconds=15))


class OperatorAlertFactory(DjangoModelFactory[OperatorAlert]):
    class Meta:
        model = OperatorAlert

    code = AlertCode.POISONED_FRAME
    account = factory.SubFactory(BrokerAccountFactory)
    subject = factory.LazyAttribute(lambda alert: str(alert.account.pk))
    text = "An OrderIntent could not be stored"
    first_at = factory.LazyFunction(now)
    at = factory.LazyFunction(now)


class MailPlanFactory(DjangoModelFactory[MailPlan]):
    class Meta:
        model = MailPlan

    user = factory.SubFactory(UserFactory)
    tenant = factory.SubFactory(TenantFactory)
    changed_at = factory.LazyFunction(now)


class PreferenceFactory(DjangoModelFactory[Preference]):
    class Meta:
        model = Preference

    user = factory.SubFactory(UserFactory)
    changed_at = factory.LazyFunction(now)


class OutboxMessageFactory(DjangoModelFactory[OutboxMessage]):
    class Meta:
        model = OutboxMessage

    kind = MessageKind.EMAIL
    purpose = MessagePurpose.ALERTS
    user = factory.SubFactory(UserFactory)
    due_at = factory.LazyFunction(now)
    created_at = factory.LazyFunction(now)


class AlertNoticeFactory(DjangoModelFactory[AlertNotice]):
    class Meta:
        model = AlertNotice

    alert = factory.SubFactory(OperatorAlertFactory)
    user = factory.SubFactory(UserFactory)
    tenant = factory.LazyAttribute(lambda notice: notice.alert.account.tenant)
    due_at = factory.LazyFunction(now)
    created_at = factory.LazyFunction(now)


class SettingChangeFactory(DjangoModelFactory[SettingChange]):
    class Meta:
        model = SettingChange

    tenant = factory.SubFactory(TenantFactory)
    name = "mass_close_gate"
    after = 3
    actor = "olga"
    reason = "because"
    at = factory.LazyFunction(now)


class AccountGrantFactory(DjangoModelFactory[AccountGrant]):
    class Meta:
        model = AccountGrant

    account = factory.SubFactory(BrokerAccountFactory)
    method = "oauth_client_credentials"
    subject = factory.Sequence(lambda n: f"client-{n}")
    decided_at = factory.LazyFunction(now)
    decided_as = "an operator"


class OauthClientFactory(DjangoModelFactory[OauthClient]):
    """A client of the external issuer; `oauth_clients.register` makes those of our own endpoint."""

    class Meta:
        model = OauthClient

    tenant = factory.SubFactory(TenantFactory)
    client_id = factory.Sequence(lambda n: f"client-{n}")
    created_at = factory.LazyFunction(now)
    created_as = "an operator"


class EnrolmentWindowFactory(DjangoModelFactory[EnrolmentWindow]):
    """Open since a minute ago, for an hour."""

    class Meta:
        model = EnrolmentWindow

    tenant = factory.SubFactory(TenantFactory)
    opens_at = factory.LazyFunction(lambda: now() - timedelta(minutes=1))
    closes_at = factory.LazyFunction(lambda: now() + timedelta(hours=1))
    reason = "roll-out"
    created_at = factory.LazyFunction(now)
    created_as = "an operator"


class ApprovedFingerprintFactory(DjangoModelFactory[ApprovedFingerprint]):
    class Meta:
        model = ApprovedFingerprint

    class Params:
        material = factory.Sequence(_own_material)

    tenant = factory.SubFactory(TenantFactory)
    fingerprint = factory.LazyAttribute(lambda row: token_digest(row.material))
    reason = "told by its owner"
    created_at = factory.LazyFunction(now)
    created_as = "an operator"


class RequestTallyFactory(DjangoModelFactory[RequestTally]):
    class Meta:
        model = RequestTally

    scope = factory.Sequence(lambda n: f"unknown key from 192.0.2.{n}")
    started_at = factory.LazyFunction(now)
    count = 1


class SignInFactory(DjangoModelFactory[SignIn]):
    class Meta:
        model = SignIn

    name = "olga"
    address = "192.0.2.7"
    succeeded = True
    at = factory.LazyFunction(now)


class BrowserSessionFactory(DjangoModelFactory[BrowserSession]):
    class Meta:
        model = BrowserSession

    session_key = factory.Sequence(lambda n: f"session{n}")
    session_data = ""
    user = factory.SubFactory(UserFactory)
    address = "192.0.2.7"
    signed_in_at = factory.LazyFunction(now)
    expire_date = factory.LazyAttribute(lambda row: row.signed_in_at + timedelta(days=14))


class SecondFactorFactory(DjangoModelFactory[SecondFactor]):
    class Meta:
        model = SecondFactor

    user = factory.SubFactory(UserFactory)
    sealed = b""
    key_version = 1
    created_at = factory.LazyFunction(now)


class PasskeyFactory(DjangoModelFactory[Passkey]):
    class Meta:
        model = Passkey

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"passkey {n}")
    credential_id = factory.Sequence(lambda n: f"credential {n}".encode())
    credential = b""
    created_at = factory.LazyFunction(now)
    last_asked_at = factory.LazyAttribute(lambda row: row.created_at)


class RecoveryCodeFactory(DjangoModelFactory[RecoveryCode]):
    class Meta:
        model = RecoveryCode

    user = factory.SubFactory(UserFactory)
    digest = factory.Sequence(lambda n: hashlib.sha256(f"recovery code {n}".encode()).hexdigest())


class PersonEventFactory(DjangoModelFactory[PersonEvent]):
    class Meta:
        model = PersonEvent

    person = "olga"
    act = PersonAct.PASSWORD_CHANGED
    actor = "olga"
    address = "192.0.2.7"
    at = factory.LazyFunction(now)


class ManagementTokenFactory(DjangoModelFactory[ManagementToken]):
    """A token of a tenant; `token` is what its program shows."""

    class Meta:
        model = ManagementToken

    class Params:
        token = factory.Sequence(lambda n: f"eagm_{n}")

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"program-{n}")
    digest = factory.LazyAttribute(lambda row: hashlib.sha256(row.token.encode()).hexdigest())
    scope = TokenScope.READ
    created_as = "olga"
    created_at = factory.LazyFunction(now)
    expires_at = factory.LazyAttribute(lambda row: row.created_at + timedelta(days=7))


class ManagementRequestFactory(DjangoModelFactory[ManagementRequest]):
    class Meta:
        model = ManagementRequest

    token = factory.SubFactory(ManagementTokenFactory)
    key = factory.Sequence(lambda n: f"request-{n}")
    digest = ""
    at = factory.LazyFunction(now)


class InvitationFactory(DjangoModelFactory[Invitation]):
    class Meta:
        model = Invitation

    tenant = factory.SubFactory(TenantFactory)
    email = factory.Sequence(lambda n: f"invited{n}@example.com")
    role = Role.VIEWER
    digest = factory.Sequence(lambda n: hashlib.sha256(f"invitation {n}".encode()).hexdigest())
    invited_as = "olga"
    created_at = factory.LazyFunction(now)
    expires_at = factory.LazyAttribute(lambda row: row.created_at + timedelta(days=7))


class VaultSecretFactory(DjangoModelFactory[VaultSecret]):
    class Meta:
        model = VaultSecret

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"secret-{n}")
    version = 1
    sealed = b""
    key_version = 1
    created_at = factory.LazyFunction(now)
    changed_at = factory.LazyFunction(now)
    changed_as = "olga"


class VaultUseFactory(DjangoModelFactory[VaultUse]):
    class Meta:
        model = VaultUse

    tenant = factory.SubFactory(TenantFactory)
    name = "secret"
    version = 1
    act = VaultAct.STORED
    actor = "olga"
    purpose = "because"
    at = factory.LazyFunction(now)


class MaintenanceWindowFactory(DjangoModelFactory[MaintenanceWindow]):
    """A window over all accounts that lasts now."""

    class Meta:
        model = MaintenanceWindow

    reason = "new disks"
    starts_at = factory.LazyFunction(lambda: now() - timedelta(minutes=1))
    ends_at = factory.LazyFunction(lambda: now() + timedelta(minutes=10))
    reconnect_after_seconds = 60
    announced_at = factory.LazyFunction(now)
    announced_as = "olga"


class MaintenanceNoticeFactory(DjangoModelFactory[MaintenanceNotice]):
    class Meta:
        model = MaintenanceNotice

    window = factory.SubFactory(MaintenanceWindowFactory)
    session = factory.SubFactory(EaSessionFactory)
    told_at = factory.LazyFunction(now)
