"""A bare ASGI application that sends every text back, served by the very servers that the gateway is served by.

python -m tests.bench.echo uvicorn
"""

import os
import sys
from typing import Any

import django
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")
django.setup(set_prefix=False)

from eagateway.management.commands.serve import SERVERS  # noqa: E402 - the apps must be loaded first
from tests.bench.wire import SUBPROTOCOL  # noqa: E402 - likewise


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Accept, then say back what is heard."""
    if scope["type"] != "websocket":
        return
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            return


def _ready(port: int) -> None:
    sys.stdout.write(f"ready on http://127.0.0.1:{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    import_string(SERVERS[sys.argv[1]])(application=application, host="127.0.0.1", port=0, on_ready=_ready).run()
    os._exit(0)
