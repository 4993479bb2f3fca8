"""What is fuzzed: each takes any bytes, and lets nothing escape but its refusals.

A function here raises only when a promise is broken, which is how the fuzzer knows of it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from wireproof.conformance.baseline import read_baseline
from wireproof.conformance.evidence.case import read_case
from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.histogram import Histogram
from wireproof.learning.learnt import learn
from wireproof.learning.patterns.matching import first_mismatch
from wireproof.learning.plays import Moment, Play
from wireproof.protocols.base import Protocol
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.results import load_results
from wireproof.traffic.captured.captures import read_capture
from wireproof.traffic.recordings import read_recording

Target = Callable[[bytes], None]


_PING = b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x02"
_QUERY = (
    b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x03com\x00\x00\x01\x00\x01"
)
# What is asked before the bytes come; where nothing is named, one request of 9 bytes.
REQUESTS: dict[str, tuple[bytes, ...]] = {
    "timestamp-echo": (b"ab[Mon Nov 23 14:41:16 2026] c", b"x"),
    "line-echo": (b"one\n", b"two\n"),
    "redis": (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"*2\r\n$4\r\nLLEN\r\n$1\r\na\r\n"),
    "memcached": (b"version\r\n", b"get a\r\n", b"delete a\r\n"),
    "smtp": (b"NOOP\r\n", b"RSET\r\n"),
    "dns": (len(_QUERY).to_bytes(2) + _QUERY,),
    "http1": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",) * 2,
    "modbus-tcp": (_PING,),
    "mqtt": (b"\xc0\x00", b"\x30\x05\x00\x01aXY", b"\x82\x06\x00\x01\x00\x01a\x00"),
    "mllp": (b"\x0bMSH|^~\\&|A|B|C|D|20261123144116||ADT^A01|7|P|2.5\r\x1c\r",),
}


@cache
def _protocol(name: str) -> Protocol:
    return find_protocol(name)


def _asked(name: str) -> Oracle:
    oracle = _protocol(name).oracle()
    for request in REQUESTS.get(name, (b"a request",)):
        oracle.announce(request)
        oracle.sent(len(request))
    return oracle


def _pieces(data: bytes, step: int) -> Sequence[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


def _verdict(oracle: Oracle, pieces: Sequence[bytes]) -> tuple[bool, bool, int]:
    """Return whether all was right, whether it was settled then, and how many were answered."""
    answered = 0
    try:
        for piece in pieces:
            answered += oracle.receive_data(piece)
        settled = oracle.settled
        oracle.receive_eof()
    except WrongReplyError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from error
        return False, False, 0
    return True, settled, answered


def judge_stream(name: str, data: bytes) -> None:
    """An oracle takes any bytes, and its verdict does not depend on how they are cut."""
    if len(data) < 2:
        return
    step, data = data[0] % 40 + 1, data[1:]
    whole = _verdict(_asked(name), [data])
    cut = _verdict(_asked(name), _pieces(data, step))
    assert whole == cut, (name, step, data, whole, cut)


def judge_datagram(name: str, data: bytes) -> None:
    """A judge of datagrams takes any bytes."""
    protocol = _protocol(name)
    assert isinstance(protocol, Datagrams)
    judge = protocol.datagram_oracle()
    judge.sent(_QUERY if name == "dns" else b"a datagram")
    with contextlib.suppress(WrongReplyError):
        judge.receive(data)


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="wireproof-fuzz-")) / "file"


def read_file(reader: Callable[[Path], object], data: bytes) -> None:
    """A reader of files refuses in one or two lines, or returns a record."""
    path = _scratch()
    path.write_bytes(data)
    try:
        reader(path)
    except UsageError as error:
        if len(str(error).splitlines()) > 3:
            raise AssertionError(str(error)) from error


def configure(data: bytes) -> None:
    """Settings are taken or refused in words."""
    names = list(BUILT_IN)
    if not data:
        return
    text = data[1:].decode(errors="surrogateescape")
    settings = dict(line.partition("=")[::2] for line in text.split("\n"))
    with contextlib.suppress(UsageError, ProtocolCodeError):
        find_protocol(names[data[0] % len(names)], settings).requests()


def decode_histogram(data: bytes) -> None:
    """Text that is no histogram is refused."""
    with contextlib.suppress(UsageError):
        Histogram.decode(data.decode(errors="replace"))


def read_traffic(reader: Callable[[bytes, str], object], data: bytes) -> None:
    """Captures and recordings are read, or refused in one or two lines."""
    try:
        reader(data, "x")
    except UsageError as error:
        if len(str(error).splitlines()) > 2:
            raise AssertionError(str(error)) from error


def learn_replies(data: bytes) -> None:
    """A pattern accepts every sample that it was learnt from, whatever they are."""
    if len(data) < 2:
        return
    samples = data[1:].split(data[:1])
    moments = (Moment(1767441601.0, 1767441602.0),)
    learnt = learn([Play((one,), moments) for one in samples])
    for one in samples:
        assert first_mismatch(learnt.patterns, [one]) is None, (samples, one)


def _baseline(path: Path) -> object:
    return read_baseline(path, ["SEG-SINGLE"])


def targets() -> dict[str, Target]:
    """Return all targets by name."""
    found: dict[str, Target] = {
        "replay": partial(read_file, read_case),
        "results": partial(read_file, load_results),
        "baseline": partial(read_file, _baseline),
        "settings": configure,
        "histogram": decode_histogram,
        "capture": partial(read_traffic, read_capture),
        "recording": partial(read_traffic, read_recording),
        "learning": learn_replies,
    }
    for name in BUILT_IN:
        protocol = _protocol(name)
        if "tcp" in protocol.transports:
            found[f"stream-{name}"] = partial(judge_stream, name)
        if isinstance(protocol, Datagrams):
            found[f"datagram-{name}"] = partial(judge_datagram, name)
    return found


def seeds() -> dict[str, list[bytes]]:
    """Return sound inputs to begin from, where a fuzzer would be long in finding one."""
    from tests.support import result_samples as samples
    from tests.support.packets import Write, captured, exchanged, ip, pcapng
    from wireproof.results import encode

    recording = (
        b'{"wireproof":"recording","format":1,"target":"x","begun_at_s":0}\n'
        b'{"at_us":1,"connection":0,"what":"client","data":"eA=="}\n'
    )
    packets = exchanged([Write(True, b"PING\r\n"), Write(False, b"+PONG\r\n")])
    case = (
        b'{"format":1,"requirement":"SEG-SINGLE","protocol":"echo","settings":{},"target":'
        b'"tcp://127.0.0.1:1","plan":{"requests":[["YWI="]],"actions":[{"do":"open",'
        b'"connection":0},{"do":"send","connection":0,"until":2},{"do":"close","connection":0}]},'
        b'"failure":{"cause":"","message":""},"failed":1,"runs":1,"explanation":"","events":[]}'
    )
    return {
        "replay": [case],
        "results": [encode(samples.results())],
        "baseline": [b'[[known]]\nid = "SEG-SINGLE"\nreason = "ticket 1"\n'],
        "capture": [captured(packets), pcapng([(0, ip(one), 101) for one in packets])],
        "recording": [recording],
        "learning": [
            b"|:1\r\n|:2\r\n|:3\r\n|:4\r\n",
            b"|a 12:00:01|b 12:00:02",
            b"\xff\x00\x01\xff\x00\x02",
        ],
        "settings": [b"\x00buffer=1024\nskew_s=2.0", b"\x05pipelining=true"],
        "histogram": [Histogram.of([1, 2, 3000]).encode().encode()],
        "stream-timestamp-echo": [b"\x05[Mon Nov 23 14:41:16 2026] ab"],
        "stream-redis": [b"\x05$-1\r\n:0\r\n", b"\x03*1\r\n$1\r\na\r\n"],
        "stream-memcached": [b"\x05VERSION 1\r\nVALUE a 0 1\r\nx\r\nEND\r\nNOT_FOUND\r\n"],
        "stream-smtp": [b"\x05220 x\r\n250-a\r\n250 b\r\n250 c\r\n"],
        "stream-http1": [b"\x05HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"],
        "stream-mqtt": [b"\x05\xd0\x00\x30\x05\x00\x01aXY\x90\x03\x00\x01\x00"],
        "stream-mllp": [b"\x05\x0bMSH|^~\\&\rMSA|AA|7\r\x1c\r"],
        "stream-modbus-tcp": [b"\x05\x00\x01\x00\x00\x00\x07\x01\x03\x04\x00\x00\x00\x00"],
        "stream-dns": [b"\x05\x00\x1d\x00\x07\x81\x80" + _QUERY[4:]],
        "datagram-dns": [b"\x00\x07\x81\x80" + _QUERY[4:]],
    }
