"""The outcome, and that exit code and every report give the same one."""

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.support import result_samples as samples
from wireproof.reporting.exports.junit import junit
from wireproof.reporting.html.page import html
from wireproof.reporting.markdown import markdown
from wireproof.reporting.terminal.summary import print_summary
from wireproof.results import CheckResult, LoadResult, Results, Verdict, outcome


def _check(*verdicts: Verdict) -> CheckResult:
    lines = [samples.requirement(f"A-{at}", verdict) for at, verdict in enumerate(verdicts)]
    return msgspec.structs.replace(samples.check(), requirements=lines, boundary_maps=[])


def _load(
    failures: dict[str, int] | None = None, *, requests: int = 9, met: tuple[bool, ...] = ()
) -> LoadResult:
    return LoadResult(
        users=1,
        seconds=1,
        requests=requests,
        failures=failures or {},
        throughput_per_s=requests,
        latency_us={},
        bottleneck="server",
        slo=[{"expression": "p99<1ms", "measured": 2, "met": one} for one in met],
    )


def _ladder(failures: dict[str, int]) -> Results:
    backlog = samples.backlog()
    rung = msgspec.structs.replace(backlog.ladder[0], failures=failures)
    return samples.results(backlog=msgspec.structs.replace(backlog, ladder=[rung]))


@pytest.mark.parametrize(
    ("verdicts", "partial", "code"),
    [
        ([Verdict.PASS, Verdict.NON_STRICT, Verdict.UNSUPPORTED], False, 0),
        ([Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE], False, 1),
        ([Verdict.FLAKY], True, 1),
        ([Verdict.INCONCLUSIVE], False, 3),
        ([Verdict.ERROR], False, 3),
        ([Verdict.PASS], True, 3),
        ([], False, 0),
    ],
)
def test_a_finding_goes_before_what_is_not_settled(
    verdicts: list[Verdict], partial: bool, code: int
) -> None:
    """A finding is 1, whatever else; what could not be settled is 3."""
    assert outcome(samples.results(check=_check(*verdicts), partial=partial)).exit_code == code


@pytest.mark.parametrize(
    ("load", "code"),
    [
        (_load(), 0),
        (_load({"timeout": 3}), 0),
        (_load(met=(True, True)), 0),
        (_load(met=(True, False)), 1),
        (_load({"wrong reply": 1}), 1),
        (_load({"wrong reply": 0}), 0),
        (_load({"refused": 3}, requests=0), 3),
        (_load({"wrong reply": 3}, requests=0), 1),
    ],
)
def test_a_load_has_findings_too(load: LoadResult, code: int) -> None:
    """A missed objective, or a wrong reply; a load that nobody answered settles nothing."""
    assert outcome(samples.results(load=load)).exit_code == code


def test_a_wrong_reply_on_the_ladder_is_one_under_load() -> None:
    """The ladder is load at several numbers of connections."""
    assert outcome(_ladder({"timeout": 2})).word is Verdict.PASS
    assert outcome(_ladder({"wrong reply": 2})).word is Verdict.FAIL


def test_the_counts_are_told() -> None:
    """What the word rests on, by number; verdicts in their order, without zeros."""
    found = outcome(samples.results())
    assert list(found.verdicts.items())[:2] == [(Verdict.FAIL, 1), (Verdict.FLAKY, 1)]
    assert sum(found.verdicts.values()) == 15
    assert (found.objectives, found.missed, found.wrong_replies) == (2, 1, 0)
    assert (found.unanswered, found.partial) == (False, False)
    assert list(outcome(samples.results(check=_check(Verdict.PASS))).verdicts) == [Verdict.PASS]


RESULTS = st.builds(
    lambda verdicts, failures, answered, met, parts, partial: samples.results(
        check=_check(*verdicts) if "check" in parts else None,
        load=_load(failures, requests=answered, met=tuple(met)) if "load" in parts else None,
        backlog=_ladder(failures).backlog if "backlog" in parts else None,
        partial=partial,
    ),
    st.lists(st.sampled_from(Verdict), max_size=3),
    st.dictionaries(st.sampled_from(["wrong reply", "timeout"]), st.integers(0, 2)),
    st.integers(0, 1),
    st.lists(st.booleans(), max_size=2),
    st.sets(st.sampled_from(["check", "load", "backlog"]), min_size=1),
    st.booleans(),
)


@given(RESULTS)
def test_every_report_gives_the_same_answer(results: Results) -> None:
    """Terminal, page, Markdown, JUnit and exit code agree, whatever was measured."""
    found = outcome(results)
    assert found.exit_code == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}[found.word]
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        print_summary(results, Path("results.json"), console)
    assert captured.get().splitlines()[1].startswith(f"{found.word.value}  ")
    assert f"<title>{found.word.value} · " in html(results, Path())
    assert markdown(results).startswith(f"## Wireproof: {found.word.value}\n")
    root = ET.fromstring(junit(results))  # noqa: S314 - our own text
    failures, errors = int(root.get("failures", "")), int(root.get("errors", ""))
    assert (1 if failures else 3 if errors else 0) == found.exit_code
