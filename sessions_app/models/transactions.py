"""A promise that is checked: what relies on its caller's transaction raises without one."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")


class NoTransaction(RuntimeError):
    """A step that relies on its caller's transaction was called outside of one."""


def requires_transaction(step: Callable[P, R]) -> Callable[P, R]:
    """Let a step run only inside a transaction: by itself each of its statements would commit on its own."""

    @wraps(step)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            raise NoTransaction(f"{step.__module__}.{step.__qualname__} needs its caller's transaction")
        return step(*args, **kwargs)

    return checked
