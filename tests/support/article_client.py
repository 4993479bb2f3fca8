"""The article's client, moved to Python 3 and otherwise unchanged but for its port.

It reads each reply with one `recv(1024)`. The address comes from the environment.
"""

from os import environ
from socket import *  # noqa: F403

HOST = environ.get("WIREPROOF_HOST", "localhost")
PORT = int(environ.get("WIREPROOF_PORT", "28812"))
BUFSIZE = 1024
ADDR = (HOST, PORT)

tcpTimeClientSock = socket(AF_INET, SOCK_STREAM)  # noqa: F405, N816
tcpTimeClientSock.connect(ADDR)

while True:
    data = input("> ")
    if not data:
        break
    tcpTimeClientSock.send(data.encode())
    data = tcpTimeClientSock.recv(BUFSIZE)
    if not data:
        break
    print(data.decode())  # noqa: T201

tcpTimeClientSock.close()
