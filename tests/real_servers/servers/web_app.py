"""A WSGI application that answers with what it was asked: the contract `body=echo` of `http1`."""


def application(environ, start_response):
    """Answer with method, target and the request's body."""
    length = environ.get("CONTENT_LENGTH") or ""
    chunked = environ.get("wsgi.input_terminated") or not length
    stream = environ["wsgi.input"]
    if environ["REQUEST_METHOD"] != "POST":
        body = b""
    else:
        body = stream.read() if chunked else stream.read(int(length))
    answer = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}\n".encode() + body
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer] if environ["REQUEST_METHOD"] != "HEAD" else []
