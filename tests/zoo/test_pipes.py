"""Servers on pipes: each mistake is found under the right id; sound ones pass."""

import contextlib
import shlex
import sys
from dataclasses import replace

import pytest

from tests.zoo import pipes
from wireproof.choosing import select
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.protocols.built_in.line_echo import LineEcho
from wireproof.results import Verdict
from wireproof.target import parse_target, resolve

ASKED = sorted({identifier for _, identifier in pipes.DEFECTS.values()})


def judged(name: str, *only: str) -> set[tuple[str, Verdict]]:
    """Requirements and what became of them."""
    command = shlex.join([sys.executable, "-S", "-E", pipes.__file__, name])
    diag = open_diag()
    assert diag is not None
    with contextlib.closing(diag):
        # That a fault is found is the question, not how small and how surely it is told.
        quickly = replace(DEPTHS["quick"], examples=3, confirmations=1, shrink_s=0.2, timeout_s=1.0)
        address = resolve(parse_target(f"exec:{command}"))[0]
        runner = Runner(address, LineEcho(), quickly, seed=1, diag=diag)
        requirements = select(catalogue_for(LineEcho()), only, ())
        return {(one.result.id, one.result.verdict) for one in runner.judge(requirements)}


@pytest.mark.parametrize("name", pipes.DEFECTS)
def test_a_mistake_is_found(name: str) -> None:
    """By the requirement that is about it."""
    identifier = pipes.DEFECTS[name][1]
    ((found, verdict),) = judged(name, identifier)
    assert found == identifier
    assert verdict in {Verdict.FAIL, Verdict.FLAKY, Verdict.NON_STRICT}


@pytest.mark.parametrize("name", pipes.SOUND)
def test_the_sound_pass(name: str) -> None:
    """Odd is not wrong."""
    assert judged(name, *ASKED) == {(one, Verdict.PASS) for one in ASKED}
