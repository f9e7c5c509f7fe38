"""The project's settings, with a tap around the ASGI application and a watch on the order of locks: what every process
of a test run is started with.
"""

import os

from channels.routing import ProtocolTypeRouter

from eagateway.settings import *  # noqa: F403 - the settings are these
from tests import lock_order
from tests.tap import tapped

ProtocolTypeRouter.__call__ = tapped(ProtocolTypeRouter.__call__)  # type: ignore[method-assign, assignment, arg-type]
if "DATABASE_URL" in os.environ:  # SQLite has one writer, and no order
    lock_order.install()
