"""WebSocket: the upgrade, and replies by wsproto, another hand's model of both sides."""

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import WSConnection
from wsproto.connection import Connection, ConnectionType
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.utilities import RemoteProtocolError

from tests.support.slow_judges import accepts, cut, spoilt
from wireproof.protocols import MalformedReplyError, Oracle, WrongReplyError
from wireproof.protocols.built_in.websocket import Message, WebSocket
from wireproof.protocols.built_in.websocket.drawing import fragments, whole
from wireproof.protocols.built_in.websocket.frames import KEY, Opcode, frame
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

REQUEST = WebSocket().opening()[0]
REQUESTS = WebSocket().requests()
TEXT = Message(Message.TEXT, "aé€😀".encode())


def opened(*requests: bytes) -> Oracle:
    """Return the oracle of a connection that has agreed and sent `requests`."""
    protocol = WebSocket()
    oracle = protocol.oracle()
    for request in (REQUEST, *requests):
        oracle.announce(request)
        oracle.sent(len(request))
    oracle.receive_data(agreed(REQUEST))
    return oracle


def agreed(request: bytes) -> bytes:
    """Return what wsproto answers to an upgrade."""
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(request)
    list(server.events())
    return server.send(AcceptConnection())


def settled(stream: bytes, *requests: bytes) -> bool:
    """Say whether a stream behind the upgrade is all that is owed."""
    oracle = opened(*requests)
    try:
        oracle.receive_data(stream)
    except WrongReplyError:
        return False
    return oracle.settled


@pytest.mark.parametrize("serial", [0, 1, 4095])
def test_the_upgrade_is_one_to_another_hand(serial: int):
    """The library takes the request, and its answer is right for that connection alone."""
    protocol = WebSocket()
    request = protocol.personalise(REQUEST, serial)
    assert accepts(protocol.oracle(), [request], [agreed(request)])
    other = protocol.personalise(REQUEST, serial + 7)
    assert not accepts(protocol.oracle(), [other], [agreed(request)])


@pytest.mark.parametrize(
    ("change", "instead", "is_right"),
    [
        (b"Upgrade: websocket", b"upgrade:WebSocket ", True),
        (b"Connection: Upgrade", b"CONNECTION: keep-alive, upgrade", True),
        (b"Switching Protocols", b"", True),
        (b"101 Switching", b"200 Switching", False),
        (b"HTTP/1.1", b"HTTP/1.0", False),
        (b"Upgrade: websocket\r\n", b"", False),
        (b"Connection: Upgrade", b"Connection: close", False),
        (b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: A", False),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", False),
        (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n", False),
        (b"\r\n\r\n", b"\r\nno colon\r\n\r\n", False),
    ],
)
def test_what_agrees_to_an_upgrade(change: bytes, instead: bytes, is_right: bool):
    """Names, tokens and reasons may be written otherwise; nothing may be missing or unasked."""
    answer = agreed(REQUEST)
    head = b"HTTP/1.1 101 Switching Protocols\r\n"
    fields = dict(line.split(b": ") for line in answer.split(b"\r\n")[1:-2])
    lines = [b"Upgrade: websocket", b"Connection: Upgrade"]
    accept = next(value for name, value in fields.items() if name.lower().endswith(b"accept"))
    plain = head + b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept]) + b"\r\n\r\n"
    assert accepts(WebSocket().oracle(), [REQUEST], [plain])
    assert accepts(WebSocket().oracle(), [REQUEST], [plain.replace(change, instead)]) == is_right


def test_a_subprotocol_is_asked_for_and_chosen():
    """With `subprotocol` set, the answer has to choose it; origin, host and path are as set."""
    settings = {"subprotocol": "chat", "origin": "http://a", "host": "b:1", "path": "/c"}
    protocol = find_protocol("websocket", settings)
    (request,) = protocol.opening()
    assert request.startswith(b"GET /c HTTP/1.1\r\nHost: b:1\r\n")
    assert b"\r\nOrigin: http://a\r\nSec-WebSocket-Protocol: chat\r\n\r\n" in request
    answer = agreed(request)
    assert not accepts(protocol.oracle(), [request], [answer])
    chosen = answer[:-2] + b"Sec-WebSocket-Protocol: chat\r\n\r\n"
    assert accepts(protocol.oracle(), [request], [chosen])


