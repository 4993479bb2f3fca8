"""`python -m tests.fuzz [TARGET...]`: coverage-guided fuzzing, outside the default tests.

Each target runs in a process of its own for its share of FUZZ_SECONDS (600), guided by the branches
that its inputs reach. An input that breaks a promise is left in `reports/fuzz/`, and its target's
name in the last line; what is found there becomes a test.
"""

import os
import subprocess
import sys
from pathlib import Path

import atheris

SECONDS = float(os.environ.get("FUZZ_SECONDS", "600"))
FOLDER = Path("reports/fuzz")
LONGEST_INPUT_BYTES = 4096
MEMORY_MB = 2048
# An input that takes longer than this is a finding: what a peer sends must not cost the harness.
SLOWEST_S = 10


def fuzz(name: str) -> None:
    """Fuzz one target in this process, which ends with it."""
    with atheris.instrument_imports(include=["wireproof"]):
        from tests.fuzz import targets
    target = targets.targets()[name]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


def _corpus(name: str, seeds: dict[str, list[bytes]]) -> Path:
    folder = FOLDER / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds.get(name, [])):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder


def main(names: list[str]) -> int:
    """Fuzz the targets named, or all, one after the other; returns how many broke."""
    from tests.fuzz import targets

    seeds = targets.seeds()
    names = names or list(targets.targets())
    broken = []
    for name in names:
        seconds = max(1, round(SECONDS / len(names)))
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST_INPUT_BYTES}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-timeout={SLOWEST_S}",
            f"-artifact_prefix={FOLDER}/{name}-",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, *options]
        ended = subprocess.run(
            [*command, str(_corpus(name, seeds))], capture_output=True, check=False
        )
        said = ended.stderr.decode(errors="replace")
        runs = [line.split()[-1] for line in said.splitlines() if "number_of_executed" in line]
        print(f"{name}: {'holds' if not ended.returncode else 'BROKEN'}, {runs or '?'} inputs")
        if ended.returncode:
            broken.append(name)
            print(ended.stdout.decode(errors="replace")[-2000:], said[-2000:], flush=True)
    print(f"broken: {', '.join(broken) or 'none'}")
    return len(broken)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        name = sys.argv[2]
        sys.argv = [sys.argv[0], *sys.argv[3:]]
        fuzz(name)
    sys.exit(min(main(sys.argv[1:]), 1))
