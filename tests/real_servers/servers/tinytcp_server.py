"""A tinytcp server that sends back what it receives."""

import sys

from tinytcp import TcpServer

server = TcpServer("127.0.0.1", int(sys.argv[1]))
server.on_msg_received = lambda client, message: client.send(message)
server.start_listening()
