"""The oracle of request-reply protocols: order, lanes, parts, and whose fault it is."""

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.errors import ProtocolCodeError
from wireproof.protocols import (
    Delimited,
    MalformedReplyError,
    Oracle,
    Reply,
    RequestReply,
    WrongReplyError,
    delimited,
)
from wireproof.words import printable


class Lines(Delimited):
    """One line in, one line out."""

    name = "lines"

    def requests(self):
        """Return a line."""
        return st.just(b"a\n")

    def expected(self, request: bytes):
        """Return it in capitals."""
        return request.upper()


class Chatty(Lines):
    """Says hi whenever it likes."""

    def unsolicited(self, message: bytes) -> bool:
        """Allow it."""
        return message == b"hi\n"


def ask(oracle: Oracle, *requests: bytes) -> None:
    """Announce and send whole requests."""
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))


@given(st.sets(st.integers(1, 8)))
def test_accepts_right_replies_however_cut(cuts: set[int]):
    """Three right replies settle three requests, wherever the stream is cut."""
    oracle = Lines().oracle()
    ask(oracle, b"ab\n", b"\n", b"cde\n")
    borders = [0, *sorted(cuts), 8]
    stream = b"AB\n\nCDE\n"
    answered = sum(oracle.receive_data(stream[a:b]) for a, b in itertools.pairwise(borders))
    assert (answered, oracle.owed, oracle.settled) == (3, 0, True)
    oracle.receive_eof()


def test_wrong_byte_is_known_at_once():
    """The first wrong byte is refused before the reply is complete, with its offset."""
    oracle = Lines().oracle()
    ask(oracle, b"abc\n", b"def\n")
    oracle.receive_data(b"ABC\nD")
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(b"x")
    assert caught.value.offset_bytes == 5


def test_surplus_and_early_replies_are_told_apart():
    """A reply to nothing, and one to a request that is half sent, have different words."""
    oracle = Lines().oracle()
    with pytest.raises(WrongReplyError, match="answer no request"):
        oracle.receive_data(b"A")
    oracle = Lines().oracle()
    oracle.announce(b"ab\n")
    oracle.sent(1)
    with pytest.raises(WrongReplyError, match="before its request was complete"):
        oracle.receive_data(b"A")


def test_end_of_stream_with_a_reply_owed():
    """The end of the stream names what is still owed."""
    oracle = Lines().oracle()
    ask(oracle, b"ab\n")
    with pytest.raises(WrongReplyError, match="1 reply owed"):
        oracle.receive_eof()


def test_end_of_stream_within_a_message():
    """Half a message at the end is wrong even where nothing is owed."""
    oracle = Chatty().oracle()
    oracle.receive_data(b"hi\nh")
    with pytest.raises(WrongReplyError, match="within a message"):
        oracle.receive_eof()


def test_unsolicited_messages_may_come_between():
    """A message that the protocol allows unasked answers nothing and is not wrong."""
    oracle = Chatty().oracle()
    ask(oracle, b"a\n")
    assert oracle.receive_data(b"hi\n") == 0
    assert oracle.receive_data(b"A\nhi\n") == 1
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"ho\n")


class Store(Lines):
    """Answers with the line before."""

    def __init__(self) -> None:
        self.before = b"none\n"

    def expected(self, request: bytes) -> bytes:
        """Return the line before."""
        reply, self.before = self.before, request
        return reply


def test_state_belongs_to_one_connection():
    """What expected() keeps in self is not seen by another connection's oracle."""
    protocol = Store()
    first, second = protocol.oracle(), protocol.oracle()
    ask(first, b"a\n", b"b\n")
    first.receive_data(b"none\na\n")
    ask(second, b"c\n")
    second.receive_data(b"none\n")
    assert first.settled
    assert second.settled


class Lanes(Lines):
    """Two kinds of reply that may overtake each other, and one that may be missing."""

    def expected(self, request: bytes):
        """Return the reply's lane by the request's first letter."""
        if request.startswith(b"o"):
            return [Reply(request, "a"), Reply(b"maybe-" + request, "o", optional=True)]
        return Reply(request, request[:1].decode())


