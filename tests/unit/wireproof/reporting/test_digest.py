from pathlib import Path

import msgspec

from tests.support import result_samples as samples
from wireproof.reporting.digest import (
    alike,
    causes,
    evidence_path,
    family,
    first_evidence,
    leading_latency,
    reasons,
    stories,
)
from wireproof.results import Verdict, outcome


def test_the_sentence_tells_what_the_word_rests_on() -> None:
    """Each part that was measured, in numbers; what did not happen is not told."""
    assert reasons(outcome(samples.results())) == (
        "9 of 15 requirements passed, 1 failed, 1 flaky, 1 in error, 1 inconclusive, 1 not strict, "
        "1 unsupported, 1 of 2 objectives missed"
    )
    good = samples.results(check=samples.check(samples.requirement("A-1")), partial=True)
    assert reasons(outcome(good)) == (
        "1 of 1 requirement passed, interrupted, so this is incomplete"
    )
    assert reasons(outcome(samples.results("backlog", backlog=samples.backlog()))) == "measured"
    lost = msgspec.structs.replace(samples.load(), failures={"timeout": 2}, slo=[])
    assert reasons(outcome(samples.results("load", load=lost))) == (
        "measured, 2 failures that no --slo judges"
    )


def test_families_are_named_by_their_prefix() -> None:
    """The number goes, the rest stays."""
    assert [family("SEG-03"), family("UDP-LEN-1"), family("odd")] == ["SEG", "UDP-LEN", "odd"]


def test_the_latency_that_answers_depends_on_the_loop() -> None:
    """An open loop answers for the scheduled latency, a closed one for the service latency."""
    stage = samples.stage(10, 1000)
    named = [leading_latency(stage, open_loop=open_loop) for open_loop in (True, False)]
    assert [found[0] for found in named if found] == ["scheduled", "service"]
    assert leading_latency(msgspec.structs.replace(stage, latency_us={}), open_loop=True) is None


def test_causes_come_most_frequent_first() -> None:
    """Causes are ordered by number, then by name, and those of zero are left out."""
    found = causes({"refused": 1, "timeout": 3, "reset": 0, "eof": 1})
    assert found == "timeout 3, eof 1, refused 1"


def test_what_has_one_reason_is_one_thing_to_read() -> None:
    """Requirements that fell with the same words are together; evidence stands by itself."""
    dead = [samples.requirement(f"X-{at}", Verdict.INCONCLUSIVE, "it died") for at in range(3)]
    shown = samples.requirement("A-1", Verdict.INCONCLUSIVE, "it died", evidence=["a.py"])
    groups = alike([dead[0], shown, *dead[1:]])
    assert [[line.id for line in group] for group in groups] == [["X-0", "X-1", "X-2"], ["A-1"]]


def test_evidence_never_leads_out_of_its_folder() -> None:
    """A forged path in a result file names nothing outside the folder."""
    folder = Path("reports/x")
    assert evidence_path(folder, "evidence/A-1/replay.json") == folder / "evidence/A-1/replay.json"
    for forged in ("/etc/passwd", "../../secret", "evidence/../../x", ""):
        assert evidence_path(folder, forged) is None


def test_the_first_finding_gives_the_next_steps() -> None:
    """The replay file and the script are those of the gravest verdict with evidence."""
    lines = [
        samples.requirement("A-1", Verdict.NON_STRICT, evidence=["evidence/A-1/replay.json"]),
        samples.requirement(
            "B-1",
            Verdict.FAIL,
            evidence=[
                "evidence/B-1/transcript.txt",
                "evidence/B-1/replay.json",
                "evidence/B-1/test_case.py",
                "evidence/B-1/replay.py",
            ],
        ),
    ]
    assert first_evidence(samples.check(*lines), Path("r")) == (
        Path("r/evidence/B-1/replay.json"),
        Path("r/evidence/B-1/replay.py"),
    )


def test_causes_are_told_first_each_under_what_fits_it() -> None:
    """The gravest first, requirements of one cause together, and what has no cause behind them."""
    told = stories(samples.check_with_causes())
    assert [(one.verdict, [line.id for line in one.lines]) for one in told] == [
        (Verdict.FAIL, ["SEG-SINGLE", "CLOSE-X", "SEG-PAIRS"]),
        (Verdict.FLAKY, ["SLOW-LOSS"]),
        (Verdict.INCONCLUSIVE, ["CON-03"]),
    ]
    assert [one.cause and one.cause.id for one in told] == ["C1", "C2", None]
    assert told[0].message.startswith("wrong reply at byte 0")


def test_how_many_causes_and_requirements() -> None:
    """Of a check with causes that is what is said first."""
    results = samples.results("check", check=samples.check_with_causes())
    assert reasons(outcome(results)).startswith("2 causes, 4 requirements, 1 of 6 requirements pas")


def test_the_first_cause_gives_the_next_steps() -> None:
    """Its evidence, not that of a requirement that stands before it."""
    replay, script = first_evidence(samples.check_with_causes(), Path("out"))
    assert replay == Path("out/evidence/SEG-SINGLE/replay.json")
    assert script == Path("out/evidence/SEG-SINGLE/replay.py")
