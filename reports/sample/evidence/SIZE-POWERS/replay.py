#!/usr/bin/env python3
"""Replay one recorded failure of a socket server. Needs Python 3.9 and nothing else.

    python3 SCRIPT [HOST PORT]

Exits 1 while the fault is there, 0 once it is gone, 2 on wrong usage, 3 when the server cannot be
reached. The conversation is held several times, since some faults depend on timing or on history.
"""

import atexit
import os
import re
import select
import shlex
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from datetime import datetime

CASE = {'requirement': 'SIZE-POWERS', 'explanation': "whenever a request of 1,024 bytes, b'aaaaaaaaaaaaaaaaaaaa'…, is sent; cuts, pipelining and the requests before it make no difference", 'address': ['127.0.0.1', 28812], 'no_connection': False, 'timeout_s': 2.0, 'runs': 3, 'scheme': 'tcp', 'streams': [[('61616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161', 1)]], 'replies': [None], 'upgrades': [[]], 'steps': [{'do': 'open', 'connection': 0, 'receive_buffer_bytes': 0, 'by_hand': False, 'first_number': 0, 'named_like': -1, 'prelude_cut': 0}, {'do': 'await', 'connection': 0}, {'do': 'send', 'connection': 0, 'until': 1024, 'hold_s': 0.0}, {'do': 'await', 'connection': 0}, {'do': 'half-close', 'connection': 0}, {'do': 'await-end', 'connection': 0}]}


HEADER = re.compile(rb"\[([A-Z][a-z]{2}) ([A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d \d{4})\] ")


def judge(sent: bytes, received: bytes, since_s: float, buffer_bytes: int, skew_s: float) -> bool:
    """Say whether some division of `sent` into chunks yields `received`, with right timestamps.

    Right is a timestamp of the time from `since_s`, in seconds of the epoch, to now, give or take
    `skew_s`; a chunk has `buffer_bytes` at the most.
    """
    headers = [one for one in HEADER.finditer(received) if _is_right_time(one, since_s, skew_s)]
    starts = [match.start() for match in headers]
    if b"[" not in sent and any(
        _moment(headers[number]) < _moment(headers[number - 1]) for number in range(1, len(headers))
    ):
        return False
    starts.append(len(received))
    # For each header: how many payload bytes may precede it.
    reached: dict[int, set[int]] = {start: set() for start in starts}
    reached.setdefault(0, set()).add(0)
    for number, start in enumerate(starts[:-1]):
        for offset in reached[start]:
            for end in starts[number + 1 :]:
                chunk = received[start + 27 : end]
                if len(chunk) > buffer_bytes or sent[offset : offset + len(chunk)] != chunk:
                    break
                if chunk:
                    reached[end].add(offset + len(chunk))
    return len(sent) in reached[len(received)]


def _moment(header: re.Match[bytes]) -> datetime:
    return datetime.strptime(header[2].decode(), "%b %d %H:%M:%S %Y")  # noqa: DTZ007 - local


def _is_right_time(header: re.Match[bytes], since_s: float, skew_s: float) -> bool:
    try:
        moment = _moment(header)
    except ValueError:
        return False
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    near = since_s - skew_s < moment.timestamp() < time.time() + skew_s
    return weekday == header[1].decode() and near


def complete(sent, received, since_s):
    return judge(sent, received, since_s, 1024, 2.0)


class Broken(Exception):
    """The fault is there."""


class Deadline:
    """A point in time after which waiting is over."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def left(self):
        """Return the seconds left."""
        return max(0.0, self.at - time.monotonic())

    def check(self, message):
        """Stop when time is up."""
        if not self.left():
            raise Broken(message)


def unread_by_server(connected):
    """Return the bytes in the server's receive queue, or None where it cannot be seen (proc(5))."""
    if connected.family == socket.AF_UNIX or CASE["scheme"] == "tls":
        return None
    ours, theirs = connected.getsockname()[1], connected.getpeername()[1]
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as table:
                for line in table:
                    fields = line.split()
                    if fields[1].endswith(f":{theirs:04X}") and fields[2].endswith(f":{ours:04X}"):
                        return int(fields[4].split(":")[1], 16)
        except OSError:
            return None
    return None


def sockets_in_close_wait(port):
    """Count the server's sockets whose client has gone (proc(5); 08 is CLOSE-WAIT)."""
    count = 0
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as table:
                rows = [line.split() for line in table]
        except OSError:
            continue
        count += sum(row[1].endswith(f":{port:04X}") and row[3] == "08" for row in rows)
    return count