@pytest.mark.parametrize(
    ("replies", "right"),
    [
        (b"a1\na2\nb1\n", True),
        (b"b1\na1\na2\n", True),
        (b"a1\nb1\na2\n", True),
        (b"a2\na1\nb1\n", False),
        (b"b1\nb1\n", False),
    ],
)
def test_lanes_keep_order_within_not_between(replies: bytes, right: bool):
    """Replies of one lane come in order; different lanes may overtake each other."""
    oracle = Lanes().oracle()
    ask(oracle, b"a1\n", b"b1\n", b"a2\n")
    if right:
        oracle.receive_data(replies)
        assert oracle.settled
    else:
        with pytest.raises(WrongReplyError):
            oracle.receive_data(replies)


def test_optional_replies_may_be_missing_but_not_wrong():
    """An optional reply that is left out is not owed; one that comes is compared, in its order."""
    oracle = Lanes().oracle()
    ask(oracle, b"o1\n", b"o2\n")
    assert oracle.receive_data(b"o1\no2\n") == 2
    assert oracle.settled
    oracle.receive_data(b"maybe-o2\n")
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"maybe-o1\n")  # overtaken
    oracle = Lanes().oracle()
    ask(oracle, b"o1\n")
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"maybe-x\n")


def test_without_order_any_owed_reply_fits_once():
    """Where replies have no order, each may come at any time, and only once."""

    class Unordered(Lines):
        ordered = False

    oracle = Unordered().oracle()
    ask(oracle, b"a\n", b"b\n", b"c\n")
    assert oracle.receive_data(b"C\nA\n") == 2
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"C\n")


class Parts(Lines):
    """Requests of several lines, each with replies of its own."""

    def parts(self, request: bytes) -> list[bytes]:
        """Return the lines."""
        return request.splitlines(keepends=True)

    def expected(self, request: bytes):
        """Return capitals; or, in two replies, a letter each."""
        if request.startswith(b"two"):
            return [Reply(b"1\n"), Reply(b"2\n")]
        return request.upper()


def test_a_request_of_several_parts_is_answered_by_its_last():
    """Each part owes its own replies when it is sent; the request counts once."""
    oracle = Parts().oracle()
    oracle.announce(b"a\nb\n")
    oracle.sent(2)
    assert oracle.owed == 1
    assert oracle.receive_data(b"A\n") == 0
    assert oracle.settled
    oracle.sent(2)
    assert oracle.receive_data(b"B\n") == 1


def test_greeting_is_owed_first_and_answers_nothing():
    """A greeting comes before every reply and is no answer to a request."""

    class Polite(Lines):
        def greeting(self) -> re.Pattern[bytes]:
            return re.compile(rb"220 [a-z]+\n")

    oracle = Polite().oracle()
    assert oracle.owed == 1
    ask(oracle, b"a\n")
    assert oracle.receive_data(b"220 ready\nA\n") == 1
    with pytest.raises(WrongReplyError, match="wrong reply"):
        Polite().oracle().receive_data(b"500 no\n")


def test_masked_replies_differ_only_where_allowed():
    """A mask hides what may differ, and nothing else."""

    class Masked(Lines):
        def mask(self, message: bytes) -> bytes:
            return re.sub(rb"[0-9]", b"#", message)

    oracle = Masked().oracle()
    ask(oracle, b"at 12\n", b"at 12\n")
    oracle.receive_data(b"AT 34\n")
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"AX 34\n")


def test_nothing_is_owed_behind_a_reply_that_closes():
    """After a reply that ends the stream, later requests are not answered, and bytes are wrong."""

    class Closing(Lines):
        def closes(self, reply: bytes) -> bool:
            return reply == b"BYE\n"

    oracle = Closing().oracle()
    ask(oracle, b"bye\n", b"a\n")
    oracle.receive_data(b"BYE\n")
    ask(oracle, b"b\n")
    assert (oracle.owed, oracle.ended) == (0, True)
    oracle.receive_eof()
    with pytest.raises(WrongReplyError, match="after the reply that ends"):
        oracle.receive_data(b"A\n")


def test_a_reply_may_end_with_the_stream():
    """Where the protocol says so, the end of the stream completes a reply, which is then judged."""

    class UntilEnd(Lines):
        eof_ends_reply = True

        def reply_length(self, buffer: bytearray) -> None:
            del buffer

        def expected(self, request: bytes) -> re.Pattern[bytes]:
            return re.compile(re.escape(request[:-1].upper()))

    oracle = UntilEnd().oracle()
    ask(oracle, b"ab\n")
    oracle.receive_data(b"A")
    oracle.receive_data(b"B")
    assert not oracle.settled
    oracle.receive_eof()
    assert oracle.settled
    oracle = UntilEnd().oracle()
    ask(oracle, b"ab\n")
    oracle.receive_data(b"A")
    with pytest.raises(WrongReplyError):
        oracle.receive_eof()


