"""The server of python-hl7, acknowledging every message, as its documentation shows."""

import asyncio
import sys

from hl7.mllp import start_hl7_server


async def acknowledge(reader, writer):
    """Answer each message of a connection."""
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


async def main():
    """Serve until killed."""
    async with await start_hl7_server(acknowledge, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
