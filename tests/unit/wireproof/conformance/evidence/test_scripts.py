import re
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.findings import evidence, finding
from tests.support.learnt_scripts import constant, scripts
from tests.support.learnt_scripts import script as learnt_script
from tests.support.servers import (
    GreetedShout,
    Handler,
    Serving,
    Shout,
    echoing,
    greeting,
    greeting_one_read_one_line,
    one_read_one_line,
    shouting,
)
from tests.zoo.protocol import Store
from tests.zoo.serving import serving
from wireproof.conformance.evidence.case import Case
from wireproof.conformance.evidence.scripts import standalone_script
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Open, Plan
from wireproof.conformance.properties.datagrams import in_turn
from wireproof.learnt.judges import protocol_of
from wireproof.protocols.base import Protocol
from wireproof.protocols.built_in.chargen import Chargen
from wireproof.protocols.built_in.discard import Discard
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.time import Time
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.protocols.replies import Matcher
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.reference import ReferenceServer


def _exit_code(script: Path, *arguments: str) -> tuple[int, str]:
    """Run a script with an interpreter that sees nothing but the standard library."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("protocol", "broken", "sound", "where"),
    [
        (Shout(), one_read_one_line, shouting, "127.0.0.1"),
        (Shout(), one_read_one_line, shouting, "::1"),
        (Shout(), one_read_one_line, shouting, "unix"),
        (GreetedShout(), greeting_one_read_one_line, greeting, "127.0.0.1"),
    ],
)
def test_scripts_tell_broken_from_sound(
    protocol: Shout, broken: Handler, sound: Handler, where: str, tmp_path: Path
) -> None:
    """Over every transport, and behind a greeting and a log-in: 1 while broken, then 0."""
    path = tmp_path / "socket" if where == "unix" else None
    with Serving(broken, path, where) as server:
        script = evidence(tmp_path, server.target, protocol) / "replay.py"
        assert _exit_code(script)[0] == 1
        server.handler = sound
        assert _exit_code(script) == (0, "SEG-SINGLE holds\n")
        if path is None:
            assert _exit_code(script, "somewhere")[0] == 2
            assert _exit_code(script, where, "no-port")[1].startswith("usage: ")


@pytest.mark.parametrize(
    ("broken", "sound"),
    [(one_read_one_line, shouting), (greeting_one_read_one_line, greeting)],
)
def test_what_was_learnt_is_told_in_a_script(
    broken: Handler, sound: Handler, tmp_path: Path
) -> None:
    """By the form of the replies; behind a greeting, too."""
    greeted = [(b"", b"220 ready\n")] if sound is greeting else []
    learnt = constant(*greeted, (b"ab\n", b"AB\n"), (b"c.\n", b"C.\n"))
    with Serving(broken) as server:
        protocol = protocol_of(scripts(learnt, independent=(b"ab\n",)), time.time)
        script = evidence(tmp_path, server.target, protocol) / "replay.py"
        assert _exit_code(script)[0] == 1
        server.handler = sound
        assert _exit_code(script) == (0, "SEG-SINGLE holds\n")


def test_what_a_form_can_not_tell_has_no_script(tmp_path: Path) -> None:
    """A token that comes twice has the form of one."""
    tokens = [bytes([97 + number]) * 24 for number in range(7)]
    learnt = learnt_script([b"ab\n"], [[token + b"\n"] for token in tokens[:6]])
    protocol = protocol_of(scripts(learnt, independent=(b"ab\n",)), time.time)

    def same(peer: socket.socket) -> None:
        while data := peer.recv(65536):
            peer.sendall((tokens[6] + b"\n") * data.count(b"\n"))

    with Serving(same) as server:
        twice = single([b"ab\n", b"ab\n"])
        assert not (evidence(tmp_path, server.target, protocol, twice) / "replay.py").exists()


def test_a_fault_that_shows_later_is_seen(tmp_path: Path) -> None:
    """A script holds its conversation as often as it was confirmed, and once wrong is wrong."""
    with Serving(one_read_one_line) as server:
        script = evidence(tmp_path, server.target, Shout()) / "replay.py"
        handlers = iter([shouting, one_read_one_line])

        def first_right_then_wrong(peer: socket.socket) -> None:
            handler = next(handlers)
            handler(peer)

        server.handler = first_right_then_wrong
        assert _exit_code(script)[0] == 1
        assert next(handlers, None) is None


class Matched(Shout):
    """A protocol whose right replies are what the test says."""

    def __init__(self, *matchers: Matcher) -> None:
        self.matchers = list(matchers)

    def expected(self, request: bytes) -> Any:
        """The next of them."""
        del request
        return self.matchers.pop(0)

    def session(self) -> "Matched":
        """A copy: each connection begins anew."""
        return Matched(*self.matchers)


def _judge(matchers: Sequence[Matcher]) -> Callable[[bytes], bool] | None:
    """The script's judge of all replies together; None where there is no script."""
    plan = single([b"q\n"] * len(matchers))
    with Serving(one_read_one_line) as server:
        failure = finding(server.target, Shout()).failing.failure
        case = Case(
            format=1,
            requirement="SEG-SINGLE",
            protocol="p",
            settings={},
            target=str(server.target),
            plan=plan,
            failure=failure,
            failed=1,
            runs=1,
            explanation="",
            events=[],
        )
        source = standalone_script(case, server.target, Matched(*matchers), 1.0)
    if not source:
        return None
    module: dict[str, Any] = {"__name__": "script"}
    exec(compile(source, "replay.py", "exec"), module)  # noqa: S102 - our own template

    def done(received: bytes) -> bool:
        peer = module["Peer"](0, None)
        peer.sent, peer.received = len(peer.stream), received
        return bool(peer.done())

    return done