def test_endless_replies_are_bounded():
    """A reply whose end never comes is refused before it fills the memory."""

    class Bounded(Lines):
        max_reply_bytes = 10

        def expected(self, request: bytes) -> re.Pattern[bytes]:
            del request
            return re.compile(rb"x*\n")

    oracle = Bounded().oracle()
    ask(oracle, b"a\n")
    with pytest.raises(WrongReplyError, match="no end of the reply"):
        oracle.receive_data(b"x" * 11)


class Broken(RequestReply):
    """A user's class with one fault at a time."""

    name = "broken"
    length: object = None
    answer: object = re.compile(rb".*\n")

    def requests(self):
        """Return a line."""
        return st.just(b"a\n")

    def reply_length(self, buffer: bytearray):
        """Return what the fault asks for."""
        if isinstance(self.length, Exception):
            raise self.length
        return delimited(buffer, b"\n") if self.length is None else self.length

    def expected(self, request: bytes):
        """Return what the fault asks for."""
        del request
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("length", 0, "Broken.reply_length returned 0"),
        ("length", -3, "Broken.reply_length returned -3"),
        ("length", "4", "Broken.reply_length returned '4'"),
        ("length", 1.5, "Broken.reply_length returned 1.5"),
        ("length", True, "Broken.reply_length returned True"),
        ("length", NameError("nonsense"), "Broken.reply_length raised NameError: nonsense"),
        ("answer", KeyError("x"), "Broken.expected raised KeyError"),
        ("answer", "text", "Broken.expected returned 'text'"),
        ("answer", b"", "Broken.expected returned an empty reply"),
        ("answer", re.compile("text"), "a pattern of text"),
        ("answer", lambda _: nonsense, "raised NameError"),  # noqa: F821
    ],
)
def test_faults_of_the_users_class_are_theirs(attribute: str, value: object, said: str):
    """What goes wrong in the user's class is told as theirs, with file and line."""
    protocol = Broken()
    setattr(protocol, attribute, value)
    oracle = protocol.oracle()
    with pytest.raises(ProtocolCodeError) as caught:
        ask(oracle, b"a\n")
        oracle.receive_data(b"b\n")
    assert said in str(caught.value)
    assert re.search(r"test_request_reply_oracle\.py:\d+", str(caught.value))


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("length", IndexError("too far"), "Broken.reply_length raised IndexError: too far, at "),
        ("answer", lambda reply: json.loads(reply)["a"], "raised JSONDecodeError: Expecting"),
        ("answer", lambda _: int("\x1b[2J"), r"raised ValueError: invalid literal"),
    ],
)
def test_what_a_judge_cannot_take_is_a_wrong_reply(attribute: str, value: object, said: str):
    """An exception over the server's bytes is told of the reply, harmless, with file and line."""
    protocol = Broken()
    setattr(protocol, attribute, value)
    oracle = protocol.oracle()
    ask(oracle, b"a\n")
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(b"b\n")
    assert caught.value.problem.startswith("malformed reply (")
    assert said in caught.value.problem
    assert re.search(r"test_request_reply_oracle\.py:\d+\)$", caught.value.problem)
    assert caught.value.problem.isprintable()
    assert caught.value.actual == r"b'b\n'"


def test_whose_reply_it_is():
    """A wrong reply that is right for another request is told as that one's."""
    requests = [b"a\n", b"b\n", b"c\n"]
    said = [refusal(Lines().oracle(), requests, [sent])[0] for sent in (b"C\n", b"A\nA\n", b"X\n")]
    assert said == [
        "wrong reply, right for a later request",
        "wrong reply, right for the request before",
        "wrong reply",
    ]


def test_what_is_due_and_what_has_come_of_it():
    """The reply that is waited for, and the part that is here."""
    oracle = Lines().oracle()
    assert (oracle.due, oracle.unfinished) == ("", b"")
    ask(oracle, b"abc\n")
    oracle.receive_data(b"AB")
    assert (oracle.due, oracle.unfinished) == (r"b'ABC\n'", b"AB")


def test_a_reply_that_cannot_be_one_is_the_servers_fault():
    """MalformedReplyError is a finding about the server, with the protocol's words."""
    protocol = Broken()
    protocol.length = MalformedReplyError("no type byte")
    oracle = protocol.oracle()
    ask(oracle, b"a\n")
    with pytest.raises(WrongReplyError, match="no type byte"):
        oracle.receive_data(b"?")


