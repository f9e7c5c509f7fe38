"""Whose fault a failed statement is: the frame's, which will fail again, or the moment's, which will pass."""

import sqlite3
from typing import Final

from django.db import DatabaseError, InterfaceError, OperationalError

# SQLSTATE classes: connection, rollback, out of transaction, resources, object in use, operator, system.
_OF_THE_MOMENT: Final = frozenset({"08", "25", "40", "53", "55", "57", "58"})


_PG_DISK_FULL: Final = "53100"


def is_disk_full(error: Exception) -> bool:
    """Whether the database had no room to write: reading goes on, and waiting alone will not help."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) == _PG_DISK_FULL:
        return True
    return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def is_data_fault(error: Exception) -> bool:
    """Whether the frames themselves are at fault: a data, integrity or syntax error, or a bug in Python.

    Everything else is waited for: the database is away, full, restarting, or chose this transaction as a deadlock's
    victim.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] not in _OF_THE_MOMENT
    return not isinstance(error, OperationalError | InterfaceError)
