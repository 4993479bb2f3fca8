"""A Twisted site; /a takes a twentieth of a second, as anything that asks a database may."""

import sys

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site


class Answer(Resource):
    """Answers with method, target and body: the contract `body=echo` of `http1`."""

    isLeaf = True

    def render(self, request):
        """Answer at once, or for /a a little later."""
        body = request.method + b" " + request.uri + b"\n" + request.content.read()
        if request.uri != b"/a":
            return body

        def finish():
            request.write(body)
            request.finish()

        later = reactor.callLater(0.05, finish)
        request.notifyFinish().addErrback(lambda _: later.active() and later.cancel())
        request.setHeader("Content-Length", str(len(body)))
        return NOT_DONE_YET


reactor.listenTCP(int(sys.argv[1]), Site(Answer()), interface="127.0.0.1")
reactor.run()
