"""One ASGI application: HTTP by Django, the event socket by Channels, the exchange by itself."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
django.setup(set_prefix=False)

from eagateway.routing import http_urlpatterns, websocket_urlpatterns  # noqa: E402 - the apps must be loaded first
from eagateway.servers.bounded_bodies import BoundedBodies  # noqa: E402 - the apps must be loaded first
from sessions_app.rest.problem_middleware import ProblemHandler  # noqa: E402 - likewise

application = BoundedBodies(
    ProtocolTypeRouter(
        {"http": URLRouter(http_urlpatterns(ProblemHandler())), "websocket": URLRouter(websocket_urlpatterns)}
    )
)
