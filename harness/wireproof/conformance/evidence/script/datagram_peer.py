"""One UDP socket: what is sent from it, and what comes back."""

import re
import select
import socket
import time

from wireproof.conformance.evidence.script.broken import Broken
from wireproof.conformance.evidence.script.case import CASE

LARGEST_BYTES = 65535
ICMP_S = 0.2


class Peer:
    """One socket, and the replies that are owed to it.

    It is not connected: a connected one would hide replies that come from elsewhere.
    """

    def __init__(self, number, address):
        self.number = number
        self.address = address
        self.datagrams = [bytes.fromhex(one) for one in CASE["datagrams"][number]]
        self.replies = [
            reply and re.compile(bytes.fromhex(reply[0]), reply[1])
            for reply in CASE["replies"][number]
        ]
        self.owed = []
        self.socket = socket.socket(family_of(address), socket.SOCK_DGRAM)
        self.socket.setblocking(False)

    def send(self, position):
        """Send one datagram."""
        reply = self.replies[position]
        if reply is not None:
            self.owed.append(reply)
        try:
            self.socket.sendto(self.datagrams[position], self.address)
        except OSError as error:
            raise Broken(f"socket {self.number}: {error.strerror} while sending") from None

    def await_replies(self):
        """Read until each datagram that has a reply is answered."""
        over = time.monotonic() + CASE["timeout_s"]
        while self.owed:
            if not self.receive(over):
                if nobody_listens(self.address, self.datagrams[0]) and not CASE["no_connection"]:
                    raise ConnectionRefusedError("nothing listens on the port")
                raise Broken(f"socket {self.number}: no reply in time")

    def await_quiet(self, seconds):
        """Read for a while: whatever comes must answer something."""
        over = time.monotonic() + seconds
        while self.receive(over):
            pass

    def receive(self, over):
        """Take and judge one datagram; False when none comes in time."""
        if not select.select([self.socket], [], [], max(over - time.monotonic(), 0))[0]:
            return False
        try:
            datagram, sender = self.socket.recvfrom(LARGEST_BYTES)
        except BlockingIOError:  # its checksum was wrong: select() had seen it, we do not
            return True
        if sender[:2] != self.address[:2]:
            raise Broken(f"socket {self.number}: a reply from {sender[0]} port {sender[1]}")
        for position, reply in enumerate(self.owed):
            if reply.fullmatch(datagram):
                del self.owed[position]
                return True
        raise Broken(f"socket {self.number}: {datagram[:80]!r} answers nothing")


def family_of(address):
    """Return the address family of a numeric address."""
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def nobody_listens(address, datagram):
    """Ask on a connected socket, which is told of ICMP's port unreachable (udp(7))."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
        probe.settimeout(ICMP_S)
        try:
            probe.connect(address)
            probe.send(datagram)
            probe.recv(1)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
