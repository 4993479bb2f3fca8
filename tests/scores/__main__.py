"""`make scores`: the kill matrix over the zoo, and false alarms over its sound variants.

python -m tests.scores                         everything, as `make scores`
python -m tests.scores --only utc,greets       these variants
python -m tests.scores --first                 stop each fault at its first kill
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.conformance.catalogue import catalogue_for
from harness.conformance.evidence import write_evidence
from harness.conformance.execute import open_diag
from harness.conformance.runner import Finding, Runner
from harness.conformance.subject import DEPTHS
from harness.protocols.registry import find_protocol
from harness.results import Verdict
from harness.target import parse_target, resolve
from harness.wire.reference import ReferenceServer
from reference_server.faults import FAULTS, SOUND

REPORT = Path("reports/scores")
ALARMS = {Verdict.FAIL, Verdict.FLAKY}


@dataclass
class Score:
    """What the catalogue said of one run of one variant."""

    variant: str
    category: str
    seed: int
    seconds: float = 0.0
    first_kill_s: float | None = None
    kills: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scripts: int = 0
    bad_scripts: list[str] = field(default_factory=list)
    """Evidence scripts that did not exit 1 on the fault and 0 on the sound server."""
    smallest: dict[str, list[float]] = field(default_factory=dict)
    """By requirement: connections, bytes, cuts, steps and seconds waited of the minimum."""


def judge(name: str, category: str, depth: str, seed: int, *, first: bool, scripts: bool) -> Score:
    """Run the catalogue against one variant."""
    score = Score(name, category, seed)
    options = ["--fault", name]
    scheme = "udp" if category == "datagrams" else "tcp"
    if scheme == "udp":
        options.append("--udp")
    begun = time.monotonic()
    with ReferenceServer(*options) as server:
        protocol = find_protocol("timestamp-echo")
        where = server.target.replace("tcp://", f"{scheme}://")
        target = resolve(parse_target(where))[0]
        runner = Runner(target, protocol, DEPTHS[depth], seed=seed, diag=open_diag())
        for judged in runner.judge(catalogue_for(protocol)):
            result = judged.result
            if result.verdict in ALARMS:
                score.kills.append(result.id)
                if score.first_kill_s is None:
                    score.first_kill_s = round(time.monotonic() - begun, 2)
                if judged.finding:
                    score.smallest[result.id] = list(judged.finding.failing.plan.size)
                    if scripts:
                        try_script(score, judged.finding, runner)
                if first:
                    break
            elif "any more since" in result.message:
                continue
            elif result.verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.NON_STRICT}:
                score.notes.append(f"{result.id} {result.verdict}: {result.message}")
    score.seconds = round(time.monotonic() - begun, 2)
    return score


def try_script(score: Score, finding: Finding, runner: Runner) -> None:
    """Run a finding's script against the fault, started afresh, and against the sound server."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ReferenceServer() as sound,
        ReferenceServer("--fault", score.variant) as faulty,
    ):
        paths = write_evidence(
            Path(folder),
            finding,
            target=runner.executor.target,
            protocol=runner.subject.protocol,
            protocol_name="timestamp-echo",
            settings={},
            patience_s=2.0,
        )
        script = next((Path(folder) / path for path in paths if path.endswith("/replay.py")), None)
        if script is None:
            return
        score.scripts += 1
        addresses = [one.target.removeprefix("tcp://").split(":") for one in (faulty, sound)]
        command = ["timeout", "60", sys.executable, str(script)]
        exits = [
            subprocess.run([*command, *address], check=False, capture_output=True).returncode
            for address in addresses
        ]
        if exits != [1, 0]:
            score.bad_scripts.append(f"{finding.requirement.id} exits {exits}")


def main() -> int:
    """Judge, print, and keep the matrix as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.scores", description=__doc__)
    parser.add_argument("--only", default="", help="names of variants, separated by commas")
    parser.add_argument("--depth", default="quick", choices=DEPTHS)
    parser.add_argument("--sound-runs", type=int, default=20)
    parser.add_argument("--first", action="store_true", help="stop each fault at its first kill")
    parser.add_argument("--scripts", action="store_true", help="run the evidence scripts, too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    # A zone whose offset no server gets right by chance; children inherit it.
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    jobs = [
        (one.name, one.category or "sound", arguments.depth, seed)
        for variants, runs in ((FAULTS, 1), (SOUND, arguments.sound_runs))
        for one in variants
        if not only or one.name in only
        for seed in range(runs)
    ]
    scores = []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        futures = [
            pool.submit(judge, *job, first=arguments.first, scripts=arguments.scripts)
            for job in jobs
        ]
        for future in futures:
            score = future.result()
            scores.append(score)
            show(score)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "scores.json").write_text(json.dumps([asdict(one) for one in scores], indent=1))
    return summarise(scores)


def show(score: Score) -> None:
    """Print one line of the matrix."""
    kills = ", ".join(score.kills) or "-"
    first = "" if score.first_kill_s is None else f"first after {score.first_kill_s:5.1f} s"
    print(f"{score.variant:24} {score.category:10} {score.seconds:6.1f} s  {first:18}  {kills}")
    for note in score.notes:
        print(f"{'':24} {note[:150]}")
    sys.stdout.flush()


def summarise(scores: list[Score]) -> int:
    """Print both scores; the exit code says whether they are perfect."""
    faults = [one for one in scores if one.category != "sound"]
    sound = [one for one in scores if one.category == "sound"]
    missed = [one.variant for one in faults if not one.kills]
    alarms = [f"{one.variant} (seed {one.seed})" for one in sound if one.kills]
    caught = len(faults) - len(missed)
    print(f"\n{caught} of {len(faults)} faults caught; missed: {', '.join(missed) or 'none'}")
    ran = sum(one.scripts for one in scores)
    bad = [f"{one.variant}: {what}" for one in scores for what in one.bad_scripts]
    if ran:
        print(f"{ran - len(bad)} of {ran} scripts exit 1 on their fault, 0 on the sound server")
        for line in bad:
            print(f"  {line}")
    print(f"{len(alarms)} false alarms in {len(sound)} sound runs: {', '.join(alarms) or 'none'}")
    return 1 if missed or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
