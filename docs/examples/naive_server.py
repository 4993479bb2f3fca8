"""The first server of many a tutorial: it takes what one `recv` returns for one line."""

import socketserver


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(1024):
            self.request.sendall(data.strip().upper() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64


with Server(("127.0.0.1", 9000), Handler) as server:
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever()
