"""What an operator must look at: one literal table of codes, each with its severity and its sentence."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sessions_app.domain.frames.payloads import Severity


class AlertCode(StrEnum):
    """Why a person is called. The model, its constraint and the documents read this table."""

    SEQUENCE_CONFLICT = "sequence_conflict"
    REPORT_DISCREPANCY = "report_discrepancy"
    NEW_EPOCH = "new_epoch"
    MASS_SILENCE = "mass_silence"
    PREEMPTION_LOOP = "preemption_loop"
    COPY_NUMBERS_LOW = "copy_numbers_low"
    POISONED_FRAME = "poisoned_frame"
    FRAME_REFUSED = "frame_refused"
    COMMAND_MISSED = "command_missed"
    ORDERED_AGAIN = "ordered_again"
    UNPROTECTED = "unprotected"
    CLOSE_UNDELIVERED = "close_undelivered"
    CLOSE_OVERDUE = "close_overdue"
    OPEN_REJECTED = "open_rejected"
    UNDER_FILLED = "under_filled"
    OFFLINE_WITH_COPIES = "offline_with_copies"
    BOOK_DIFFERS = "book_differs"
    MASTER_NOT_RECONCILED = "master_not_reconciled"
    MASTER_NETTING = "master_netting"
    SIGN_IN_LOCKED = "sign_in_locked"
    DISK_FULL = "disk_full"
    MAIL_GIVEN_UP = "mail_given_up"
    INTERNAL = "internal"


ALERTS: Final[Mapping[AlertCode, tuple[Severity, str]]] = {
    AlertCode.SEQUENCE_CONFLICT: (
        Severity.ERROR,
        "A terminal used one number for two frames: two terminals may share one outbox, or its files were restored.",
    ),
    AlertCode.REPORT_DISCREPANCY: (
        Severity.ERROR,
        "Later facts about one order or ticket differ from the first ones: the first are kept, compare by hand.",
    ),
    AlertCode.NEW_EPOCH: (
        Severity.CRITICAL,
        "A terminal knew later commands than the database: it was restored. The log was numbered anew.",
    ),
    AlertCode.DISK_FULL: (
        Severity.CRITICAL,
        "The database had no room to store what EAs sent: they were told to come again. Make room on its disk.",
    ),
    AlertCode.MASS_SILENCE: (
        Severity.CRITICAL,
        "Many sessions fell silent at once: expiry is held for one timeout. Look at the network before the EAs.",
    ),
    AlertCode.PREEMPTION_LOOP: (
        Severity.WARNING,
        "Terminals take an account from each other again and again: two run with one key. Stop one of them.",
    ),
    AlertCode.COPY_NUMBERS_LOW: (
        Severity.CRITICAL,
        "An account has used 90 % of its copy numbers: move it to a new account before none is left.",
    ),
    AlertCode.POISONED_FRAME: (
        Severity.ERROR,
        "A frame could not be stored in three tries and was refused for good: a fault of the gateway; report it.",
    ),
    AlertCode.FRAME_REFUSED: (
        Severity.ERROR,
        "An EA told of a trade or an outcome, and it cannot be read: it is not copied, or not known. Mend the EA.",
    ),
    AlertCode.COMMAND_MISSED: (
        Severity.WARNING,
        "Opens were lost, came too late to the EA, or had their order deleted: not held. Look at the terminal's clock.",
    ),
    AlertCode.ORDERED_AGAIN: (
        Severity.WARNING,
        "An open of unknown outcome was not found and was ordered once more: look that its broker has it once.",
    ),
    AlertCode.UNPROTECTED: (
        Severity.CRITICAL,
        "A copy lacks a stop that its master has: refused, in vain, or not in time. It is tried again; set it by hand.",
    ),
    AlertCode.CLOSE_UNDELIVERED: (
        Severity.CRITICAL,
        "A close was not tried for 30 seconds: look whether the terminal runs and is online, or close by hand.",
    ),
    AlertCode.CLOSE_OVERDUE: (
        Severity.CRITICAL,
        "A broker does not carry out the close of a copy. It is tried again without end; close it by hand if you can.",
    ),
    AlertCode.OPEN_REJECTED: (
        Severity.ERROR,
        "A broker has refused opens for good: the followers do not hold these positions. The error number says why.",
    ),
    AlertCode.UNDER_FILLED: (
        Severity.WARNING,
        "A broker has filled fewer lots than were ordered: the follower holds less than its share.",
    ),
    AlertCode.OFFLINE_WITH_COPIES: (
        Severity.CRITICAL,
        "A follower with open copies, or closes on their way, has no EA that leads them: start it, or give it a key.",
    ),
    AlertCode.BOOK_DIFFERS: (
        Severity.CRITICAL,
        "A terminal holds what it should not, or lacks what it should hold: decide on the page of its differences.",
    ),
    AlertCode.MASTER_NOT_RECONCILED: (
        Severity.CRITICAL,
        "A master's book and the positions that he told of differ: his followers may hold what he does not.",
    ),
    AlertCode.MASTER_NETTING: (
        Severity.ERROR,
        "A master's account nets its positions: what it adds is not copied. Give the strategy a hedging account.",
    ),
    AlertCode.SIGN_IN_LOCKED: (
        Severity.WARNING,
        "Somebody tries passwords in the admin: a name or an address was locked for a while. Look at the sign-ins.",
    ),
    AlertCode.MAIL_GIVEN_UP: (
        Severity.ERROR,
        "A mail about alerts was not taken by the mail server in ten tries: look at EMAIL_URL and at the address.",
    ),
    AlertCode.INTERNAL: (
        Severity.ERROR,
        "The gateway failed to decide or to lead a copy for one subscription; the others were served. Report it.",
    ),
}

OF_THE_DEPLOYMENT: Final = frozenset(
    {AlertCode.DISK_FULL, AlertCode.MASS_SILENCE, AlertCode.SIGN_IN_LOCKED, AlertCode.MAIL_GIVEN_UP}
)
"""Kinds that belong to no account, and so to no tenant: the staff alone hears of them."""
