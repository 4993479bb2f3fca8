"""The MLLP server of hl7apy, acknowledging every message."""

import sys

from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message


class Acknowledge(AbstractHandler):
    """Answers with an ACK."""

    def reply(self):
        """Return the ACK of the message."""
        message = parse_message(self.incoming_message)
        ack = Message("ACK", version="2.5")
        ack.msa.msa_1 = "AA"
        ack.msa.msa_2 = message.msh.msh_10.value
        return ack.to_mllp()


MLLPServer.request_queue_size = 64
MLLPServer.daemon_threads = True
handlers = {"ADT^A01": (Acknowledge,)}
MLLPServer("127.0.0.1", int(sys.argv[1]), handlers).serve_forever()