def refusal(
    oracle: Oracle, requests: list[bytes], received: list[bytes], *, end: bool = False
) -> tuple[str, str, str, int]:
    """Return the words of the refusal that the last piece, or the end of the stream, meets."""
    ask(oracle, *requests)
    *before, last = received
    for piece in before:
        oracle.receive_data(piece)
    if end:
        oracle.receive_data(last)
    with pytest.raises(WrongReplyError) as caught:
        if end:
            oracle.receive_eof()
        else:
            oracle.receive_data(last)
    wrong = caught.value
    return wrong.problem, wrong.expected, wrong.actual, wrong.offset_bytes


class Counted(Lines):
    """Answers with any number."""

    def expected(self, request: bytes):
        """Return a pattern, so that no reply is known to the byte."""
        return re.compile(re.escape(request[:1]) + rb"\d+\n")


class Unordered(Lines):
    """One line in, one line out, in any order."""

    ordered = False


@pytest.mark.parametrize(
    ("oracle", "requests", "received", "words"),
    [
        (Lines(), [], [b"A"], ("bytes that answer no request", "nothing", "b'A'", 0)),
        (Lines(), [b"abc\n"], [b"Ax"], ("wrong reply", r"b'ABC\n'", "b'Ax'", 1)),
        (Lines(), [b"abc\n"], [b"xBC\n"], ("wrong reply", r"b'ABC\n'", r"b'xBC\n'", 0)),
        (
            Lines(),
            [b"a\n", b"b\n", b"cd\n"],
            [b"A\n", b"B\n", b"xD\n"],
            ("wrong reply", r"b'CD\n'", r"b'xD\n'", 4),
        ),
        (
            Lines(),
            [b"a\n", b"b\n"],
            [b"A\nB\nC"],
            ("bytes that answer no request", "nothing", "b'C'", 4),
        ),
        (Counted(), [b"a\n"], [b"b1\n"], ("wrong reply", r"a match of b'a\\d+\\n'", r"b'b1\n'", 0)),
        (
            Unordered(),
            [b"a\n", b"b\n", b"c\n", b"d\n"],
            [b"x\n"],
            ("wrong reply", r"b'A\n' or b'B\n' or b'C\n'", r"b'x\n'", 0),
        ),
        (
            Chatty(),
            [],
            [b"hi\n", b"ho\n"],
            ("bytes that answer no request", "nothing", r"b'ho\n'", 3),
        ),
    ],
)
def test_a_refusal_tells_both_sides_and_where(
    oracle: Lines, requests: list[bytes], received: list[bytes], words: tuple[str, str, str, int]
):
    """What came, what would have been right, and the offset in all that was received."""
    assert refusal(oracle.oracle(), requests, received) == words


@pytest.mark.parametrize(
    ("oracle", "requests", "received", "words"),
    [
        (
            Lines(),
            [b"a\n"],
            b"",
            ("end of stream with 1 reply owed", r"b'A\n'", "nothing", 0),
        ),
        (
            Lines(),
            [b"a\n", b"b\n", b"c\n"],
            b"A\n",
            ("end of stream with 2 replies owed", r"b'B\n'", "nothing", 2),
        ),
        (
            Lines(),
            [b"abc\n"],
            b"AB",
            ("end of stream with 1 reply owed", r"b'ABC\n'", "b'AB'", 0),
        ),
        (
            Chatty(),
            [],
            b"hi\nh",
            ("end of stream within a message", "the rest of it", "b'h'", 3),
        ),
    ],
)
def test_a_stream_that_ends_too_soon_names_what_is_missing(
    oracle: Lines, requests: list[bytes], received: bytes, words: tuple[str, str, str, int]
):
    """How many replies were owed, the first of them, and what was there of it."""
    assert refusal(oracle.oracle(), requests, [received], end=True) == words


def test_bytes_after_the_end_are_told():
    """Behind a reply that closes nothing is right."""

    class Closing(Lines):
        def closes(self, reply: bytes) -> bool:
            return reply == b"BYE\n"

    words = ("bytes after the reply that ends the stream", "nothing", "b'A'", 4)
    assert refusal(Closing().oracle(), [b"bye\n"], [b"BYE\n", b"A"]) == words


