"""TelnetServer, answering each message with `re:` in front, as its example does."""

import sys

from telnetserver import TelnetServer

server = TelnetServer(port=int(sys.argv[1]))
while True:
    server.update()
    for client, message in server.get_messages():
        server.send_message(client, "re:" + message)
