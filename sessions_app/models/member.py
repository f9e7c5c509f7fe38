from enum import StrEnum
from typing import Final

from django.conf import settings
from django.db import models

from sessions_app.models.fields import choice_field, id_field, one_of
from sessions_app.models.tenant import Tenant


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


ROLES: Final = (Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER)
"""From the least: each may what those before it may."""


class Member(models.Model):
    """A person's role in a tenant."""

    id = id_field()
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = choice_field(Role)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_role_per_member"),
            one_of("role", Role, name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"
