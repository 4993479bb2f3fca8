"""Python's socketserver, which keeps the thread of every connection as that of 3.7 and 3.8 does.

There `ThreadingMixIn.process_request` appends it to a list that `server_close` alone reads; since
then the list forgets those that have ended. The rest is the library's own.
"""

import sys
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Handler(StreamRequestHandler):
    """Echoes each line."""

    def handle(self):
        """Read lines until the end; half a line at the end is not one."""
        for line in self.rfile:
            if line.endswith(b"\n"):
                self.wfile.write(line)


ThreadingTCPServer.request_queue_size = 64
ThreadingTCPServer.allow_reuse_address = True
ThreadingTCPServer.daemon_threads = False
server = ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server._threads = []
server.serve_forever()
