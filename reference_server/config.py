"""What can be set; `options.py` is the command line that sets it."""

from dataclasses import dataclass

from reference_server.framing import HEADER_BYTES

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 28812
MODELS = ("prefork", "fork", "iterative")
_MOST = 2**31 - 1
BOUNDS = {
    "port": (0, 65535),
    "buffer_bytes": (1, 2**24),
    "backlog": (0, 65535),
    "workers": (1, 1024),
    "max_buffered_bytes": (1, _MOST),
    "max_connections": (1, _MOST),
}
"""The least and the most of each whole number."""
SECONDS_BELOW = 1e6


@dataclass(frozen=True, slots=True)
class Config:
    """The options; PROTOCOL.md calls `buffer_bytes` the buffer size.

    Attributes:
        host: name or address to serve TCP on, at every address it has; None: no TCP.
        port: 0 lets the kernel choose.
        unix_path: path of a Unix stream socket to serve on; None: none.
        buffer_bytes: the longest chunk.
        backlog: what `listen` is told.
        model: one of `MODELS`.
        workers: processes of the prefork model.
        reuse_port: each worker has a listener of its own (SO_REUSEPORT), not a shared one.
        udp: whether datagrams are answered too, on the same port.
        tls_cert: file of the certificate chain; None: no TLS, unless self-signed.
        tls_key: file of its key.
        tls_self_signed: make the pair; it is kept only if `tls_cert` and `tls_key` say where.
        max_buffered_bytes: replies held for one connection; at least one frame always fits.
        idle_timeout_s: silence after which a connection is closed; None: never.
        max_connections: connections served at a time; the workers share them out.
        grace_s: time from SIGTERM to the end, at most.
        stats: whether each process says at its end what it did.
        fault: name of a fault or a sound variant from the zoo; None: the sound server.

    Raises:
        ValueError: a value is out of its bounds, or one of certificate and key is missing.

    """

    host: str | None = DEFAULT_HOST
    port: int = DEFAULT_PORT
    unix_path: str | None = None
    buffer_bytes: int = 1024
    backlog: int = 50
    model: str = "prefork"
    workers: int = 1
    reuse_port: bool = False
    udp: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_self_signed: bool = False
    max_buffered_bytes: int = 65536
    idle_timeout_s: float | None = None
    max_connections: int | None = None
    grace_s: float = 5.0
    stats: bool = False
    fault: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no server can be."""
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name}: {value} is not between {least} and {most}")
        for name, seconds in (("idle_timeout_s", self.idle_timeout_s), ("grace_s", self.grace_s)):
            if seconds is not None and not 0 < seconds < SECONDS_BELOW:
                raise ValueError(f"{name}: {seconds} is not a number of seconds above 0")
        if self.model not in MODELS:
            raise ValueError(f"model: {self.model!r} is none of {', '.join(MODELS)}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")

    @property
    def read_bytes(self) -> int:
        """The most that is read at once: so much that its frames keep to `max_buffered_bytes`."""
        frames = self.max_buffered_bytes // (HEADER_BYTES + self.buffer_bytes)
        return max(1, frames) * self.buffer_bytes
