"""XML-RPC over HTTP/1.0: a call to `add`."""

import xmlrpc.client

from hypothesis import strategies as st

from wireproof.protocols.built_in.http1 import Http1
from wireproof.protocols.built_in.http_messages import parse_request, parse_response


class XmlRpc(Http1):
    """Calls `add` with two numbers; the server closes after each response."""

    name = "xmlrpc"
    source = "xmlrpc.com/spec"
    one_request = True

    def requests(self):
        """Return one call."""
        numbers = st.integers(-(2**30), 2**30 - 1)  # so that their sum has 32 bits
        return st.tuples(numbers, numbers).map(
            lambda two: self.post(b"/RPC2", xmlrpc.client.dumps(two, "add").encode())
        )

    def sized_request(self, size_bytes):
        """Return None: a call has the size that it has."""

    def rules(self):
        """Return none: HTTP's own are for HTTP/1.1."""
        return ()

    def refused(self, reply):
        """Say whether it is a fault, or an error of HTTP's."""
        return b"<fault>" in reply or super().refused(reply)

    def expected(self, request):
        """Return the sum."""
        two, _ = xmlrpc.client.loads(parse_request(request)[2])
        right = xmlrpc.client.dumps((sum(two),), methodresponse=True)
        return lambda reply: (
            parse_response(reply)[0] == 200
            and xmlrpc.client.loads(parse_response(reply)[1]) == xmlrpc.client.loads(right)
        )
