"""One ASGI application: HTTP by Django, the event socket by Channels."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
_http = get_asgi_application()

from eagateway.routing import websocket_urlpatterns  # noqa: E402 - the apps must be loaded first

application = ProtocolTypeRouter({"http": _http, "websocket": URLRouter(websocket_urlpatterns)})
