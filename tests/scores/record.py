"""What one run showed, a file each: runs can be made in pieces, and those made are not repeated."""

import hashlib
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "reports" / "scores"
_NO_PART = {"load", "reporting", "accept_queue", "cli", "locustfile.py"}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is run.

    Attributes:
        variant: of the zoo.
        depth: of the catalogue.
        seed: of all that is drawn.
        loaded: whether two processes keep the machine busy meanwhile.
        first_kill: whether the run ends at the first finding.
        scripts: whether the evidence scripts are run.

    """

    variant: str
    depth: str
    seed: int
    loaded: bool = False
    first_kill: bool = False
    scripts: bool = True

    @property
    def path(self) -> Path:
        """Where its record lies."""
        kind = [self.depth, *["loaded"] * self.loaded, *["first-kill"] * self.first_kill]
        return REPORT / "runs" / "-".join(kind) / f"{self.variant}.{self.seed}.json"


class Finding(msgspec.Struct, kw_only=True):
    """A requirement that the variant did not keep.

    Attributes:
        requirement: its ID.
        verdict: FAIL, FLAKY, or NON-STRICT where it is a SHOULD.
        message: what was found, in words.
        after_s: since the run began.
        extent: connections, bytes and cuts of the minimum; empty where no conversation failed.
        cause: its ID; empty where no conversation failed.
        replays: how often its recorded case failed again, and of how many; empty if not run.
        exits: of its script: against the fault, five times, and against the sound server;
            empty if not run.
        where: what the script failed on: a `fresh` server, or the one that was `judged`.

    """

    requirement: str
    verdict: str
    message: str
    after_s: float
    extent: tuple[int, ...] = ()
    cause: str = ""
    replays: tuple[int, ...] = ()
    exits: tuple[int, ...] = ()
    where: str = ""


class Record(msgspec.Struct, kw_only=True):
    """What a run showed.

    Attributes:
        run: what was run.
        code: digest of the code that ran; see `code_digest`.
        seconds: how long the run took, scripts left out.
        plans: different conversations that were tried.
        findings: in the order in which they were found.
        notes: verdicts that are neither PASS nor a finding, with their reason; what scripts said
            against the sound server.

    """

    run: Run
    code: str
    seconds: float = 0.0
    plans: int = 0
    findings: list[Finding] = []
    notes: list[str] = []

    def keep(self) -> None:
        """Write it down."""
        self.run.path.parent.mkdir(parents=True, exist_ok=True)
        self.run.path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


def kept(run: Run, code: str) -> Record | None:
    """Return the record of a run of this code, if there is one."""
    try:
        found = msgspec.json.decode(run.path.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None
    enough = found.run.scripts or not run.scripts
    return found if found.code == code and enough else None


def scored_files() -> list[Path]:
    """Return the files on which a score depends: harness and zoos, without other engines."""
    return [
        path
        for package in ("harness", "reference_server", "tests/zoo")
        for path in sorted((ROOT / package).rglob("*.py"))
        if not _NO_PART & set(path.relative_to(ROOT).parts)
    ]


def code_digest() -> str:
    """Return a digest of all code on which a score depends."""
    digest = hashlib.sha256()
    for path in scored_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