def test_nothing_of_a_request_is_sent_yet():
    """A reply to what is only announced answers nothing; to what is sent in part it is early."""
    oracle = Lines().oracle()
    oracle.announce(b"ab\n")
    assert refusal(oracle, [], [b"A"])[0] == "bytes that answer no request"
    oracle.sent(2)
    assert refusal(oracle, [], [b"A"])[0] == "a reply before its request was complete"


@pytest.mark.parametrize(("length", "at"), [(200, 100), (201, 10), (201, 17), (500, 100)])
def test_long_replies_are_shown_around_the_first_wrong_byte(length: int, at: int):
    """Up to 200 bytes are shown whole; of more, what begins 16 bytes before the wrong one."""
    request = b"a" * (length - 1) + b"\n"
    right = request.upper()
    wrong = right[:at] + b"x" + right[at + 1 :]
    start = max(0, at - 16) if length > 200 else 0
    dots = "…" if start else ""
    _, expected, actual, offset_bytes = refusal(Lines().oracle(), [request], [wrong])
    assert expected == dots + printable(right[start:])
    assert actual == dots + printable(wrong[start:])
    assert offset_bytes == at


def test_the_longest_reply_that_is_allowed():
    """A reply of the limit is right; one byte more, come or promised, is refused."""

    class Bounded(Counted):
        max_reply_bytes = 4

    oracle = Bounded().oracle()
    ask(oracle, b"a\n")
    assert oracle.receive_data(b"a12") == 0
    assert oracle.receive_data(b"\n") == 1
    words = ("no end of the reply in sight", "at most 4 bytes", "b'a1234'", 0)
    assert refusal(Bounded().oracle(), [b"a\n"], [b"a123", b"4"]) == words

    class Promising(Bounded):
        def reply_length(self, buffer: bytearray) -> int:
            return buffer[0]

    assert refusal(Promising().oracle(), [b"a\n"], [b"\x05"])[1] == "at most 4 bytes"
    oracle = Promising().oracle()
    ask(oracle, b"a\n")
    assert oracle.receive_data(b"\x04") == 0


def test_a_wrong_length_is_told_with_what_it_was_asked_of():
    """The fault of reply_length shows the head of the buffer, and what to return instead."""
    protocol = Broken()
    protocol.length = 0
    oracle = protocol.oracle()
    ask(oracle, b"a\n")
    with pytest.raises(ProtocolCodeError) as caught:
        oracle.receive_data(b"b" * 61)
    said = str(caught.value)
    assert f"returned 0 for {printable(b'b' * 61, 60)}" in said
    instead = "return the reply's length in bytes, or None while it is incomplete"
    assert f"\n{instead}; fix it at " in said


class UntilEnd(Lines):
    """A reply ends with the stream."""

    eof_ends_reply = True

    def reply_length(self, buffer: bytearray) -> None:
        """Leave it to the end."""
        del buffer

    def mask(self, message: bytes) -> bytes:
        """Let digits differ."""
        return re.sub(rb"[0-9]", b"#", message)

    def expected(self, request: bytes):
        """Return the line without its end; or a judge of digits."""
        return self.judge if request == b"judge\n" else request[:-1].upper()

    def judge(self, reply: bytes) -> bool:
        """Take digits."""
        if not reply.isdigit():
            raise MalformedReplyError("no digits")
        return True


def test_a_reply_that_ends_with_the_stream_is_judged_like_any():
    """At the end of the stream masks hold, and wrong and malformed replies are told apart."""
    oracle = UntilEnd().oracle()
    ask(oracle, b"at 12\n")
    oracle.receive_data(b"AT 34")
    oracle.receive_eof()
    assert oracle.settled
    words = ("wrong reply", "b'AT 12'", "b'AT x'", 0)
    assert refusal(UntilEnd().oracle(), [b"at 12\n"], [b"AT x"], end=True) == words
    words = ("malformed reply (no digits)", "what UntilEnd.judge accepts", "b'x'", 0)
    assert refusal(UntilEnd().oracle(), [b"judge\n"], [b"x"], end=True) == words


def test_a_malformed_message_names_what_was_owed():
    """What cannot be a reply is told with the protocol's words and the first reply owed."""

    class Strict(Chatty):
        def reply_length(self, buffer: bytearray) -> int | None:
            if buffer.startswith(b"?"):
                raise MalformedReplyError("no letter")
            return super().reply_length(buffer)

    words = ("malformed reply (no letter)", r"b'A\n'", "b'?'", 0)
    assert refusal(Strict().oracle(), [b"a\n"], [b"?"]) == words
    words = ("malformed reply (no letter)", "a message", "b'?'", 3)
    assert refusal(Strict().oracle(), [], [b"hi\n", b"?"]) == words


