"""What stands between is judged by the server behind: faulty relays are found, no sound one is."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.servers import Serving, Shout, echoing, one_read_one_line, shouting
from tests.zoo.middleboxes import FAULTY, SOUND, standing_before
from wireproof.choosing import select
from wireproof.conformance.catalogue import tried_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.errors import CannotRunError
from wireproof.protocols.base import Protocol
from wireproof.protocols.built_in.echo import Echo
from wireproof.results import RequirementResult, Verdict
from wireproof.target import Target, parse_target, resolve

BROKEN = {Verdict.FAIL, Verdict.FLAKY, Verdict.NON_STRICT}
EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
ALL_SOUND = list(SOUND) if EXTENDED else ["relay"]
AT_ONCE = ("ends-both", "loses-last", "one-at-a-time", "text")
FOUND = list(FAULTY) if EXTENDED else AT_ONCE
"""The others wait, or fill buffers."""


def judged(
    behind: Target, name: str, protocol: Protocol, only: Sequence[str] = ()
) -> list[RequirementResult]:
    """Judge one of the zoo before a server, by some requirements."""
    diag = open_diag()
    assert diag is not None
    shortly = replace(DEPTHS["quick"], confirmations=1, shrink_s=0.3, timeout_s=1.0)
    # A fault ends the search; only what is sound uses all of its time.
    depth = shortly if EXTENDED or only else replace(shortly, requirement_s=0.5, hold_s=0.1)
    with standing_before(behind.port, name) as port, contextlib.closing(diag):
        target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
        runner = Runner(target, protocol, depth, seed=1, diag=diag, behind=behind)
        requirements = select(tried_for(protocol, between=True), tuple(only), ())
        return [one.result for one in runner.judge(requirements)]


@pytest.mark.parametrize("name", ALL_SOUND)
def test_a_sound_relay_passes(name: str) -> None:
    """By every requirement that there is."""
    with Serving(echoing) as server:
        lines = judged(server.target, name, Echo())
    assert not [one for one in lines if one.verdict is not Verdict.PASS]


@pytest.mark.parametrize("name", FOUND)
def test_a_faulty_relay_is_found(name: str) -> None:
    """By the requirement that is about it."""
    identifier = FAULTY[name][1]
    with Serving(echoing) as server:
        (line,) = judged(server.target, name, Echo(), [identifier])
    assert line.verdict in BROKEN, line.message


def test_what_the_server_behind_does_wrong_is_no_fault_of_what_stands_between() -> None:
    """It takes each read for a message, with a relay before it and without."""
    with Serving(one_read_one_line) as server:
        lines = judged(server.target, "relay", Shout(), ["MID-PIPELINE"])
    assert not [one for one in lines if one.verdict in BROKEN]


def test_without_an_oracle_nothing_is_judged() -> None:
    """The server behind speaks another protocol than was named."""
    with Serving(shouting) as server, pytest.raises(CannotRunError, match="the server behind"):
        judged(server.target, "relay", Echo())
