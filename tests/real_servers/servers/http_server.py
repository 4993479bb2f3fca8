"""Python's http.server with HTTP/1.1, threads and a handler that answers with what it was asked."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers with method, target and body: the contract `body=echo` of `http1`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer a GET."""
        self.answer(b"")

    def do_POST(self):
        """Answer a POST."""
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body):
        """Send the response."""
        body = f"{self.command} {self.path}\n".encode() + body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


ThreadingHTTPServer.request_queue_size = 64
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
