"""A recorded failure, and running it again. The file is data; it is not tied to any library."""

from pathlib import Path
from typing import Literal

import msgspec

from wireproof.conformance.catalogue import tried_for
from wireproof.conformance.evidence.repeats import Stored, restored, stored
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import Failure
from wireproof.conformance.plans.plan import (
    Close,
    OnServer,
    Open,
    OpenTogether,
    Plan,
    Reset,
    Rounds,
    SendDatagram,
    SendOpening,
)
from wireproof.conformance.search.explore import Search
from wireproof.conformance.subject import DEPTHS, Subject
from wireproof.errors import UsageError
from wireproof.files import read_limited
from wireproof.protocols.base import Protocol
from wireproof.wire.transcript import Event

REPLAY_FORMAT = 1
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_CONNECTIONS = 2000
MAX_CHURNED = 20_000
"""Connections one after the other."""
MAX_WAIT_S = 600.0
"""All waits of a case together."""
MAX_WINDOW_BYTES = 1024 * 1024 * 1024

Fate = Literal["FAILS", "FIXED", "NOT REPRODUCED"]


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `replay.json` holds.

    Attributes:
        format: `REPLAY_FORMAT`; another is refused.
        requirement: ID of the requirement that was broken.
        protocol: as given with `--protocol`.
        settings: as given with `--set`.
        target: as given.
        behind: the server to which the target leads, where what stands between was judged.
        prelude: what each connection begins with.
        plan: the smallest conversation that failed.
        failure: how it failed.
        failed: how often it failed when it was run again, out of `runs`.
        explanation: when the server fails, in words.
        events: what happened, the last time it failed.

    """

    format: int
    requirement: str
    protocol: str
    settings: dict[str, str]
    target: str
    behind: str = ""
    prelude: bytes = b""
    plan: Plan
    failure: Failure
    failed: int
    runs: int
    explanation: str
    events: list[Event]


class Replayed(msgspec.Struct, frozen=True):
    """How a case went this time."""

    fate: Fate
    failed: int
    runs: int
    failure: Failure | None

    def __str__(self) -> str:
        if self.fate == "FIXED":
            return f"FIXED: holds {self.runs} of {self.runs}"
        return f"{self.fate} {self.failed} of {self.runs}"


class _StoredPlan(msgspec.Struct, forbid_unknown_fields=True):
    requests: Stored
    actions: object


class _Stored(msgspec.Struct):
    plan: _StoredPlan


def written_case(case: Case) -> bytes:
    """Return the text of a replay file, of a size that `read_case` reads."""
    fields = msgspec.structs.asdict(case)
    fields["plan"] = _StoredPlan(stored(case.plan.requests), case.plan.actions)
    return msgspec.json.format(msgspec.json.encode(fields), indent=1) + b"\n"


def read_case(path: Path) -> Case:
    """Read a replay file.

    Raises:
        UsageError: there is none, or it is not one that this version can run.

    """
    text = read_limited(path, MAX_FILE_BYTES, "replay file")
    try:
        record = msgspec.json.decode(text, type=dict[str, object])
        found = record.get("format")
        if "plan" in record and found != REPLAY_FORMAT:  # without one it is another kind of file
            raise UsageError(
                f"{path} is a replay file of format {found}; this version reads {REPLAY_FORMAT}"
            )
        plan = msgspec.convert(record, type=_Stored).plan
        record["plan"] = {"requests": [], "actions": plan.actions}
        case = msgspec.convert(record, type=Case)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a replay file: {error}") from None
    try:
        requests = restored(plan.requests)
    except UsageError as error:
        raise UsageError(f"{path}: {error.problem}") from None
    case = msgspec.structs.replace(case, plan=Plan(requests, case.plan.actions))
    _check_bounds(path, case.plan)
    return case


def run_case(case: Case, executor: Executor, protocol: Protocol, runs: int) -> Replayed:
    """Execute a case's plan `runs` times on fresh connections, and judge by its requirement.

    Raises:
        UsageError: the catalogue has no such requirement.

    """
    known = {
        one.id: one
        for one in tried_for(protocol, between=bool(case.behind), prelude=bool(case.prelude))
    }
    if case.requirement not in known:
        raise UsageError(f"there is no requirement {case.requirement!r} any more")
    smallest = next((one for each in case.plan.requests for one in each), b"?")
    subject = Subject(
        protocol,
        executor.target,
        DEPTHS["default"],
        half_close=True,
        concurrent=True,
        smallest=smallest,
        plain_request=smallest,
        requests=(smallest,),
    )
    search = Search(executor, subject, known[case.requirement])
    failures = [one.failure for _ in range(runs) if (one := search.run(case.plan)) is not None]
    certain = case.failed == case.runs and not search.tried.unjudged_plans
    fate: Fate = "FAILS" if failures else "FIXED" if certain else "NOT REPRODUCED"
    return Replayed(fate, len(failures), runs, failures[0] if failures else None)


def _check_bounds(path: Path, plan: Plan) -> None:  # noqa: C901 - one refusal after the other
    """Refuse what no run of ours records: a replay file may come from anyone."""
    count = len(plan.requests)
    if count > MAX_CONNECTIONS:
        raise UsageError(f"{path} asks for {count} connections; {MAX_CONNECTIONS} is the most")
    sizes = [sum(map(len, requests)) for requests in plan.requests]
    opened: set[int] = set()
    closed: set[int] = set()
    waits_s = 0.0
    churned = 0
    for action in plan.actions:
        number = action.connection
        if not 0 <= number < count:
            raise UsageError(f"{path} names connection {number} of {count}")
        if isinstance(action, Open | OpenTogether):
            fresh = {number} if isinstance(action, Open) else set(range(number + 1))
            if again := fresh & opened:
                raise UsageError(f"{path} opens connection {min(again)} twice")
            opened |= fresh
        elif not isinstance(action, OnServer) and (number not in opened or number in closed):
            raise UsageError(f"{path} uses connection {number} while it is not open")
        if isinstance(action, Close | Reset):
            closed.add(number)
        most = MAX_FILE_BYTES if isinstance(action, SendOpening) else sizes[number]
        if not 0 <= (until := getattr(action, "until", 0)) <= most:
            raise UsageError(f"{path} sends up to byte {until} of {sizes[number]}")
        if not 0 <= (window := getattr(action, "receive_buffer_bytes", 0)) <= MAX_WINDOW_BYTES:
            raise UsageError(f"{path} asks for a receive buffer of {window} bytes")
        churned += action.rounds + action.connections if isinstance(action, Rounds) else 0
        if churned > MAX_CHURNED:
            raise UsageError(f"{path} asks for {churned} connections; {MAX_CHURNED} is the most")
        datagrams = len(plan.requests[number])
        if isinstance(action, SendDatagram) and not 0 <= action.position < datagrams:
            raise UsageError(f"{path} sends datagram {action.position} of {datagrams}")
        wait_s = sum(getattr(action, name, 0.0) for name in ("hold_s", "stall_s", "seconds"))
        waits_s += wait_s
        if not (wait_s >= 0 and waits_s <= MAX_WAIT_S):
            raise UsageError(f"{path} waits {waits_s:g} s; {MAX_WAIT_S:g} s is the most")
