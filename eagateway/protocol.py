"""Every frame type of protocol version 1: what both apps declare, in the order of the documents."""

from collections.abc import Mapping
from typing import Final

from orders.domain.wire.registry import TRADE_FRAMES
from sessions_app.domain.frames.registry import LINK_FRAMES, SESSION_FRAMES, FrameType, by_name

STREAM: Final = "ea-gateway/v1/stream"
FRAME_TYPES: Final[Mapping[str, FrameType]] = by_name((*SESSION_FRAMES, *TRADE_FRAMES, *LINK_FRAMES))