def test_optional_replies_answer_no_request():
    """A request is answered by the reply that must come, and counts once."""
    oracle = Lanes().oracle()
    ask(oracle, b"o1\n")
    assert oracle.receive_data(b"maybe-o1\n") == 0
    assert oracle.receive_data(b"o1\n") == 1


class Early(Lines):
    """May answer as soon as it has two bytes of a line."""

    enough = 2

    def answerable_at(self, message: bytes) -> int:
        """Return two, or what the test asks for."""
        del message
        return self.enough


def test_a_reply_may_come_before_its_request_is_whole():
    """From the byte on that the protocol names, a reply is right, once, and counts at the end."""
    oracle = Early().oracle()
    ask(oracle, b"x\n")
    oracle.receive_data(b"X\n")
    oracle.announce(b"abc\n")
    oracle.sent(1)
    assert refusal(oracle, [], [b"A"])[0] == "a reply before its request was complete"
    oracle = Early().oracle()
    ask(oracle, b"x\n")
    oracle.receive_data(b"X\n")
    oracle.announce(b"abc\n")
    oracle.sent(2)
    assert oracle.receive_data(b"AB") == 0
    assert oracle.owed == 1
    oracle.sent(2)
    assert oracle.receive_data(b"C\n") == 1
    assert oracle.settled


def test_a_request_is_not_answered_twice_for_being_answered_early():
    """A second reply before the request is whole is refused, and so is one behind it."""
    oracle = Early().oracle()
    oracle.announce(b"abc\n")
    oracle.sent(3)
    oracle.receive_data(b"ABC\n")
    assert refusal(oracle, [], [b"A"])[0] == "a reply before its request was complete"
    oracle = Early().oracle()
    oracle.announce(b"abc\n")
    oracle.sent(3)
    oracle.receive_data(b"ABC\n")
    oracle.sent(1)
    assert oracle.settled
    ask(oracle, b"d\n")
    assert oracle.receive_data(b"D\n") == 1


def test_a_request_that_is_answered_early_counts_once():
    """It counts when its reply is whole, early or not, and not again when the rest is sent."""
    for sent in (2, 3, 4):
        oracle = Early().oracle()
        oracle.announce(b"abc\n")
        oracle.sent(sent)
        assert [oracle.receive_data(piece) for piece in (b"ABC", b"\n")] == [0, 1]
        oracle.sent(4 - sent)
        ask(oracle, b"d\n")
        assert oracle.receive_data(b"D\n") == 1


def test_what_is_sent_with_the_rest_of_an_answered_request_is_owed():
    """The end of a request that is answered already, and whole requests behind it, go as one."""
    oracle = Early().oracle()
    for request in (b"abc\n", b"d\n"):
        oracle.announce(request)
    oracle.sent(2)
    oracle.receive_data(b"ABC\n")
    oracle.sent(4)
    assert oracle.owed == 1
    assert oracle.receive_data(b"D\n") == 1


def test_no_reply_is_right_before_a_byte_of_its_request():
    """Whatever a protocol says, what is only announced has no reply yet."""
    protocol = Early()
    protocol.enough = 0
    oracle = protocol.oracle()
    oracle.announce(b"abc\n")
    assert refusal(oracle, [], [b"A"])[0] == "bytes that answer no request"


def test_a_fault_in_an_early_answer_is_the_users():
    """An answer that is no reply is told as the class's, early as well."""

    class Bad(Early):
        def expected(self, request: bytes) -> Any:
            return len(request)

    oracle = Bad().oracle()
    oracle.announce(b"abc\n")
    oracle.sent(2)
    with pytest.raises(ProtocolCodeError, match=r"Bad\.expected returned 4"):
        oracle.receive_data(b"A")


@pytest.mark.parametrize(
    ("request_", "replies"), [(b"a\nb\n", [b"A\n", b"B\n"]), (b"two\n", [b"1\n", b"2\n"])]
)
def test_a_request_is_answered_by_the_last_of_its_replies(request_: bytes, replies: list[bytes]):
    """However many replies a request has, it counts once, and not before the last of them."""
    oracle = Parts().oracle()
    ask(oracle, request_)
    assert [oracle.receive_data(reply) for reply in replies] == [0, 1]


