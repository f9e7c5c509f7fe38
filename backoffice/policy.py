"""Who may open what: one table of every route, from which staff groups, menus, docs and the walk of the tests come.

A route that is not in `ROUTES` fails the walk; a page of tenants opens for nobody without its row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice import permissions
from sessions_app.models import ROLES as _ROLES
from sessions_app.models import Role


class StaffGroup(StrEnum):
    """Groups of the staff, from the least: each may what those before it may."""

    VIEWER = "Viewer"
    APPROVER = "Approver"
    OPERATOR = "Operator"
    ADMINISTRATOR = "Administrator"


ROLES: Final = _ROLES
"""Roles in a tenant, from the least: each may what those before it may."""


# Doors ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Anyone:
    """Open to all."""


@dataclass(frozen=True, slots=True)
class Token:
    """Programs and EAs, by what they show. No person's log-in opens it."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Everybody who is signed in."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Staff with one of these permissions; without any named, all staff."""

    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nobody:
    """An address that Django's admin has and we do not use: refused to all, superusers too."""


@dataclass(frozen=True, slots=True)
class Members:
    """Members of the tenant in the address, from this role on. To all others the tenant does not exist."""

    least: Role


@dataclass(frozen=True, slots=True)
class Managing:
    """Management tokens, from the scope of these roles on: to read, and to write; None: there is no such method.

    A token opens rows of its own tenant alone: its addresses name no tenant.
    """

    reads: Role | None
    writes: Role | None = None


Door = Anyone | Token | SignedIn | Staff | Nobody | Members | Managing


@dataclass(frozen=True, slots=True)
class Route:
    """One row: what the route shows, as its entry in a menu if `menu` says so, and who may open it."""

    door: Door
    title: str = ""
    menu: bool = False


# Staff ---------------------------------------------------------------------------------------------------------------

TABLES: Final = (
    "orders.command", "orders.copy", "orders.decision", "orders.difference", "orders.differenceevent",
    "orders.fillwait", "orders.followerquote", "orders.intent", "orders.report", "orders.snapshot", "orders.strategy",
    "orders.subscription", "orders.subscriptionevent", "sessions_app.accountgrant", "sessions_app.approvedfingerprint",
    "sessions_app.authkey", "sessions_app.brokeraccount", "sessions_app.easession", "sessions_app.enrolmentwindow",
    "sessions_app.maintenancenotice", "sessions_app.maintenancewindow", "sessions_app.managementtoken",
    "sessions_app.member", "sessions_app.oauthclient", "sessions_app.operatoralert", "sessions_app.personevent",
    "sessions_app.sessionevent", "sessions_app.settingchange", "sessions_app.signin", "sessions_app.tenant",
    "sessions_app.vaultsecret", "sessions_app.vaultuse",
)  # fmt: skip
"""Tables that the admin shows, and nobody changes there."""

ACTS: Final[Mapping[str, StaffGroup]] = {
    permissions.DECIDE: StaffGroup.APPROVER,
    permissions.REVOKE: StaffGroup.APPROVER,
    permissions.SHARE: StaffGroup.APPROVER,
    permissions.FINGERPRINTS: StaffGroup.APPROVER,
    permissions.WINDOWS: StaffGroup.APPROVER,
    permissions.SUSPEND: StaffGroup.OPERATOR,
    permissions.END_SESSION: StaffGroup.OPERATOR,
    permissions.DECIDE_DIFFERENCE: StaffGroup.OPERATOR,
    permissions.ANNOUNCE: StaffGroup.OPERATOR,
    permissions.ACKNOWLEDGE: StaffGroup.OPERATOR,
    permissions.CHANGE_STATE: StaffGroup.OPERATOR,
    permissions.LIFT_TOMBSTONE: StaffGroup.OPERATOR,
    permissions.GRANTS: StaffGroup.ADMINISTRATOR,
    permissions.CLIENTS: StaffGroup.ADMINISTRATOR,
    permissions.TOKENS: StaffGroup.ADMINISTRATOR,
    permissions.SUSPEND_TENANT: StaffGroup.ADMINISTRATOR,
}
"""The least group of each act. Users and their groups are in none: whoever edits users can make himself anything, so
that is left to superusers."""


