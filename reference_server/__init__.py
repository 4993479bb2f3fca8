"""A timestamp-echo server that is right under pressure, fast, and short enough to read.

Start with `framing.py`, then `connection.py` and `prefork.py`; `PROTOCOL.md` is what they obey.
"""

from reference_server.server import main

__all__ = ["main"]
