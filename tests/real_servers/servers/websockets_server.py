"""An echo of messages by the websockets library; over TLS with the certificate that it is given."""

import asyncio
import logging
import ssl
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def echo(connection: ServerConnection) -> None:
    """Send every message back."""
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass


async def main() -> None:
    """Serve for ever; no keep-alive of its own, as nobody answers it."""
    port, *certificates = sys.argv[1:]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificates else None
    if tls is not None:
        tls.load_cert_chain(certificates[0])
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    options = {"compression": None, "ping_interval": None, "ssl": tls}
    async with serve(echo, "127.0.0.1", int(port), **options) as server:
        await server.serve_forever()


asyncio.run(main())
