"""Who speaks and when in a protocol, and what becomes of two log-ins under one name."""

from enum import StrEnum


class Exchange(StrEnum):
    """Who speaks, and when."""

    REQUEST_REPLY = "request-reply"
    """The client asks, the server answers."""
    ANNOUNCEMENT = "announcement"
    """The server speaks once, unasked, and closes; what the client sends is thrown away."""
    ENDLESS = "endless"
    """The server speaks until the client closes; what the client sends is thrown away."""
    SILENT = "silent"
    """The server reads and never answers."""


class SecondLogin(StrEnum):
    """What becomes of a connection that opens under a name that another one is using."""

    TAKES_OVER = "takes over"
    """The new connection is served; the server ends the old one."""
    REFUSED = "refused"
    """The old connection goes on; the new one is refused or ended."""
    SHARED = "shared"
    """Both are served."""
