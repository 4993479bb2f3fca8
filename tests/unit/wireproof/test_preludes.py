"""Headers of the PROXY protocol, byte for byte; and what becomes of servers that read them."""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.servers import Serving, echoing
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.plans.plan import Await, Close, Open, Plan, Send
from wireproof.conformance.properties.streams.framing import answer
from wireproof.conformance.properties.streams.opening import cut_prelude
from wireproof.conformance.runner import Runner
from wireproof.conformance.search.explain import _when
from wireproof.conformance.search.features import UNKNOWN
from wireproof.conformance.subject import DEPTHS
from wireproof.errors import UsageError
from wireproof.preludes import find_prelude
from wireproof.protocols.built_in.echo import Echo
from wireproof.results import Verdict

V1 = b"PROXY TCP4 192.0.2.10 192.0.2.20 56324 443\r\n"
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c c000020a c0000214 dc04 01bb")


def behind_prelude(size: int, *, in_one: bool) -> Callable[[socket.socket], None]:
    """Echo behind a header; one read for it, or as many as it takes."""

    def handle(peer: socket.socket) -> None:
        read = peer.recv(size)
        while read and len(read) < size and not in_one:
            read += peer.recv(size - len(read))
        if len(read) == size:
            echoing(peer)

    return handle


def test_headers_are_those_of_the_specification() -> None:
    """Section 2.1's line, and section 2.2's signature, command, family, length, addresses."""
    assert (find_prelude("proxy-v1"), find_prelude("proxy-v2")) == (V1, V2)


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    """Whatever a user's own gateway wants first."""
    path = tmp_path / "first"
    path.write_bytes(b"\0hello")
    assert find_prelude(str(path)) == b"\0hello"


@pytest.mark.parametrize("name", ["proxy-v3", ""])
def test_a_prelude_that_there_is_not_is_refused(tmp_path: Path, name: str) -> None:
    """By a name, or an empty file."""
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match=r"no prelude|is empty"):
        find_prelude(name or str(tmp_path / "empty"))


@pytest.mark.parametrize(("in_one", "verdict"), [(False, Verdict.PASS), (True, Verdict.NON_STRICT)])
@pytest.mark.parametrize("prelude", [V1[:12], V2[:12]])
def test_a_server_that_takes_a_cut_header_for_a_whole_one_is_not_strict(
    prelude: bytes, in_one: bool, verdict: Verdict
) -> None:
    """The specification recommends to be tolerant, and lets it be; whole ones are answered."""
    diag = open_diag()
    assert diag is not None
    with Serving(behind_prelude(len(prelude), in_one=in_one)) as server, contextlib.closing(diag):
        target = replace(server.target, prelude=prelude)
        depth = replace(DEPTHS["quick"], confirmations=1, shrink_s=0.2)
        runner = Runner(target, Echo(), depth, seed=1, diag=diag)
        verdicts = [one.result.verdict for one in runner.judge([answer, cut_prelude])]
    assert verdicts == [Verdict.PASS, verdict]


def test_the_cut_is_told() -> None:
    """Not as something that the requests have done."""
    plan = Plan(((b"a",),), (Open(0, prelude_cut=3), Send(0, 1), Await(0), Close(0)))
    assert "when the prelude is cut after 3 bytes" in _when(plan, {}, UNKNOWN, ending=False)