@pytest.mark.parametrize(
    ("matchers", "right", "wrong"),
    [
        ([b"a.c", b"d"], b"a.cd", b"abcd"),
        ([re.compile(rb"a.c"), b"d"], b"abcd", b"a\ncd"),
        ([re.compile(rb"a.c", re.DOTALL), b"d"], b"a\ncd", b"acd"),
        ([re.compile(rb"abc", re.IGNORECASE), b"d"], b"ABCd", b"ABCD"),
        ([re.compile(rb"^a+$"), re.compile(rb"\Ab\Z")], b"aab", b"aa"),
        ([re.compile(rb"a|b"), b"c"], b"bc", b"b"),
        ([re.compile(rb"a b # a comment", re.VERBOSE), b"c"], b"abc", b"a bc"),
        ([re.compile(rb"[^\n]*\n"), b"c"], b"xyz\nc", b"xyz\n"),
    ],
)
def test_patterns_keep_their_meaning(matchers: list[Matcher], right: bytes, wrong: bytes) -> None:
    """Flags, anchors and alternatives of one reply do not touch the next."""
    judge = _judge(matchers)
    assert judge is not None
    assert judge(right)
    assert not judge(wrong)


@pytest.mark.parametrize(
    "matcher", [lambda _: True, re.compile(rb"(a)\1"), re.compile(rb"(?P<x>a)")]
)
def test_no_script_where_it_could_not_judge(matcher: Matcher) -> None:
    """Code, and patterns that cannot be joined, get no script: better none than a wrong one."""
    assert _judge([matcher]) is None


def test_a_protocol_with_a_judge_of_its_own(tmp_path: Path) -> None:
    """A raw stream has no replies to list; its judge goes into the script."""
    with Serving(one_read_one_line) as server:
        script = evidence(tmp_path, server.target, Echo()) / "replay.py"
        assert _exit_code(script)[0] == 1
        server.handler = echoing
        assert _exit_code(script)[0] == 0


def test_what_is_answered_before_a_hold_is_judged_by_itself(tmp_path: Path) -> None:
    """A second reply without its header could be one long reply, but not after a pause."""
    with ReferenceServer("--fault", "header-once") as broken, ReferenceServer() as sound:
        target = resolve(parse_target(broken.target))[0]
        held = single([b"ab"], [1], hold_s=0.1)
        script = evidence(tmp_path, target, TimestampEcho(), held) / "replay.py"
        assert _exit_code(script)[0] == 1
        assert _exit_code(script, *sound.target.removeprefix("tcp://").split(":"))[0] == 0