WRONG = {
    "another kind of message": frame(Opcode.BINARY, TEXT.payload),
    "masked": whole(TEXT),
    "a length in more bytes than it needs": b"\x81\x7e\x00\x0a" + TEXT.payload,
    "fragments as messages": frame(Opcode.TEXT, TEXT.payload[:3]) + frame(Opcode.TEXT, b"\x82\xac"),
    "a fragment too few": frame(Opcode.TEXT, TEXT.payload[:3], final=False),
    "a spoilt character": frame(Opcode.TEXT, "a\ufffd€😀".encode()),
    "reserved bits": b"\xc1" + frame(Opcode.TEXT, TEXT.payload)[1:],
    "a continuation of nothing": frame(Opcode.CONTINUATION, TEXT.payload),
    "a message inside a message": (
        frame(Opcode.TEXT, b"", final=False) + frame(Opcode.TEXT, TEXT.payload)
    ),
    "a close frame": frame(Opcode.CLOSE, b"\x03\xe8"),
    "a message too many": frame(Opcode.TEXT, TEXT.payload) * 2,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_of_each_kind_is_caught(name: str):
    """A message comes back as what it was, unmasked, whole, once."""
    assert settled(frame(Opcode.TEXT, TEXT.payload), whole(TEXT))
    assert not settled(WRONG[name], whole(TEXT))


@pytest.mark.parametrize(
    ("stream", "is_right"),
    [
        (frame(Opcode.PONG, b"p"), True),
        (frame(Opcode.PONG, b"q") + frame(Opcode.PONG, b"p"), True),  # one that is unasked
        (frame(Opcode.PING, b"s") + frame(Opcode.PONG, b"p"), True),
        (frame(Opcode.PONG, b""), False),
        (frame(Opcode.PONG, b"p", final=False), False),
        (frame(Opcode.PING, b"p"), False),
    ],
)
def test_a_ping_has_its_pong(stream: bytes, is_right: bool):
    """With the ping's data; the server may ping, and send pongs that nobody asked for."""
    assert settled(stream, frame(Opcode.PING, b"p", key=KEY)) == is_right


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        (b"", True),
        (b"\x03\xe8", True),
        (b"\x03\xe9 going", True),
        (b"\x0f\xa0" + "é".encode(), True),
        (b"\x03", False),
        (b"\x03\xed", False),  # 1005, which is never sent
        (b"\x00\x00", False),
        (b"\x03\xe8\xc3", False),
    ],
)
def test_a_close_frame_has_a_code_and_text_or_nothing(body: bytes, is_right: bool):
    """Behind it nothing is owed any more, messages sent before among it."""
    requests = (whole(TEXT), frame(Opcode.CLOSE, b"\x03\xe8", key=KEY))
    assert WebSocket().is_last(requests[1])
    assert settled(frame(Opcode.CLOSE, body), *requests) == is_right


def test_a_reply_in_words():
    """A refusal, a kind of frame, and the code and text of a close are told."""
    protocol = WebSocket()
    assert protocol.in_words(b"HTTP/1.1 403 No\r\n\r\n") == "HTTP/1.1 403 No"
    assert protocol.in_words(frame(Opcode.CLOSE, b"\x03\xea bad")) == "a close frame with 1002  bad"
    assert protocol.in_words(frame(Opcode.PONG, b"x")) == "a pong frame"
    assert protocol.in_words(b"\x7f") == ""
    assert [
        protocol.refused(each) for each in (b"HTTP/1.1 403 No\r\n", agreed(REQUEST), b"\x88\x00")
    ] == [
        True,
        False,
        True,
    ]


def test_pings_leave_when_nothing_is_owed():
    """A request pauses before each ping: of two under way a server may answer the latest alone."""
    ping = frame(Opcode.PING, b"p", key=KEY)
    first, last = fragments(TEXT, (3,))
    assert WebSocket().pauses(first + ping + last + ping) == [
        len(first),
        len(first + ping + last),
    ]
    assert not WebSocket().pauses(ping + first)


class Shout(WebSocket):
    """Text comes back in capitals, behind a welcome."""

    name = "shout"

    def messages(self):
        """Return letters."""
        texts = st.text(string.ascii_letters)
        return texts.map(lambda text: Message(Message.TEXT, text.encode()))

    def welcome(self):
        """Return a word."""
        return [Message(Message.TEXT, b"hello")]

    def answers(self, message: Message):
        """Return two messages."""
        return [Message(Message.TEXT, message.payload.upper()), Message(Message.BINARY, b"")]


