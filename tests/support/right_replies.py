"""A right server without a socket: the replies that a sound one sends, for any built-in protocol.

Where a protocol knows its replies to the byte, they are those; where it has a pattern or a judge,
a sample that it accepts.
"""

import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence

from tests.support.ftp_server import FtpControl
from tests.support.mail_servers import ImapServer, Pop3Server
from wireproof.protocols.base import Protocol
from wireproof.protocols.replies import Expected, Matcher, Reply, replies_of
from wireproof.protocols.request_reply import RequestReply

STAMP = b"[Mon Nov 23 14:41:16 2026] "
_SAMPLES = (
    b":0\r\n",
    b"-ERR value is not an integer or out of range\r\n",
    b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    b"NOT_FOUND\r\n",
    b"VERSION 1.6.18\r\n",
    b"220 ready\r\n",
    b"250 fine\r\n",
    b"354 go ahead\r\n",
    b"Mon Nov 23 14:41:16 2026\r\n",
)


def right_replies(protocol: Protocol, requests: Sequence[bytes]) -> list[bytes]:
    """Return the reply to each request, as if each was answered before the next is sent.

    The requests go as they are: opening ones have to be among them. A greeting is the first reply.
    """
    if protocol.name == "timestamp-echo":
        limit = 1024
        return [
            b"".join(STAMP + request[at : at + limit] for at in range(0, len(request), limit))
            for request in requests
        ]
    if not isinstance(protocol, RequestReply):
        return list(requests)
    greeting, told = _told(protocol, requests)
    return [*greeting, *(b"".join(reply for _, reply in parts) for parts in told)]


def in_steps(protocol: Protocol, requests: Sequence[bytes]) -> list[list[tuple[bytes, bytes]]]:
    """Return of each request what leaves at once, with the right reply to it.

    That is more than one step where the client waits within a request. Greetings are left out.
    """
    if not isinstance(protocol, RequestReply):
        replies = right_replies(protocol, requests)
        return [[step] for step in zip(requests, replies, strict=True)]
    found = []
    for request, parts in zip(requests, _told(protocol, requests)[1], strict=True):
        steps, at = [(b"", b"")], 0
        for part, reply in parts:
            if at in protocol.pauses(request):
                steps.append((b"", b""))
            steps[-1] = (steps[-1][0] + part, steps[-1][1] + reply)
            at += len(part)
        found.append(steps)
    return found


def _told(
    protocol: RequestReply, requests: Sequence[bytes]
) -> tuple[list[bytes], list[list[tuple[bytes, bytes]]]]:
    """Return the greeting, and of each request its parts with the replies to them."""
    if protocol.name in _MODELS:
        model = _MODELS[protocol.name]()
        said = [model(b"")]
        return said, [[(part, model(part)) for part in protocol.parts(one)] for one in requests]
    session = protocol.session()
    answer = _ANSWERS.get(protocol.name, _nobody)()

    def sampled(expected: Expected, request: bytes, asked: Callable[..., object]) -> bytes:
        return b"".join(_sample(reply, request, answer) for reply in replies_of(expected, asked))

    greeting = session.greeting()
    return (
        [sampled(greeting, b"", session.greeting)],
        [
            [(part, sampled(session.expected(part), part, session.expected)) for part in parts]
            for parts in map(session.parts, requests)
        ],
    )


Answer = Callable[[bytes], bytes]


def _sample(reply: Reply, request: bytes, answer: Answer) -> bytes:
    matcher: Matcher = reply.matcher
    if isinstance(matcher, bytes):
        return matcher
    if isinstance(matcher, re.Pattern):
        return next(sample for sample in _SAMPLES if matcher.fullmatch(sample))
    found = getattr(matcher, "sample", b"") or answer(request)
    assert matcher(found), (request, found)
    return found


def _nobody() -> Answer:
    def answer(request: bytes) -> bytes:
        raise AssertionError(f"a judge without a sample: {request!r}")

    return answer


def _http_server() -> Answer:
    from wireproof.protocols.built_in.http_messages import parse_request

    def answer(request: bytes) -> bytes:
        method, target, body = parse_request(request)
        content = b"%b %b\n" % (method, target) + body
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content)
        return head if method == b"HEAD" else head + content

    return answer


def _name_server() -> Answer:
    import dns.message

    def answer(request: bytes) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(request[2:])).to_wire()
        return len(reply).to_bytes(2) + reply

    return answer


def _device() -> Answer:
    registers: dict[int, int] = {}

    def answer(request: bytes) -> bytes:
        function, address, count = struct.unpack_from(">BHH", request, 7)
        if function == 6:
            registers[address] = count
            return request
        if function == 16:
            registers.update(enumerate(struct.unpack_from(f">{count}H", request, 13), address))
            return request[:5] + b"\x06" + request[6:12]
        values = [registers.get(at, 0) for at in range(address, address + count)]
        head = struct.pack(">HBBB", 3 + 2 * count, request[6], 3, 2 * count)
        return request[:4] + head + struct.pack(f">{count}H", *values)

    return answer


def _receiver() -> Answer:
    def answer(request: bytes) -> bytes:
        header = request[1:].split(b"\r", 1)[0]
        control_id = header.split(b"|")[9]
        return b"\x0b" + header + b"\rMSA|AA|" + control_id + b"\r\x1c\r"

    return answer


def _language_server() -> Answer:
    def answer(request: bytes) -> bytes:
        asked = json.loads(request.partition(b"\r\n\r\n")[2])
        known = asked["method"] == "initialize"
        said = {"result": {}} if known else {"error": {"code": -32601, "message": "no"}}
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | said).encode()
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    return answer


def _web_server() -> Answer:
    from wsproto import WSConnection
    from wsproto.connection import ConnectionType
    from wsproto.events import AcceptConnection

    def answer(request: bytes) -> bytes:
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(request)
        list(server.events())
        return server.send(AcceptConnection())

    return answer


def _database() -> Answer:
    def answer(request: bytes) -> bytes:
        for state in (b"42601", b"22012", b"26000"):
            shown = {b"42601": b"SELEC 1", b"22012": b"1/0", b"26000": b"wireproof_none"}[state]
            if shown in request:
                fields = b"SERROR\0VERROR\0C%b\0Mno\0\0" % state
                return b"E" + (4 + len(fields)).to_bytes(4) + fields
        return b"K\0\0\0\x0c" + bytes(8)

    return answer


_ANSWERS: dict[str, Callable[[], Answer]] = {
    "http1": _http_server,
    "dns": _name_server,
    "modbus-tcp": _device,
    "mllp": _receiver,
    "json-rpc": _language_server,
    "websocket": _web_server,
    "postgres": _database,
    "socks5": lambda: lambda _: b"\x05\0\0\x01\x7f\0\0\1\0\7",
    "nats": lambda: lambda _: b"INFO {}\r\n",
    "syslog": lambda: lambda request: b"Jan  1 00:00:00 client " + request,
    "graphite": lambda: lambda request: request,
}


_MODELS: dict[str, Callable[[], Answer]] = {
    "pop3": lambda: Pop3Server().answer,
    "imap": lambda: ImapServer().answer,
    "ftp": lambda: FtpControl().answer,
}
"""Servers that answer each part of a request, and a greeting where there is nothing."""


def pieces(stream: bytes, size_bytes: int) -> Iterator[bytes]:
    """Yield the stream in pieces of a size, the last one shorter."""
    for at in range(0, len(stream), size_bytes):
        yield stream[at : at + size_bytes]
