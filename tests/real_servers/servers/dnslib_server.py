"""The TCP server of dnslib; every name has the address 192.0.2.1."""

import sys

from dnslib import QTYPE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer


class Resolver(BaseResolver):
    """Answers every question."""

    def resolve(self, request, handler):
        """Return the one address."""
        reply = request.reply()
        reply.add_answer(RR(request.q.qname, QTYPE.A, ttl=60, rdata=A("192.0.2.1")))
        return reply


logger = DNSLogger("-request,-reply,-error,-truncated")
port = int(sys.argv[1])
DNSServer(Resolver(), address="127.0.0.1", port=port, tcp=True, logger=logger).start()