def _view(table: str) -> str:
    app, _, model = table.partition(".")
    return f"{app}.view_{model}"


def permissions_of(group: StaffGroup) -> frozenset[str]:
    """What a group may, as `app.codename`."""
    order = list(StaffGroup)
    acts = {name for name, least in ACTS.items() if order.index(group) >= order.index(least)}
    return frozenset({_view(table) for table in TABLES} | acts)


def _admin_of(table: str) -> Iterator[tuple[str, Route]]:
    """The addresses that Django's admin has for a table."""
    name, sees = f"admin:{table.replace('.', '_')}", Route(Staff((_view(table),)))
    yield f"{name}_changelist", sees
    yield f"{name}_change", sees
    yield f"{name}_history", sees
    yield f"{name}_add", Route(Nobody())
    yield f"{name}_delete", Route(Nobody())
    yield f"admin/{table.replace('.', '/')}/<path:object_id>/", Route(Staff())  # leads to the row's page


def _admin_of_people(model: str) -> Iterator[tuple[str, Route]]:
    """Users and groups are edited there."""
    name, may = f"admin:auth_{model}", f"auth.{{}}_{model}"
    yield f"{name}_changelist", Route(Staff((may.format("view"), may.format("change"))))
    yield f"{name}_change", Route(Staff((may.format("view"), may.format("change"))))
    yield f"{name}_history", Route(Staff((may.format("view"), may.format("change"))))
    yield f"{name}_add", Route(Staff((may.format("add"),)))
    yield f"{name}_delete", Route(Staff((may.format("delete"),)))
    yield f"admin/auth/{model}/<path:object_id>/", Route(Staff())


def _acts(permission: str, *names: str) -> Iterator[tuple[str, Route]]:
    """Pages of acts: each has the permission of its act."""
    for name in names:
        yield f"admin:{name}", Route(Staff((permission,)))


_STAFF: Final[Mapping[str, Route]] = {
    "admin:index": Route(Staff()),
    "admin:app_list": Route(Staff()),
    "admin:autocomplete": Route(Nobody()),  # no form of ours asks it
    "admin:jsi18n": Route(Staff()),
    "admin:login": Route(Anyone()),
    "admin:logout": Route(Anyone()),
    "admin:password_change": Route(Staff()),
    "admin:password_change_done": Route(Staff()),
    "admin:auth_user_password_change": Route(Staff(("auth.change_user",))),
    "admin:view_on_site": Route(Staff()),
    "admin/(?P<url>.*)$": Route(Staff()),  # every other address below /admin/: not found
    "admin:monitoring": Route(Staff((permissions.SEE_SESSIONS,)), "Monitoring"),
    "admin:monitoring_numbers": Route(Staff((permissions.SEE_SESSIONS,))),
    "admin:approvals": Route(Staff((permissions.SEE_KEYS, permissions.DECIDE)), "Approvals"),
    "admin:maintenance": Route(Staff((permissions.ANNOUNCE,)), "Maintenance"),
    "admin:audit": Route(Staff(permissions.SEE_ACTS), "Audit"),
    "admin:audit_export": Route(Staff(permissions.SEE_ACTS)),
    **dict(_acts(permissions.DECIDE, "approve_key", "reject_key", "reject_keys")),
    **dict(_acts(permissions.REVOKE, "revoke_key", "retire_key")),
    **dict(_acts(permissions.SHARE, "share_key")),
    **dict(_acts(permissions.FINGERPRINTS, "approve_fingerprint", "withdraw_fingerprint")),
    **dict(_acts(permissions.WINDOWS, "open_window", "close_window")),
    **dict(_acts(permissions.SUSPEND, "suspend_account", "lift_suspension")),
    **dict(_acts(permissions.END_SESSION, "end_session")),
    **dict(_acts(permissions.DECIDE_DIFFERENCE, "accept_difference", "let_go_held", "keep_held", "ask_snapshot")),
    **dict(_acts(permissions.ANNOUNCE, "announce_maintenance", "cancel_maintenance")),
    **dict(_acts(permissions.ACKNOWLEDGE, "acknowledge_alert")),
    **dict(_acts(permissions.CHANGE_STATE, "resume_subscription", "pause_subscription", "switch_off_subscription")),
    **dict(_acts(permissions.LIFT_TOMBSTONE, "lift_tombstone")),
    **dict(_acts(permissions.GRANTS, "withdraw_grant", "grant_account")),
    **dict(_acts(permissions.CLIENTS, "register_client", "renew_secret", "revoke_client")),
    **dict(_acts(permissions.TOKENS, "make_token", "revoke_token")),
    **dict(_acts(permissions.SUSPEND_TENANT, "suspend_tenant", "lift_tenant")),
    **{name: row for table in TABLES for name, row in _admin_of(table)},
    **{name: row for model in ("user", "group") for name, row in _admin_of_people(model)},
}

