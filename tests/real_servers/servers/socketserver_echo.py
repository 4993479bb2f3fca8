"""Python's socketserver, echoing lines as its documentation shows."""

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
ThreadingTCPServer.daemon_threads = True
ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
