"""Loads of protocols with state, on small servers that are known to the byte."""

import http.server
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec


class Store(socketserver.StreamRequestHandler):
    """Memcached's get and set; spoils a value now and then."""

    values: dict[bytes, tuple[bytes, bytes]]
    spoil_one_in: int
    served: list[int]
    most: int

    def handle(self) -> None:
        """Until the end of input, or the most requests of a connection."""
        answered = 0
        while answered < self.most and (line := self.rfile.readline()):
            answered += 1
            name, *words = line.split()
            if name == b"set":
                self.values[words[0]] = words[1], self.rfile.read(int(words[3]) + 2)[:-2]
                self.wfile.write(b"STORED\r\n")
            elif name == b"delete":
                found = self.values.pop(words[0], None)
                self.wfile.write(b"DELETED\r\n" if found else b"NOT_FOUND\r\n")
            elif words[0] in self.values:
                self.served[0] += 1
                flags, value = self.values[words[0]]
                if self.spoil_one_in and self.served[0] % self.spoil_one_in == 0:
                    value = value[:-1] + b"!"
                head = b"VALUE %b %b %d\r\n" % (words[0], flags, len(value))
                self.wfile.write(head + value + b"\r\nEND\r\n")
            else:
                self.wfile.write(b"END\r\n")


@contextmanager
def store(spoil_one_in: int = 0, most: int = 10**9) -> Iterator[tuple[str, list[int]]]:
    """Serve; yields the target, and how many values were served."""
    served = [0]

    class Handler(Store):
        pass

    Handler.values, Handler.served = {}, served
    Handler.spoil_one_in, Handler.most = spoil_one_in, most
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}", served
        server.shutdown()


def test_a_sound_store_has_every_value_right():
    """Sets and gets of each connection's own keys, compared with what the model accepted."""
    with store() as (target, _):
        result = run_load(
            LoadSpec(target=target, protocol="memcached", users=[4], seconds=1.0, warm_up_s=0.5)
        )
    assert result.failures == {}
    assert result.right == result.requests > 100


def test_each_wrong_value_is_found():
    """One in a thousand values has a wrong byte: each is told, with what was asked and due."""
    with store(spoil_one_in=1000) as (target, served):
        result = run_load(
            LoadSpec(target=target, protocol="memcached", users=[4], seconds=2.0, warm_up_s=0.0)
        )
    found = result.failures["wrong reply"]
    early = result.details.get("failures_while_warming_up", {}).get("wrong reply", 0)
    assert abs(found + early - served[0] // 1000) <= 1  # the last one may be under way at the end
    sample = next(one for one in result.details["samples"] if one["cause"] == "wrong reply")
    assert sample["request"].startswith("b'get wp")
    assert "!" in sample["actual"]


@pytest.mark.parametrize("rate_per_s", [None, 200.0])
def test_no_connection_is_given_more_requests_than_it_takes(rate_per_s: float | None):
    """A server that closes after ten requests, three of them the opening's, is sent seven."""
    with store(most=10) as (target, _):
        result = run_load(
            LoadSpec(
                target=target,
                protocol="memcached",
                settings={"most_requests": "7"},
                users=[4],
                seconds=1.0,
                warm_up_s=0.1,
                rate_per_s=rate_per_s,
            )
        )
    assert result.failures == {}
    assert result.right == result.requests > 20


class _TenEach(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self) -> None:
        """Answer; the tenth time as the last, and say so."""
        self.answered += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        if self.answered == 10:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def test_what_is_sent_ahead_behind_the_last_reply_is_no_failure():
    """A server that says with a tenth reply that it closes serves none of the next six."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _TenEach) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = run_load(
            LoadSpec(
                target=f"tcp://127.0.0.1:{server.server_address[1]}",
                protocol="http1",
                settings={"methods": "GET"},
                mix={"get": 1},
                users=[3],
                seconds=1.0,
                warm_up_s=0.0,
                pipeline=8,
            )
        )
        server.shutdown()
    assert result.failures == {}
    assert result.right == result.requests > 10
    assert result.details["turned_away"] >= 6


def test_keys_of_a_feed_are_new_in_each_run(tmp_path: Path):
    """What the run before has stored under them is no surprise to the next one."""
    feed = tmp_path / "keys"
    feed.write_bytes(b"".join(b"key%d\n" % number for number in range(50)))
    with store() as (target, _):
        for _ in range(2):
            result = run_load(
                LoadSpec(
                    target=target,
                    protocol="memcached",
                    feed_file=str(feed),
                    users=[3],
                    seconds=0.5,
                    warm_up_s=0.0,
                )
            )
            assert result.failures == {}
            assert {kind.kind for kind in result.kinds} == {"get", "set"}
