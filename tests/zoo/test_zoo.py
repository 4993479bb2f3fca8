"""Each defect of the store is found under the right id; sound stores pass."""

import contextlib
import os
from dataclasses import replace

import pytest

from tests.zoo.defects import FOUND_BY
from tests.zoo.odd import AT_THE_LIMIT, ODD
from tests.zoo.protocol import Store
from tests.zoo.serving import serving, started
from wireproof.choosing import select
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.execution.server import growth
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.results import RequirementResult, Verdict
from wireproof.target import parse_target, resolve
from wireproof.wire.started_server import StartedServer

NEW = sorted({identifier for _, identifier in FOUND_BY.values()})
SEEDS = range(1, 21 if os.environ.get("WIREPROOF_EXTENDED") else 2)
BROKEN = {Verdict.FAIL, Verdict.FLAKY, Verdict.NON_STRICT}
NEEDS_DEFAULT = {"full-table", "stops-accepting"}
"""What takes half a minute, the first at no other depth, so in the extended run alone."""
TRIES = {"keeps-reset": 3}
"""What shows only where a reset overtakes the server's accept: on a busy machine not each time."""
STARTED = ("LIMIT-SERVE", "LIMIT-WAIT")
"""What is asked of servers alone that were started for the check."""
QUICKLY = [name for name in FOUND_BY if name not in NEEDS_DEFAULT or len(SEEDS) > 1]


def judged(name: str, depth: str, only: list[str], seed: int = 1) -> list[RequirementResult]:
    """Judge one of the zoo by some requirements."""
    diag = open_diag()
    assert diag is not None
    protocol = Store()
    ours = not set(STARTED).isdisjoint(only)
    with (started if ours else serving)(name) as served, contextlib.closing(diag):
        server = served if isinstance(served, StartedServer) else None
        address = server.target if server else resolve(parse_target(served))[0]
        # That a fault is found is the question, not how small and how surely it is told.
        quickly = replace(DEPTHS[depth], confirmations=1, shrink_s=0.5)
        runner = Runner(address, protocol, quickly, seed=seed, diag=diag, server=server)
        requirements = select(catalogue_for(protocol), only, ())
        return [judged.result for judged in runner.judge(requirements)]


@pytest.mark.parametrize("name", QUICKLY)
def test_a_defect_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the requirement that is about it."""
    monkeypatch.setattr(growth, "LARGEST_TABLE", 3000)  # a leak has no end, early or late
    identifier = FOUND_BY[name][1]
    depth = "default" if name in NEEDS_DEFAULT else "quick"
    for seed in range(1, TRIES.get(name, 1) + 1):
        (result,) = judged(name, depth, [identifier], seed)
        if result.verdict in BROKEN:
            return
    raise AssertionError(result.message)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ODD)
def test_the_sound_pass(name: str, seed: int) -> None:
    """Odd is not wrong."""
    asked = [identifier for identifier in NEW if identifier not in STARTED]
    findings = [one for one in judged(name, "quick", asked, seed) if one.verdict in BROKEN]
    assert not findings


@pytest.mark.parametrize("name", ["sound", *AT_THE_LIMIT])
def test_the_sound_wait_for_descriptors(name: str) -> None:
    """However they do so."""
    results = judged(name, "quick", [*STARTED])
    assert {one.verdict for one in results} == {Verdict.PASS}


def test_sound_at_default_depth() -> None:
    """By the whole catalogue."""
    results = judged("sound", "default", [])
    assert not [one for one in results if one.verdict in BROKEN]
    assert {one.id for one in results if one.id in NEW and one.examples} == set(NEW) - {*STARTED}
