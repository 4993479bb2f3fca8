"""One connection: what is sent on it, and what comes back."""

import re
import select
import socket
import ssl
import time

from wireproof.conformance.evidence.script.broken import Broken, Deadline
from wireproof.conformance.evidence.script.case import CASE
from wireproof.conformance.evidence.script.connecting import secured
from wireproof.conformance.evidence.script.judge import complete
from wireproof.conformance.evidence.script.server_side import unread_by_server

MANY_STEPS = 200


class Peer:
    """One connection, what was sent on it, and what came back."""

    def __init__(self, number, connected):
        self.number = number
        self.socket = connected
        self.stream = b"".join(bytes.fromhex(run) * count for run, count in CASE["streams"][number])
        self.upgrades = list(CASE.get("upgrades", {number: []})[number])
        replies = CASE["replies"][number]
        self.replies = replies and [(end, bytes.fromhex(pattern)) for end, pattern in replies]
        self.sent = self.goal = 0
        self.begun = time.time()
        # Bytes sent and received when all was answered the last time, and that time.
        self.answered = (0, 0, self.begun)
        self.received = b""
        self.ended = False
        self.judged = True
        self.slow = False

    def done(self):
        """Say whether everything that was sent is answered."""
        if not self.judged:
            return True
        if self.replies is None:
            sent, received, at = self.answered  # what is sent later is answered apart from it
            later = complete(self.stream[sent : self.sent], self.received[received:], at)
            return later and complete(self.stream[: self.sent], self.received, self.begun)
        due = b"".join(pattern for end, pattern in self.replies if end <= self.sent)
        return re.fullmatch(due, self.received) is not None

    def read(self, wait_s):
        """Read what comes within `wait_s`; say whether anything did."""
        if self.ended or not select.select([self.socket], [], [], max(wait_s, 0))[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError as error:
            if self.judged:
                raise Broken(f"connection {self.number}: {error.strerror}") from None
            data = b""
        self.received += data
        self.ended = not data
        return True

    def write(self, flags=0):
        """Hand over what the kernel takes; begin TLS where that is due, and answered."""
        try:
            until = min([self.goal, *self.upgrades])
            if self.sent == until and until in self.upgrades and self.done():
                self.socket = secured(self.socket)
                self.upgrades.remove(until)
            self.sent += self.socket.send(self.stream[self.sent : until], flags)
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            if self.judged:
                raise Broken(f"connection {self.number}: {error.strerror} while sending") from None
            self.ended = True

    def send_all(self, until, deadline, flags=0):
        """Send up to `until`; while something moves the deadline begins anew, within bounds."""
        self.goal = until
        over = Deadline(60)
        while self.sent < until and not (self.ended and not self.judged):
            before = self.sent + len(self.received)
            self.write(flags)
            if self.sent < until and not self.read(0.01):
                select.select([], [self.socket], [], 0.01)
            if self.sent + len(self.received) > before and over.left():
                deadline = Deadline(CASE["timeout_s"])
            deadline.check(f"connection {self.number}: the server stopped reading")

    def send(self, until, hold_s, deadline):
        """Send one segment, let the server read it, and hold."""
        self.send_all(until, deadline)
        self.let_it_be_read()
        over = time.monotonic() + hold_s
        while time.monotonic() < over and not self.ended:
            self.read(over - time.monotonic())
        if hold_s:
            self.note_answered()

    def note_answered(self):
        """Remember where all is answered: what comes later is judged apart from it, too."""
        if self.judged and self.done():
            self.answered = (self.sent, len(self.received), time.time())

    def let_it_be_read(self):
        """Wait until the server's receive queue is empty, or 20 ms where it cannot be seen."""
        over = time.monotonic() + 2
        while time.monotonic() < over and not self.ended:
            unread = unread_by_server(self.socket)
            if unread is None:
                time.sleep(0.02)
                return
            if unread == 0:
                return
            self.read(0.001)

    def send_last(self, until, deadline):
        """Send a segment and the end of the stream at the same instant."""
        self.send_all(until, deadline, 0 if CASE["scheme"] == "tls" else socket.MSG_MORE)
        self.half_close()

    def half_close(self):
        """Send the end of the stream."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the connection is gone; reading tells how

    def push(self, until, stall_s):
        """Send without reading until nothing has moved for `stall_s`."""
        self.goal = until
        quiet = time.monotonic() + stall_s
        while time.monotonic() < quiet:
            before = self.sent
            if self.sent < until:
                self.write()
            if self.sent > before:
                quiet = time.monotonic() + stall_s
            else:
                waiting = [self.socket] if self.sent < until else []
                select.select([], waiting, [], max(quiet - time.monotonic(), 0))
        self.slow = True

    def read_fast(self):
        """Widen the window, which was as narrow as it was opened."""
        if self.slow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.slow = False

    def await_replies(self, deadline):
        """Read until all is answered."""
        self.read_fast()
        over = Deadline(60)
        came = False
        # A long reply is judged when nothing more of it comes, not after each piece.
        while came or self.sent < self.goal or not self.done():
            if self.sent < self.goal:
                self.write()
            if self.ended:
                raise Broken(f"connection {self.number}: end of stream, replies missing")
            came = self.read(0.01 if self.sent < self.goal or came else min(deadline.left(), 0.2))
            if came and over.left():
                deadline = Deadline(CASE["timeout_s"])
            deadline.check(f"connection {self.number}: no right reply in time")
        # A surplus byte may be under way still; not for long where there are many replies.
        if (
            self.read(0.03 if len(CASE["steps"]) < MANY_STEPS else 0)
            and not self.done()
            and not self.ended
        ):
            raise Broken(f"connection {self.number}: bytes that answer no request")
        self.note_answered()

    def await_end(self, deadline):
        """Read to the end of the stream, and judge the whole."""
        self.read_fast()
        over = Deadline(60)
        while not self.ended:
            if self.read(min(deadline.left(), 0.2)) and over.left():
                deadline = Deadline(CASE["timeout_s"])
            deadline.check(f"connection {self.number}: not closed in time")
        if not self.done():
            raise Broken(f"connection {self.number}: the replies are not right")
