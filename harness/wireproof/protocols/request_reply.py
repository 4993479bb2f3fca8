r"""What most users write: how to make a request, where a reply ends, which reply is right.

A protocol describes; its oracle judges one connection. The same object drives `check` and `load`.

    class Shout(RequestReply):
        '''One line in, the same line in capitals out.'''

        name = "shout"

        def requests(self):
            return st.text(string.ascii_letters).map(lambda text: text.encode() + b"\n")

        def reply_length(self, buffer):
            return delimited(buffer, b"\n")

        def expected(self, request):
            return request.upper()
"""

from __future__ import annotations

import copy

from wireproof.errors import ProtocolCodeError
from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.judging.filling_oracle import FillingOracle
from wireproof.protocols.judging.request_reply_oracle import RequestReplyOracle
from wireproof.protocols.oracle import Oracle
from wireproof.protocols.replies import replies_of
from wireproof.protocols.user_code import call_user_code


class RequestReply(RequestReplyHooks):
    """A protocol in which replies belong to requests.

    What a method keeps in `self` belongs to one connection: see `session`.
    """

    def session(self) -> RequestReply:
        """Return what judges one connection: a deep copy, so that state is that connection's."""
        return copy.deepcopy(self)

    def oracle(self) -> Oracle:
        """Return a judge of one connection."""
        return self.session().as_oracle()

    def as_oracle(self) -> Oracle:
        """Return the judge of the connection whose session this is."""
        fills = overrides(self, RequestReply, "filled_in")
        return (FillingOracle if fills else RequestReplyOracle)(self)


def right_reply_bytes(protocol: Protocol, request: bytes) -> int:
    """Return how long the right reply to a request is at least; 0 where that can't be told.

    What only a pattern or a function judges counts nothing.
    """
    if not isinstance(protocol, RequestReply):
        return 0
    judge = protocol.session().expected
    try:
        replies = replies_of(call_user_code(judge, request), judge)
    except ProtocolCodeError:  # it may need what an opening would have told it
        return 0
    return sum(len(one.matcher) for one in replies if isinstance(one.matcher, bytes))