def descriptors(address):
    """Count what is open in the processes that hold the listener; None where that is hidden."""
    listeners = set()
    for path in ("/proc/net/unix", "/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as table:
                rows = [line.split() for line in table]
        except OSError:
            continue
        if isinstance(address, str):
            listeners |= {row[6] for row in rows if row[7:] == [address] and row[3] == "00010000"}
        else:
            mine = f":{address[1]:04X}"
            listeners |= {row[9] for row in rows if row[1].endswith(mine) and row[3] == "0A"}
    counts = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        links = [link_of(f"/proc/{pid}/fd/{name}") for name in names]
        if any(f"socket:[{inode}]" in links for inode in listeners):
            counts.append(len(links))
    return sum(counts) if counts else None


def link_of(path):
    """Return where a link leads; nothing, when it has gone meanwhile."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def await_no_growth(address, counts, deadline):
    """Count the descriptors; Broken when they have become more three times in a row."""
    count = descriptors(address)
    while count is not None and counts and count > counts[-1] and deadline.left():
        time.sleep(0.05)
        count = descriptors(address)
    if count is None:
        return
    if counts and count <= counts[-1]:
        counts.clear()
    counts.append(count)
    if len(counts) > 3:
        raise Broken(f"the server has more descriptors open after each round: {counts}")


def new_socket(address, receive_buffer_bytes=0):
    """Return a socket for the address."""
    if isinstance(address, str):
        return socket.socket(socket.AF_UNIX)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    fresh = socket.socket(family)
    fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer_bytes:
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    return fresh


def started(command):
    """Return the standard input and output of a new process, as one socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            shlex.split(command), stdin=theirs, stdout=theirs, start_new_session=True
        )
    atexit.register(ended, process)
    return ours


def ended(process):
    """End a process with its group; its input ended long ago, most likely."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def connect(address, receive_buffer_bytes=0):
    """Return a connected, non-blocking socket."""
    if CASE["scheme"] == "exec":
        return ready(started(address))
    soon = Deadline(2)
    while True:
        connected = new_socket(address, receive_buffer_bytes)
        connected.settimeout(5)
        try:
            connected.connect(address)
        except ConnectionRefusedError:  # the last replay may have ended a worker
            connected.close()
            if not soon.left():
                raise
            time.sleep(0.05)
        else:
            return ready(connected)


def ready(connected):
    """Return the socket with TLS where that is spoken, non-blocking."""
    if CASE["scheme"] == "tls":
        return secured(connected)
    connected.setblocking(False)
    return connected


def secured(connected):
    """Return the socket inside TLS, non-blocking."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate := os.environ.get("WIREPROOF_TLS_CERT"):
        context.load_cert_chain(certificate, os.environ.get("WIREPROOF_TLS_KEY") or None)
    connected.settimeout(5)
    inside = context.wrap_socket(connected)
    inside.setblocking(False)
    return inside


def connect_together(address, count):
    """Connect `count` sockets at the same instant; none may need a second SYN."""
    fresh = [new_socket(address) for _ in range(count)]
    for one in fresh:
        one.setblocking(False)
        one.connect_ex(address)
    for one in fresh:
        if not select.select([], [one], [], 5)[1] or one.getsockopt(
            socket.SOL_SOCKET, socket.SO_ERROR
        ):
            raise Broken("a connect failed")
        # tcpi_total_retrans, linux/tcp.h
        if struct.unpack("I", one.getsockopt(socket.IPPROTO_TCP, 11, 104)[100:])[0]:
            raise Broken("a connect needed a second SYN: the accept queue was full")
    return [ready(one) for one in fresh]


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


def main():
    """Replay, and say how it went."""
    address = sys.argv[1:] or CASE["address"]
    expected = 1 if CASE["scheme"] in ("unix", "exec") else 2
    if len(address) != expected or (expected == 2 and not str(address[1]).isdigit()):
        print(f"usage: {sys.argv[0]} {'PATH' if expected == 1 else 'HOST PORT'}")
        return 2
    address = address[0] if expected == 1 else (address[0], int(address[1]))
    try:
        for _ in range(CASE["runs"]):
            run(address)
    except Broken as broken:
        print(f"{CASE['requirement']} FAILS: {broken}")
        return 1
    except OSError as error:
        print(f"cannot reach the server: {error}")
        return 3
    print(f"{CASE['requirement']} holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
