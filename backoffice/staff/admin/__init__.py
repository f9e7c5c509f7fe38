"""What the admin site shows of each table: one ModelAdmin per table, one module per group of nouns."""

from typing import Final

from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User

from backoffice.staff.admin import access, operations, people, reconciliation, sessions, subscriptions, tenants, trades
from backoffice.staff.read_only_admin import Tables

_READ: Final[Tables] = {
    **tenants.ADMINS,
    **access.ADMINS,
    **sessions.ADMINS,
    **operations.ADMINS,
    **subscriptions.ADMINS,
    **trades.ADMINS,
    **reconciliation.ADMINS,
}


def register_all(site: AdminSite) -> None:
    """Put every table on the site, once. Staff and their permissions are edited there; all else is only read."""
    if site.is_registered(User):
        return
    site.register(User, people.RecordedUserAdmin)
    site.register(Group, people.RecordedGroupAdmin)
    for model, admin_class in _READ.items():
        site.register(model, admin_class)
