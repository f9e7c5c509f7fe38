"""The staff's groups in the database, as the policy's table has them."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from backoffice.policy import StaffGroup, permissions_of


def keep_groups() -> dict[StaffGroup, int]:
    """Bring each group to what the table says; how many permissions each has. Other groups stay as they are.

    :raises LookupError: the table names a permission that the database does not have
    """
    with transaction.atomic():
        known = {f"{app}.{code}": pk for app, code, pk in Permission.objects.values_list(*_COLUMNS)}
        return {group: _keep(group, known) for group in StaffGroup}


_COLUMNS = ("content_type__app_label", "codename", "id")


def _keep(group: StaffGroup, known: dict[str, int]) -> int:
    wanted = permissions_of(group)
    missing = sorted(wanted - known.keys())
    if missing:
        raise LookupError(f"there is no permission {missing[0]}: run the migrations first")
    row, _ = Group.objects.get_or_create(name=group.value)
    row.permissions.set(known[name] for name in wanted)
    return len(wanted)
