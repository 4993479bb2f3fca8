"""An echo of lines at 127.0.0.2, and a proxy before it: before_echo.py PORT COMMAND..."""

import asyncio
import sys


class Echo(asyncio.Protocol):
    """Sends whole lines back; reads no more while they wait."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Keep the way back."""
        self.transport = transport
        self.begun = b""

    def data_received(self, data: bytes) -> None:
        """Send the lines that are whole."""
        lines, newline, self.begun = (self.begun + data).rpartition(b"\n")
        self.transport.write(lines + newline)

    def pause_writing(self) -> None:
        """Read no more."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        self.transport.resume_reading()


async def main() -> None:
    """Serve until the proxy ends."""
    loop = asyncio.get_running_loop()
    await loop.create_server(Echo, "127.0.0.2", int(sys.argv[1]), backlog=200)
    proxy = await asyncio.create_subprocess_exec(*sys.argv[2:])
    await proxy.wait()


asyncio.run(main())
