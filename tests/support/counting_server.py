"""A server of lines in capitals that counts them: `python -m` this module and an address.

It prints its port, and once its standard input ends, how many lines it has answered.
"""

import asyncio
import sys


async def _serve(address: str) -> None:
    answered = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        while line := await reader.readline():
            answered += 1
            writer.write(line.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, address, 0, backlog=128)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    sys.stdout.write(f"{answered}\n")


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
