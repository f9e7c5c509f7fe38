"""A database that a test may take away, without the server that others use."""

import os
import re
from typing import Self

import psycopg
import pytest

from tests.services.migrated import TEMPLATE_VARIABLE, copy_database


class Database:
    """A database of the lane's server that can be taken away: its connections are cut, and no new one is let in."""

    def __init__(self, name: str) -> None:
        self._name, self._server = name, os.environ["DATABASE_URL"]
        self.url = re.sub(r"/[^/?]+(?=\?|$)", f"/{name}", self._server, count=1)

    @classmethod
    def begin(cls, name: str) -> Self:
        """A migrated one; skips the test where the server is not this run's own."""
        template = os.environ.get(TEMPLATE_VARIABLE)
        if template is None:
            pytest.skip("nobody's database is taken away on a server that is not this run's own")
        copy_database(os.environ["DATABASE_URL"], source=template, name=name)
        return cls(name)

    def take_away(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS false")
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(cut, [self._name])

    def bring_back(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS true")
