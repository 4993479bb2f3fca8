"""The development server of Werkzeug; the application never reads a request's body."""

import sys

from werkzeug.serving import run_simple


def application(environ, start_response):
    """Answer with method and target: the contract `body=target` of `http1`."""
    answer = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}\n".encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer] if environ["REQUEST_METHOD"] != "HEAD" else []


run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)