# Programs, and everybody ---------------------------------------------------------------------------------------------

_PROGRAMS: Final[Mapping[str, Route]] = {
    "healthz": Route(Anyone()),
    "readyz": Route(Anyone()),
    "openapi": Route(Anyone()),
    "asyncapi": Route(Anyone()),
    "frames": Route(Anyone()),
    "docs": Route(Anyone()),
    "nothing": Route(Token()),  # every other address below /ea-gateway/v1/: not found
    "sessions": Route(Token()),
    "session": Route(Token()),
    "events": Route(Token()),
    "commands": Route(Token()),
    "reports": Route(Token()),
    "oauth_token": Route(Token()),
    "ea-gateway/v1/stream": Route(Token()),
    "ea-gateway/v1/sessions/<uuid:session_id>/exchange": Route(Token()),
}

# Tenants -------------------------------------------------------------------------------------------------------------

_VIEWERS, _OPERATORS, _ADMINS, _OWNERS = (Members(role) for role in ROLES)
_TENANTS: Final[Mapping[str, Route]] = {
    "home": Route(Anyone()),  # leads to where one may go
    "sign_in": Route(Anyone()),
    "sign_in_code": Route(Anyone()),  # knows only whom it has asked for a password
    "sign_in_passkey": Route(Anyone()),
    "sign_out": Route(Anyone()),
    "password_reset": Route(Anyone()),
    "password_reset_sent": Route(Anyone()),
    "password_reset_confirm": Route(Anyone()),  # its link is a secret
    "invitation": Route(Anyone()),  # likewise
    "profile:me": Route(SignedIn()),
    "profile:preferences": Route(SignedIn()),
    "profile:password": Route(SignedIn()),
    "profile:second_factor": Route(SignedIn()),
    "profile:codes": Route(SignedIn()),
    "profile:remove_factor": Route(SignedIn()),
    "profile:add_passkey": Route(SignedIn()),
    "profile:remove_passkey": Route(SignedIn()),  # one's own
    "profile:end_session": Route(SignedIn()),  # of oneself
    "profile:end_others": Route(SignedIn()),
    "profile:alerts": Route(SignedIn()),
    "profile:test_mail": Route(SignedIn()),  # to oneself
    "tenants:mine": Route(SignedIn()),
    "tenants:health": Route(_VIEWERS, "Health", menu=True),
    "tenants:trades": Route(_VIEWERS, "Trades", menu=True),
    "tenants:trade": Route(_VIEWERS, "Trade"),
    "tenants:strategies": Route(_VIEWERS, "Strategies", menu=True),
    "tenants:strategy": Route(_VIEWERS, "Strategy"),
    "tenants:subscriptions": Route(_VIEWERS, "Subscriptions", menu=True),
    "tenants:subscription": Route(_VIEWERS, "Subscription"),
    "tenants:subscribe": Route(_ADMINS, "Make a subscription"),
    "tenants:edit_subscription": Route(_ADMINS, "Change a subscription"),
    "tenants:versions": Route(_VIEWERS, "Versions of a subscription"),
    "tenants:pause": Route(_OPERATORS, "Pause a subscription"),
    "tenants:resume": Route(_OPERATORS, "Resume a subscription"),
    "tenants:accounts": Route(_VIEWERS, "Accounts and keys", menu=True),
    "tenants:account": Route(_VIEWERS, "Account"),
    "tenants:register_account": Route(_ADMINS, "Register an account"),
    "tenants:share_key": Route(_ADMINS, "Share a key"),
    "tenants:approve_key": Route(_ADMINS, "Approve a key"),
    "tenants:reject_key": Route(_ADMINS, "Reject a key"),
    "tenants:revoke_key": Route(_ADMINS, "Revoke a key"),
    "tenants:mappings": Route(_VIEWERS, "Missing mappings", menu=True),
    "tenants:alerts": Route(_VIEWERS, "Alerts", menu=True),
    "tenants:alert_mails": Route(_VIEWERS, "Alerts by mail"),
    "tenants:members": Route(_VIEWERS, "Members", menu=True),
    "tenants:invite": Route(_OWNERS, "Invite a member"),
    "tenants:withdraw_invitation": Route(_OWNERS, "Withdraw an invitation"),
    "tenants:configuration": Route(_VIEWERS, "Configuration", menu=True),
    "tenants:configure_tenant": Route(_ADMINS, "Change the configuration"),
    "tenants:configure_account": Route(_ADMINS, "Change the configuration of an account"),
    "tenants:change_role": Route(_OWNERS, "Change a member's role"),
    "tenants:remove_member": Route(_OWNERS, "Remove a member"),
    "tenants:tokens": Route(_ADMINS, "Management tokens", menu=True),
    "tenants:make_token": Route(_ADMINS, "Make a management token"),
    "tenants:revoke_token": Route(_ADMINS, "Revoke a management token"),
    "tenants:vault": Route(_ADMINS, "Vault", menu=True),
    "tenants:store_secret": Route(_ADMINS, "Put a secret into the vault"),
    "tenants:replace_secret": Route(_ADMINS, "Replace a secret"),
    "tenants:remove_secret": Route(_ADMINS, "Remove a secret"),
    "tenants:audit": Route(_OPERATORS, "Audit log", menu=True),
    "tenants:exports": Route(_OPERATORS, "Exports", menu=True),
    "tenants:export": Route(_OPERATORS, "Export"),
}

