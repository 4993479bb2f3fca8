"""The recorded steps on UDP sockets."""

import socket

from wireproof.conformance.evidence.script.case import CASE
from wireproof.conformance.evidence.script.datagram_peer import Peer


def run(address):
    """Do the recorded steps; raise Broken where the server does not do its part."""
    address = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0][4]
    peers = {}
    for step in CASE["steps"]:
        number, what = step["connection"], step["do"]
        if what == "open":
            peers[number] = Peer(number, address)
        elif what == "send-datagram":
            peers[number].send(step["position"])
        elif what == "await":
            peers[number].await_replies()
        elif what == "await-quiet":
            peers[number].await_quiet(step["seconds"])
        elif what == "close":
            peers[number].socket.close()
    for peer in peers.values():
        peer.socket.close()
