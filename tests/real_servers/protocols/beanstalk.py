"""beanstalkd (doc/protocol.txt): commands about tubes, and jobs."""

import re

from hypothesis import strategies as st

from wireproof import Delimited

TUBE = b"wp00000000"


class Beanstalk(Delimited):
    """Commands about the tube in use, and `put`."""

    name = "beanstalk"
    source = "beanstalkd, doc/protocol.txt"
    delimiter = b"\r\n"
    max_request_bytes = 60_000
    tube = b"default"

    def requests(self):
        """Return one command."""
        tubes = st.sampled_from([b"default", TUBE])
        return st.one_of(
            st.just(b"list-tube-used\r\n"),
            tubes.map(lambda tube: b"use %b\r\n" % tube),
            st.binary(max_size=300).map(put),
        )

    def personalise(self, request, serial):
        """Give each connection a tube of its own."""
        return request.replace(TUBE, b"wp%08d" % (serial % 10**8))

    def expected(self, request):
        """Return what the command says."""
        name, *words = request.split(b"\r\n")[0].split(b" ")
        if name == b"put":
            return re.compile(rb"INSERTED \d+\r\n")
        self.tube = words[0] if name == b"use" else self.tube
        return b"USING %b\r\n" % self.tube


def put(data):
    """Return a job."""
    return b"put 0 0 60 %d\r\n%b\r\n" % (len(data), data)
