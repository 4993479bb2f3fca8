"""A server that answers each line with itself."""

import socketserver


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever()
