"""Each requirement has a server that fails it, and a fix, on its page."""

import ast
import contextlib
import os
import textwrap
from dataclasses import replace

import pytest

from docs.failing_servers import KINDS, entries, failing_server
from docs.site_pages import requirements
from reference_server.faults import find
from tests.scores.zoos import protocol_of, serving
from tests.zoo.defects import FOUND_BY
from tests.zoo.middleboxes import FAULTY
from wireproof.choosing import select
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.results import Verdict
from wireproof.target import parse_target, resolve

ENTRIES = entries()
FAULTS = {name: entry["fault"] for name, entry in ENTRIES.items() if "fault" in entry}
ALWAYS = ["BASE-ANSWER", "COAL-MANY", "DGRAM-ONE"]
"""The others are judged in the extended run."""


def test_there_is_one_for_each_requirement() -> None:
    """No page is without, and none is for a requirement that there is not.

    If this fails for a new requirement: write its server and its fix into
    docs/failing_servers.toml.
    """
    assert {one.id for one in requirements()} ^ ENTRIES.keys() == set()


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_one_server_and_its_fix(name: str) -> None:
    """Its code can be read, and the page shows both."""
    entry = ENTRIES[name]
    (kind,) = set(entry) & set(KINDS)
    assert entry.keys() == {kind, "fix"}
    page = "\n".join(failing_server(entry))
    assert entry["fix"] in page
    assert entry["fix"].endswith((".", ")"))
    code = page.partition("```py\n")[2].partition("```")[0]
    assert code or kind == "fault"
    ast.parse(textwrap.dedent(code))


def test_servers_of_the_zoo_are_those_that_must_be_found_so() -> None:
    """The zoo's own tests find them by that very requirement."""
    for name, entry in ENTRIES.items():
        if "store" in entry:
            assert FOUND_BY[entry["store"]][1] == name
        if "relay" in entry:
            assert FAULTY[entry["relay"]][1] == name


@pytest.mark.parametrize("name", FAULTS if os.environ.get("WIREPROOF_EXTENDED") else ALWAYS)
def test_a_fault_fails_its_requirement(name: str) -> None:
    """What a page tells its reader to watch is to be seen."""
    variant = find(FAULTS[name])
    assert variant is not None
    diag = open_diag()
    assert diag is not None
    with serving(variant) as where, contextlib.closing(diag):
        protocol, _ = protocol_of(variant)
        quickly = replace(DEPTHS["quick"], confirmations=1, shrink_s=0.5)
        target = resolve(parse_target(where))[0]
        runner = Runner(target, protocol, quickly, seed=1, diag=diag)
        only = select(catalogue_for(protocol), [name], ())
        (result,) = [judged.result for judged in runner.judge(only)]
    assert result.verdict in {Verdict.FAIL, Verdict.FLAKY, Verdict.NON_STRICT}, result.message
