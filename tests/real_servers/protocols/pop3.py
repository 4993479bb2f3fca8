"""POP3 (RFC 1939) on an empty mailbox."""

import re

from hypothesis import strategies as st

from wireproof import Delimited

OK = re.compile(rb"\+OK[^\r\n]*\r\n")


class Pop3(Delimited):
    """Logs in, then asks about a mailbox that is empty."""

    name = "pop3"
    source = "RFC 1939"
    delimiter = b"\r\n"
    pipelining = False

    def greeting(self):
        """Return the banner."""
        return OK

    def opening(self):
        """Log in."""
        return [b"USER someone\r\n", b"PASS secret\r\n"]

    def requests(self):
        """Return one command."""
        return st.sampled_from([b"NOOP\r\n", b"STAT\r\n", b"RSET\r\n", b"RETR 1\r\n"])

    def expected(self, request):
        """Return success, save for a message that is not there."""
        if request.startswith(b"RETR"):
            return re.compile(rb"-ERR[^\r\n]*\r\n")
        return b"+OK 0 0\r\n" if request == b"STAT\r\n" else OK
