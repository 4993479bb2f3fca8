"""Python's xmlrpc.server with threads and one function."""

import sys
from socketserver import ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCServer


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    """One thread a connection."""

    request_queue_size = 64
    daemon_threads = True


server = Server(("127.0.0.1", int(sys.argv[1])), logRequests=False)
server.register_function(lambda first, second: first + second, "add")
server.serve_forever()