class _UdpServer(socketserver.UDPServer):
    """Answers each datagram as it is told."""

    def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.answer = answer

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Send the answers, from this socket."""
        datagram, server = request
        for one in self.answer(datagram):
            server.sendto(one, client_address)

    @property
    def target(self) -> Target:
        """Where it listens."""
        return resolve(parse_target(f"udp://127.0.0.1:{self.server_address[1]}"))[0]


@contextmanager
def _serving(answer: Callable[[bytes], list[bytes]]) -> Iterator[_UdpServer]:
    with _UdpServer(answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda datagram: [datagram[:3]], "socket 0: b'abc' answers nothing"),
        (lambda datagram: [datagram, datagram], "socket 0: b'abcd' answers nothing"),
        (lambda _: [], "socket 0: no reply in time"),
    ],
)
def test_scripts_tell_broken_udp_servers_from_sound(
    broken: Callable[[bytes], list[bytes]], says: str, tmp_path: Path
) -> None:
    """Cut off, twice, or never: 1 while that is so, then 0; 3 where nothing listens any more."""
    with _serving(broken) as server:
        plan = in_turn(b"abcd", quiet_s=0.1)
        script = evidence(tmp_path, server.target, Echo(), plan) / "replay.py"
        assert _exit_code(script) == (1, f"SEG-SINGLE FAILS: {says}\n")
        server.answer = lambda datagram: [datagram]
        assert _exit_code(script) == (0, "SEG-SINGLE holds\n")
        assert _exit_code(script, "localhost")[0] == 2
    code, said = _exit_code(script)
    assert (code, said.split(":")[0]) == (3, "cannot reach the server")


def test_a_udp_fault_that_shows_later_is_seen(tmp_path: Path) -> None:
    """The second conversation of a script is judged as the first."""
    with _serving(lambda _: []) as server:
        script = evidence(tmp_path, server.target, Echo(), in_turn(b"ab")) / "replay.py"
        answers = iter([[b"ab"], [b"wrong"]])
        server.answer = lambda _: next(answers)
        assert _exit_code(script) == (1, "SEG-SINGLE FAILS: socket 0: b'wrong' answers nothing\n")


def test_a_reply_from_elsewhere_is_seen_by_the_script(tmp_path: Path) -> None:
    """The script's socket is not connected either, so that it gets replies from any port."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        _serving(lambda _: []) as server,
    ):
        other.bind(("127.0.0.1", 0))

        def finish(request: Any, client_address: Any) -> None:
            other.sendto(request[0], client_address)

        server.finish_request = finish  # type: ignore[method-assign]
        script = evidence(tmp_path, server.target, Echo(), in_turn(b"ab")) / "replay.py"
        assert f"a reply from 127.0.0.1 port {other.getsockname()[1]}" in _exit_code(script)[1]


class _Verbose(Chargen):
    """A protocol whose pattern means something else without its flags."""

    def expected_datagram(self, datagram: bytes) -> re.Pattern[bytes]:
        """Two letters."""
        del datagram
        return re.compile(rb"o k  # in any case", re.VERBOSE | re.IGNORECASE)


@pytest.mark.parametrize(
    ("protocol", "sound"),
    [(Chargen(), b"0 to 512 characters"), (Discard(), None), (_Verbose(), b"OK")],
)
def test_patterns_and_silence_are_judged(
    protocol: Protocol, sound: bytes | None, tmp_path: Path
) -> None:
    """A pattern keeps its flags, and what owes no reply takes none."""
    with _serving(lambda _: [b"\x00" * 513]) as server:
        plan = in_turn(b"a", quiet_s=0.1)
        script = evidence(tmp_path, server.target, protocol, plan) / "replay.py"
        assert _exit_code(script)[0] == 1
        server.answer = lambda _: [] if sound is None else [sound]
        assert _exit_code(script)[0] == 0


def test_no_script_where_a_datagram_has_a_judge_of_its_own(tmp_path: Path) -> None:
    """What only Python code knows, `wireproof replay` judges."""
    with _serving(lambda _: []) as server:
        assert not (evidence(tmp_path, server.target, Time(), in_turn(b"a")) / "replay.py").exists()


def test_each_connection_has_its_own_name(tmp_path: Path) -> None:
    """A store ends the connection of a name that logs in once more: a script says many names."""
    plan = Plan(((),) * 9, tuple(map(Open, range(9))))
    with serving("pool-keeps-connections") as eight_only, serving("sound") as sound:
        target = resolve(parse_target(eight_only))[0]
        script = evidence(tmp_path, target, Store(), plan) / "replay.py"
        assert _exit_code(script)[0] == 1
        assert _exit_code(script, "127.0.0.1", sound.rpartition(":")[2])[0] == 0
