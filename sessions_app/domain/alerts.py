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
    COMMAND_MISSED = "command_missed"
    ORPHANED_COPY = "orphaned_copy"


ALERTS: Final[Mapping[AlertCode, tuple[Severity, str]]] = {
    AlertCode.SEQUENCE_CONFLICT: (
        Severity.ERROR,
        "A terminal used one number for two frames: two terminals may share one outbox, or its files were restored.",
    ),
    AlertCode.REPORT_DISCREPANCY: (
        Severity.ERROR,
        "A broker's later figures for one order differ from the first ones: the first are kept, compare by hand.",
    ),
    AlertCode.NEW_EPOCH: (
        Severity.CRITICAL,
        "A terminal knew later commands than the database: it was restored. The log was numbered anew.",
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
    AlertCode.COMMAND_MISSED: (
        Severity.WARNING,
        "A command was lost between two terminals and is too old to repeat: the follower does not hold that position.",
    ),
    AlertCode.ORPHANED_COPY: (
        Severity.CRITICAL,
        "A broker rejects every close of a copy whose master's position is closed: close it by hand in the terminal.",
    ),
}
