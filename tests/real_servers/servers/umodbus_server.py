"""uModbus with 10,000 holding registers."""

import sys
from collections import defaultdict
from socketserver import ThreadingTCPServer

from umodbus.server.tcp import RequestHandler, get_server

registers = defaultdict(int)
ThreadingTCPServer.allow_reuse_address = True
ThreadingTCPServer.request_queue_size = 64
ThreadingTCPServer.daemon_threads = True
server = get_server(ThreadingTCPServer, ("127.0.0.1", int(sys.argv[1])), RequestHandler)


@server.route(slave_ids=[1], function_codes=[3], addresses=list(range(10000)))
def read(slave_id, function_code, address):
    """Return one register."""
    return registers[address]


@server.route(slave_ids=[1], function_codes=[6, 16], addresses=list(range(10000)))
def write(slave_id, function_code, address, value):
    """Store one register."""
    registers[address] = value


server.serve_forever()
