"""The TCP server of fakeredis."""

import sys

from fakeredis import TcpFakeServer

TcpFakeServer.request_queue_size = 64
TcpFakeServer(("127.0.0.1", int(sys.argv[1])), server_type="redis").serve_forever()
