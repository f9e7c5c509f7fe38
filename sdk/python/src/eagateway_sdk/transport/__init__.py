"""How frames travel: over a WebSocket, or by exchange where a WebSocket cannot be had. Same frames, same rules."""

from eagateway_sdk.transport.connector import Connector, NotConnected, Transport
from eagateway_sdk.transport.wire import Wire, WireClosed

__all__ = ["Connector", "NotConnected", "Transport", "Wire", "WireClosed"]
