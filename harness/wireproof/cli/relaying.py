"""Where a relay of ours listens: what `record` and `between` share."""

from pathlib import Path

from wireproof.errors import UsageError
from wireproof.target import Target, parse_target, resolve


def listening_address(text: str | None, server: Target) -> Target:
    """Return where to listen, resolved; port 0 stands for a free one.

    Args:
        text: as the user wrote it; None for a free port on this machine.
        server: to which it is passed on.

    Raises:
        UsageError: it is no address, or of another kind than the server's.

    """
    kind = "tcp" if server.is_stream else "udp"
    example = f"write {kind}://127.0.0.1:0"
    target = parse_target(text or f"{kind}://127.0.0.1:0", any_port=True)
    if target.scheme == "tls":
        raise UsageError("clients speak to the relay in the clear", example)
    if target.is_stream != server.is_stream:
        raise UsageError(f"{target} can't be passed on to {server}", example)
    if target.scheme == "unix" and Path(target.path).exists():
        raise UsageError(f"{target.path} is there already", "remove it, or name another path")
    return resolve(target, (target.host,))[0]
