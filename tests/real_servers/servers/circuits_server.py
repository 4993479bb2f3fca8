"""The web server of circuits, answering with what it was asked."""

import sys

from circuits.web import Controller, Server


class Root(Controller):
    """Answers with method and target: the contract `body=target` of `http1`."""

    def index(self):
        """Answer for /."""
        return f"{self.request.method} {self.request.path}\n"

    a = b = c = index


(Server(("127.0.0.1", int(sys.argv[1]))) + Root()).run()