def test_parts_that_are_not_the_request_are_the_users_fault():
    """What parts() returns must be the request's own bytes, cut."""

    class Bad(Parts):
        def parts(self, request: bytes) -> list[bytes]:
            return [request, b"more\n"]

    with pytest.raises(ProtocolCodeError) as caught:
        Bad().oracle().announce(b"a\n")
    said = str(caught.value)
    assert said.startswith(
        "Bad.parts returned other bytes than the request's\ncut only; fix it at "
    )
    assert re.search(r"test_request_reply_oracle\.py:\d+", said)


def test_a_fault_in_the_greeting_is_the_users():
    """A greeting that is nothing to compare with is told before anything is sent."""

    class Bad(Lines):
        def greeting(self) -> Any:
            return 220

    with pytest.raises(ProtocolCodeError, match=r"Bad\.greeting returned 220"):
        Bad().oracle()


def test_replies_without_a_lane_keep_their_order_whatever_form_they_have():
    """Bare bytes and patterns are of one lane, beside which another may overtake."""

    class Mixed(Lines):
        def expected(self, request: bytes) -> Any:
            if request == b"other\n":
                return Reply(b"OTHER\n", "other")
            return re.compile(rb"[0-9]\n") if request == b"digit\n" else request.upper()

    requests = [b"a\n", b"other\n", b"digit\n"]
    oracle = Mixed().oracle()
    ask(oracle, *requests)
    assert oracle.receive_data(b"OTHER\nA\n5\n") == 3
    problem = "wrong reply, right for a later request"
    words = (problem, r"b'A\n' or b'OTHER\n'", r"b'5\n'", 0)
    assert refusal(Mixed().oracle(), requests, [b"5\n"]) == words


def test_a_stream_has_not_ended_by_itself():
    """Only the server ends a stream; until then what is sent is answered."""
    assert Lines().oracle().ended is False


class Choosing(RequestReply):
    """Two bytes of reply to a short request, four to a long one."""

    name = "choosing"

    def requests(self):
        """Return a short request."""
        return st.just(b"a")

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int:
        """Return what the request tells, and the greeting's one byte."""
        del buffer
        return 4 if len(request) > 1 else 2 if request else 1

    def greeting(self) -> re.Pattern[bytes]:
        """Return a digit."""
        return re.compile(b"[0-9]")

    def expected(self, request: bytes) -> re.Pattern[bytes]:
        """Return that many letters."""
        return re.compile(b"[a-z]{4}" if len(request) > 1 else b"[a-z]{2}")

    def closes(self, reply: bytes, request: bytes = b"") -> bool:
        """Close behind the reply to one request."""
        return request == b"last" or reply == b"zz"


@given(st.sets(st.integers(1, 12)))
def test_the_request_tells_where_its_reply_ends(cuts: set[int]):
    """A reply_length with a second parameter is given the request that the reply answers."""
    oracle = Choosing().oracle()
    ask(oracle, b"long", b"a", b"long", b"a")
    stream = b"7aaaabbccccdd"
    borders = [0, *sorted(cuts), len(stream)]
    assert sum(oracle.receive_data(stream[a:b]) for a, b in itertools.pairwise(borders)) == 4
    assert oracle.settled
    assert not oracle.ended


@pytest.mark.parametrize(("last", "reply"), [(b"last", b"aaaa"), (b"a", b"zz")])
def test_the_request_tells_whether_its_reply_closes(last: bytes, reply: bytes):
    """So is a closes with a second parameter."""
    oracle = Choosing().oracle()
    ask(oracle, b"long", last, b"a")
    oracle.receive_data(b"7aaaa" + reply)
    assert (oracle.ended, oracle.owed) == (True, 0)


def test_what_is_asked_of_nothing_has_no_request():
    """A message that nobody asked for is framed, and closes, without a request."""
    asked: list[bytes] = []

    class Telling(Choosing):
        def reply_length(self, buffer: bytearray, request: bytes = b"?") -> int:
            asked.append(request)
            return len(buffer)

        def closes(self, reply: bytes, request: bytes = b"?") -> bool:
            asked.append(request)
            return False

        def unsolicited(self, message: bytes) -> bool:
            return message == b"hey"

    oracle = Telling().oracle()
    oracle.receive_data(b"7")
    oracle.receive_data(b"hey")
    assert asked == [b""] * 4


