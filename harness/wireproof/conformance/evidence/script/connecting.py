"""Sockets to the server, one by one or all at once."""

import atexit
import os
import select
import shlex
import signal
import socket
import ssl
import struct
import subprocess
import time

from wireproof.conformance.evidence.script.broken import Broken, Deadline
from wireproof.conformance.evidence.script.case import CASE


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
        except (ConnectionRefusedError, BlockingIOError):
            # The last replay may have ended a worker, or filled the queue of a Unix socket.
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