# The management API: what a role opens on a page, a token of its scope opens here -------------------------------------

_READ: Final = Managing(Role.VIEWER)
_MANAGING: Final[Mapping[str, Route]] = {
    "manage:me": Route(_READ),
    "manage:health": Route(_READ),
    "manage:accounts": Route(Managing(Role.VIEWER, Role.ADMIN)),
    "manage:account": Route(_READ),
    "manage:keys": Route(Managing(Role.VIEWER, Role.ADMIN)),
    "manage:approve_key": Route(Managing(None, Role.ADMIN)),
    "manage:reject_key": Route(Managing(None, Role.ADMIN)),
    "manage:revoke_key": Route(Managing(None, Role.ADMIN)),
    "manage:strategies": Route(_READ),
    "manage:strategy": Route(_READ),
    "manage:subscriptions": Route(Managing(Role.VIEWER, Role.ADMIN)),
    "manage:preview": Route(Managing(None, Role.ADMIN)),
    "manage:subscription": Route(_READ),
    "manage:settings": Route(Managing(Role.VIEWER, Role.ADMIN)),
    "manage:preview_settings": Route(Managing(None, Role.ADMIN)),
    "manage:versions": Route(_READ),
    "manage:restore": Route(Managing(None, Role.ADMIN)),
    "manage:pause": Route(Managing(None, Role.OPERATOR)),
    "manage:resume": Route(Managing(None, Role.OPERATOR)),
    "manage:trades": Route(_READ),
    "manage:trade": Route(_READ),
    "manage:copies": Route(_READ),
    "manage:alerts": Route(_READ),
    "manage:acknowledge": Route(Managing(None, Role.OPERATOR)),
    "manage:members": Route(_READ),
    "manage:member": Route(Managing(Role.VIEWER, Role.OWNER)),
    "manage:audit": Route(Managing(Role.OPERATOR)),
}

ROUTES: Final[Mapping[str, Route]] = {**_PROGRAMS, **_STAFF, **_TENANTS, **_MANAGING}


def may_as(role: Role, least: Role) -> bool:
    """Whether a role reaches the least one."""
    return ROLES.index(role) >= ROLES.index(least)
