"""Whose fault a failure is: the frame's or the moment's."""

import pytest
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, ProgrammingError

from sessions_app.services.ingest.database_errors import is_data_fault


class _Cause(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


def caused(error: Exception, sqlstate: str) -> Exception:
    error.__cause__ = _Cause(sqlstate)
    return error


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53100", "53300", "57P01", "57014", "58030", "55P03"])
def test_a_fault_of_the_moment_is_waited_for(state: str) -> None:
    assert not is_data_fault(caused(OperationalError(), state))


@pytest.mark.parametrize("state", ["22003", "23505", "42P01"])
def test_a_fault_of_the_data_is_the_frames(state: str) -> None:
    assert is_data_fault(caused(DataError(), state))


@pytest.mark.parametrize("error", [OperationalError(), InterfaceError()])
def test_without_a_state_an_unreachable_database_is_waited_for(error: Exception) -> None:
    assert not is_data_fault(error)


@pytest.mark.parametrize(
    "error", [ValueError(), KeyError(), OverflowError(), IntegrityError(), ProgrammingError(), InternalError()]
)
def test_everything_else_is_the_frames(error: Exception) -> None:
    assert is_data_fault(error)
