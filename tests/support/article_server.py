"""The article's timestamp server, moved to Python 3 and otherwise unchanged but for its port.

It takes any free one and prints it.
"""

from socket import *  # noqa: F403
from time import ctime

HOST = "localhost"
PORT = 0
BUFSIZE = 1024
ADDR = (HOST, PORT)

tcpTimeSrvrSock = socket(AF_INET, SOCK_STREAM)  # noqa: F405, N816
tcpTimeSrvrSock.bind(ADDR)
tcpTimeSrvrSock.listen(50)
print(tcpTimeSrvrSock.getsockname()[1], flush=True)  # noqa: T201

while True:
    tcpTimeClientSock, addr = tcpTimeSrvrSock.accept()  # noqa: N816
    while True:
        data = tcpTimeClientSock.recv(BUFSIZE)
        if not data:
            break
        tcpTimeClientSock.send(b"[%s] %s" % (ctime().encode(), data))
    tcpTimeClientSock.close()