class Telling(Lines):
    """Says what a reply says."""

    def in_words(self, reply: bytes) -> str:
        """Return the first line."""
        return reply.partition(b"\n")[0].decode("latin-1")


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (Telling(), "wrong reply (no \\x1b[31m!)"),
        (type("Late", (Telling,), {"ordered": False})(), "wrong reply (no \\x1b[31m!)"),
        (Lines(), "wrong reply"),
    ],
)
def test_a_wrong_reply_is_told_in_the_protocols_words(protocol: Lines, words: str):
    """What the server says stands beside, and can do no harm to a terminal."""
    assert refusal(protocol.oracle(), [b"a\n"], [b"no \x1b[31m!\nmore\n"])[0] == words
    oracle = protocol.oracle()
    ask(oracle, b"a\n")
    oracle.receive_data(b"A\n")
    assert refusal(oracle, [], [b"no"])[0] == "bytes that answer no request"


def test_words_for_a_reply_that_ends_with_the_stream():
    """So does what a reply says that the end of the stream ends; long words are cut."""

    class Paging(UntilEnd):
        def in_words(self, reply: bytes) -> str:
            return reply.decode()

    words = f"wrong reply ({'x' * 200}…)"
    assert refusal(Paging().oracle(), [b"a\n"], [b"x" * 210], end=True)[0] == words


class Named(Unordered):
    """Names each line by its first letter."""

    def message_id(self, message: bytes) -> bytes:
        """Return the letter."""
        return message[:1].upper()


def test_a_reply_is_compared_with_the_request_that_it_names():
    """Of what could come in any order, the reply named is the one that would have been right."""
    requests = [b"ab\n", b"cd\n", b"ef\n"]
    assert refusal(Named().oracle(), requests, [b"CX\n"])[1] == repr(b"CD\n")
    assert refusal(Named().oracle(), requests, [b"XX\n"])[1].count(" or ") == 2
    oracle = Named().oracle()
    ask(oracle, *requests)
    assert oracle.receive_data(b"EF\nAB\nCD\n") == 3


class Counting(Lines):
    """Tells how many there are, and must not change its mind."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.replies: list[tuple[bytes, bytes]] = []

    def expected(self, request: bytes):
        """Return a number, known to the byte for one request."""
        return b"7\n" if request == b"known\n" else re.compile(rb"[0-9]\n")

    def unsolicited(self, message: bytes) -> bool:
        """Allow one."""
        return message == b"hi\n"

    def heard(self, reply: bytes, request: bytes) -> str:
        """Compare with the first."""
        self.replies.append((reply, request))
        return "" if reply == self.replies[0][0] else f"now {reply!r}"


def test_a_model_hears_each_right_reply_with_its_request():
    """One that was judged by a pattern, and one that is known to the byte; none that is unasked."""
    heard: list[tuple[bytes, bytes]] = []

    class Noting(Counting):
        def heard(self, reply: bytes, request: bytes) -> str:
            heard.append((reply, request))
            return ""

    for kind in (Noting, type("Exact", (Noting,), {"unsolicited": Lines.unsolicited})):
        oracle = kind().oracle()
        ask(oracle, b"a\n", b"known\n")
        oracle.receive_data(b"3\n" if kind is not Noting else b"hi\n3\n")
        oracle.receive_data(b"7")
        oracle.receive_data(b"\n")
        assert heard == [(b"3\n", b"a\n"), (b"7\n", b"known\n")]
        heard.clear()


def test_what_a_model_says_is_wrong_is_a_wrong_reply():
    """With its words, where it stood; each connection hears for itself."""
    protocol = Counting()
    first, second = protocol.oracle(), protocol.oracle()
    for oracle, reply in ((first, b"3\n"), (second, b"4\n")):
        ask(oracle, b"a\n")
        oracle.receive_data(reply)
    ask(first, b"b\n")
    with pytest.raises(WrongReplyError, match=r"^wrong reply: now b'4\\n' at byte 2"):
        first.receive_data(b"4\n")


def test_a_model_hears_what_ends_with_the_stream():
    """The end of the stream completes it."""

    class UntilEnd(Counting):
        eof_ends_reply = True

        def reply_length(self, buffer: bytearray) -> None:
            del buffer

        def heard(self, reply: bytes, request: bytes) -> str:
            return f"{reply!r} to {request!r}"

    oracle = UntilEnd().oracle()
    ask(oracle, b"a\n")
    oracle.receive_data(b"5\n")
    with pytest.raises(WrongReplyError, match="wrong reply: b'5"):
        oracle.receive_eof()
