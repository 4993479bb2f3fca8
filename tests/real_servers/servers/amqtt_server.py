"""The broker of amqtt, open to anybody."""

import asyncio
import sys

from amqtt.broker import Broker

CONFIG = {
    "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{sys.argv[1]}"}},
    "auth": {"allow-anonymous": True, "plugins": ["auth_anonymous"]},
    "topic-check": {"enabled": False},
    "sys_interval": 0,
}


async def main():
    """Serve for ever."""
    await Broker(CONFIG).start()
    await asyncio.Event().wait()


asyncio.run(main())
