"""The recorded steps on streams."""

import socket
import struct
import time

from wireproof.conformance.evidence.script.broken import Broken, Deadline
from wireproof.conformance.evidence.script.case import CASE
from wireproof.conformance.evidence.script.connecting import connect, connect_together
from wireproof.conformance.evidence.script.peer import Peer
from wireproof.conformance.evidence.script.server_side import await_no_growth, sockets_in_close_wait

COUNTS = []  # of the server's descriptors, as long as each is more than the one before


def run(address):
    """Do the recorded steps; raise Broken where the server does not do its part."""
    peers = {}
    COUNTS.clear()
    for step in CASE["steps"]:
        try:
            do(step, address, peers)
        except OSError as error:
            # Who was not accepted when this was recorded is not accepted now; refused is gone.
            same = CASE["no_connection"] and isinstance(error, TimeoutError)
            if not peers and not same:
                raise
            raise Broken(f"connection {step['connection']}: {error.strerror or error}") from None
    for peer in peers.values():
        peer.socket.close()


def do(step, address, peers):
    """Do one step."""
    number, what = step["connection"], step["do"]
    deadline = Deadline(CASE["timeout_s"])
    if what == "open":
        connected = connect(address, step.get("receive_buffer_bytes", 0))
        peers[number] = Peer(number, connected)
    elif what == "open-together":
        for position, connected in enumerate(connect_together(address, number + 1)):
            peers[position] = Peer(position, connected)
    elif what == "send":
        peers[number].send(step["until"], step.get("hold_s", 0), deadline)
    elif what == "send-last":
        peers[number].send_last(step["until"], deadline)
    elif what == "push":
        peers[number].push(step["until"], step["stall_s"])
    elif what == "await":
        peers[number].await_replies(deadline)
    elif what == "await-end":
        peers[number].await_end(deadline)
    elif what == "await-taken-over":
        peers[number].judged = False
        peers[number].await_end(deadline)
    elif what == "half-close":
        peers[number].half_close()
    elif what == "malformed":
        peers[number].judged = False
        peers[number].stream = peers[number].stream[: peers[number].sent] + bytes.fromhex(
            step["data"]
        )
        peers[number].send(len(peers[number].stream), 0, deadline)
    elif what == "reset":
        peers[number].socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        peers[number].socket.close()
    elif what == "close":
        peers[number].socket.close()
    elif what == "await-released":
        while CASE["scheme"] in ("tcp", "tls") and sockets_in_close_wait(address[1]):
            deadline.check("the server keeps sockets of connections that are over")
            time.sleep(0.05)
    elif what == "count-descriptors":
        await_no_growth(address, COUNTS, deadline)
