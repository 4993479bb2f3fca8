"""WebSocket, for use as it is or as the base of an application's own protocol."""

from wireproof.protocols.built_in.websocket.frames import Message
from wireproof.protocols.built_in.websocket.protocol import WebSocket

__all__ = ["Message", "WebSocket"]
