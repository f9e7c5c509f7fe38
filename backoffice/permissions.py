"""Named permissions of the pages that are no ModelAdmin: AdminSite.admin_view only asks for active staff."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

DECIDE: Final = "sessions_app.decide_authkey"
REVOKE: Final = "sessions_app.revoke_authkey"
SHARE: Final = "sessions_app.share_authkey"
GRANTS: Final = "sessions_app.decide_accountgrant"
CLIENTS: Final = "sessions_app.decide_oauthclient"
WINDOWS: Final = "sessions_app.decide_enrolmentwindow"
FINGERPRINTS: Final = "sessions_app.decide_approvedfingerprint"
SUSPEND: Final = "sessions_app.suspend_brokeraccount"
END_SESSION: Final = "sessions_app.end_easession"
SEE_KEYS: Final = "sessions_app.view_authkey"
SEE_SESSIONS: Final = "sessions_app.view_easession"
DECIDE_DIFFERENCE: Final = "orders.decide_difference"
ANNOUNCE: Final = "sessions_app.announce_maintenancewindow"
ACKNOWLEDGE: Final = "sessions_app.acknowledge_operatoralert"
CHANGE_STATE: Final = "orders.change_state_subscription"
TOKENS: Final = "sessions_app.decide_managementtoken"
SUSPEND_TENANT: Final = "sessions_app.suspend_tenant"
LIFT_TOMBSTONE: Final = "orders.lift_tombstone_copy"
SEE_ACTS: Final = (
    "sessions_app.view_sessionevent", "orders.view_subscriptionevent", "orders.view_subscription",
    "sessions_app.view_settingchange", "orders.view_differenceevent", "sessions_app.view_personevent",
    "sessions_app.view_vaultuse",
)  # fmt: skip
"""Each opens the page of acts with those of its table."""

View = Callable[..., HttpResponseBase]


def may(request: HttpRequest, *permissions: str) -> bool:
    """Whether the person has one of these permissions, or more."""
    return any(request.user.has_perm(permission) for permission in permissions)


def requires(*permissions: str) -> Callable[[View], View]:
    """Answer 403 to everyone who has none of these permissions, whatever the method."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request, *permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return decorate