def test_an_application_has_replies_of_its_own():
    """What it is sent and what it answers is the application's; what an echo is sent isn't."""
    shout = Shout()
    assert check_code(shout)
    request = whole(Message(Message.TEXT, b"a"))
    said = frame(Opcode.TEXT, b"hello"), frame(Opcode.TEXT, b"A"), frame(Opcode.BINARY, b"")
    stream = agreed(REQUEST) + b"".join(said)
    assert accepts(shout.oracle(), [REQUEST, request], [stream])
    assert not accepts(shout.oracle(), [REQUEST, request], [agreed(REQUEST) + said[1]])
    assert shout.example() is shout.sized_request(100) is shout.payload_request(b"x") is None
    assert shout.sized_conversation(10) is None
    assert not shout.rules()
    assert list(shout.workload()) == ["message"]


def test_a_reply_that_is_none_is_malformed():
    """Each refusal of a frame says why."""
    for data, why in ((b"\x81\x81", "masked"), (b"\x80", "CONTINUATION"), (b"\x83", "opcode 3")):
        with pytest.raises(MalformedReplyError, match=why):
            WebSocket().reply_length(bytearray(data + bytes(8)))


Received = tuple[list[tuple[type, bytes]], list[bytes]]


def received(kind: ConnectionType, stream: bytes) -> Received | None:
    """Return the messages and pongs (of a server: pings) that wsproto reads, None if it refuses."""
    connection = Connection(kind)
    sentinel = frame(Opcode.PING, b"sentinel", key=b"" if kind is ConnectionType.CLIENT else KEY)
    messages: list[tuple[type, bytes]] = []
    control: list[bytes] = []
    parts: list[bytes] = []
    try:
        connection.receive_data(stream + sentinel)
        events = list(connection.events())
    except RemoteProtocolError:
        return None
    wanted = Pong if kind is ConnectionType.CLIENT else Ping
    *events, last = events or [None]
    if not isinstance(last, Ping) or last.payload != b"sentinel":
        return None
    for event in events:
        if isinstance(event, TextMessage | BytesMessage):
            data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
            parts.append(data)
            if event.message_finished:
                messages.append((type(event), b"".join(parts)))
                parts.clear()
        elif isinstance(event, CloseConnection):
            return None
        elif isinstance(event, wanted):
            control.append(bytes(event.payload))
    return None if parts else (messages, control)


def answered(data: st.DataObject, asked: Received) -> bytes:
    """Return right replies as wsproto writes them, in fragments, pongs wherever they may be."""
    server = Connection(ConnectionType.SERVER)
    messages, pings = asked
    left = list(pings)
    stream = b""

    def control() -> bytes:
        if left and data.draw(st.booleans()):
            return server.send(Pong(payload=left.pop(0)))
        return server.send(Ping(payload=b"beat")) if data.draw(st.booleans()) else b""

    for kind, payload in messages:
        stream += control()
        content = payload.decode() if kind is TextMessage else payload
        places = st.lists(st.integers(0, len(content)), max_size=3)
        for start, end in pairwise([0, *sorted(data.draw(places)), len(content)]):
            final = end == len(content)
            stream += server.send(kind(data=content[start:end], message_finished=final))
            if final:
                break
            stream += control()
    return stream + b"".join(server.send(Pong(payload=each)) for each in left)


def is_within(wanted: list[bytes], found: list[bytes]) -> bool:
    """Say whether `wanted` comes in `found`, in its order."""
    rest = iter(found)
    return all(each in rest for each in wanted)


@given(data=st.data())
def test_agrees_with_another_hand(data: st.DataObject):
    """The oracle accepts a stream exactly if wsproto reads from it what the echo owes."""
    requests = data.draw(st.lists(REQUESTS, min_size=1, max_size=3))
    asked = received(ConnectionType.SERVER, b"".join(requests))
    assert asked is not None
    stream = spoilt(data, answered(data, asked))
    got = received(ConnectionType.CLIENT, stream)
    right = got is not None and got[0] == asked[0] and is_within(asked[1], got[1])
    pieces = [agreed(REQUEST), *cut(data, stream)]
    assert accepts(WebSocket().oracle(), [REQUEST, *requests], pieces) == right


@given(st.data())
def test_every_request_is_one_to_another_hand(data: st.DataObject):
    """A server that keeps to the letter takes every request, and refuses what is malformed."""
    assert received(ConnectionType.SERVER, data.draw(REQUESTS)) is not None
    assert received(ConnectionType.SERVER, data.draw(WebSocket().malformed())) is None
