"""What people do with log-ins, and with what has no history of its own: the words of the record that is kept of it."""

from enum import StrEnum
from typing import Final

EA: Final = "EA"
GATEWAY: Final = "gateway"
"""What histories call those that are no people."""


class PersonAct(StrEnum):
    SECOND_FACTOR_SET_UP = "second_factor_set_up"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RECOVERY_CODE_USED = "recovery_code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    SESSIONS_ENDED = "sessions_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - likewise
    PASSWORD_RESET = "password_reset"  # noqa: S105 - likewise
    INVITED = "invited"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    INVITATION_ACCEPTED = "invitation_accepted"
    ROLE_CHANGED = "role_changed"
    MEMBER_REMOVED = "member_removed"
    TOKEN_MADE = "token_made"  # noqa: S105 - likewise
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - likewise
    TENANT_SUSPENDED = "tenant_suspended"
    TENANT_SUSPENSION_LIFTED = "tenant_suspension_lifted"
    MEMBER_ADDED = "member_added"
    LOG_IN_MADE = "log_in_made"
    LOG_IN_CHANGED = "log_in_changed"
    LOG_IN_DELETED = "log_in_deleted"
    GROUP_MADE = "group_made"
    GROUP_CHANGED = "group_changed"
    GROUP_DELETED = "group_deleted"
    WINDOW_OPENED = "window_opened"
    WINDOW_CLOSED = "window_closed"
    FINGERPRINT_APPROVED = "fingerprint_approved"
    FINGERPRINT_WITHDRAWN = "fingerprint_withdrawn"
    CLIENT_REGISTERED = "client_registered"
    CLIENT_SECRET_RENEWED = "client_secret_renewed"  # noqa: S105 - likewise
    CLIENT_REVOKED = "client_revoked"
    MAINTENANCE_ANNOUNCED = "maintenance_announced"
    MAINTENANCE_CANCELLED = "maintenance_cancelled"
    ALERT_ACKNOWLEDGED = "alert_acknowledged"
