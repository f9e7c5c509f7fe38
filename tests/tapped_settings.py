"""The project's settings, with a tap around the ASGI application: what every process of a test run is started with."""

from channels.routing import ProtocolTypeRouter

from eagateway.settings import *  # noqa: F403 - the settings are these
from tests.tap import tapped

ProtocolTypeRouter.__call__ = tapped(ProtocolTypeRouter.__call__)  # type: ignore[method-assign, assignment, arg-type]
