"""The result file's records: the one thing that measuring writes and reporting reads.

Every record is frozen and maps field for field to `results.json`. Times carry their unit in the
name. A new field may be added at any time; a change of meaning raises `FORMAT`.

Since format 2 `load.requests` counts what was sent; it was what had been answered right.
"""

from enum import StrEnum
from typing import Any

import msgspec

from wireproof.results.between import BetweenResult
from wireproof.results.learnt import LearntResult

FORMAT = 2


class Level(StrEnum):
    """How binding a requirement is (RFC 2119)."""

    MUST = "MUST"  # A server that breaks it fails.
    SHOULD = "SHOULD"  # A server that breaks it is NON-STRICT.
    MAY = "MAY"  # Optional.


class Verdict(StrEnum):
    """What became of a requirement; in the order in which a reader should look at them."""

    FAIL = "FAIL"  # The failing conversation failed again each time.
    FLAKY = "FLAKY"
    """The failing conversation failed again k of n times, 0 < k < n."""
    ERROR = "ERROR"
    """A fault of the harness."""
    INCONCLUSIVE = "INCONCLUSIVE"  # Nothing could be settled; `message` says why.
    NON_STRICT = "NON-STRICT"
    """A SHOULD that is not met."""
    UNSUPPORTED = "UNSUPPORTED"
    """The protocol or the transport has no such thing."""
    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    """It held in every conversation that was tried."""

    @property
    def is_finding(self) -> bool:
        """Whether the server is to be fixed."""
        return self in {Verdict.FAIL, Verdict.FLAKY}

    @property
    def is_settled(self) -> bool:
        """Whether it says anything of the server."""
        return self not in {Verdict.ERROR, Verdict.INCONCLUSIVE}


class Delivery(StrEnum):
    """How sure it is that each segment reached the server as a read of its own."""

    CONFIRMED = "confirmed"
    """The kernel showed the server's receive queue empty before the next segment left."""
    HELD = "held"
    """The server did not take the segment; what follows could not be kept apart from it."""
    ASSUMED = "assumed"
    """Segments were kept apart by time alone."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: immutable, built by name."""


class RequirementResult(Record, frozen=True, kw_only=True):
    """One line of the verdict matrix."""

    id: str  # such as SEG-SINGLE
    title: str  # the requirement in one sentence
    level: Level  # how binding it is
    verdict: Verdict  # what became of it
    delivery: Delivery | None = None  # how sure the segmentation was; null where nothing was cut
    examples: int = 0
    """Conversations executed."""
    seconds: float = 0.0  # time spent on it
    message: str = ""
    """What was found, in words; may hold bytes of the peer only in escaped form."""
    expected: str = ""  # what would have been right; escaped
    actual: str = ""  # what came instead; escaped
    evidence: list[str] = []
    """Paths, relative to the result file."""
    source: str = ""
    """Where the requirement stands: an RFC section or a section of PROTOCOL.md."""
    cause: str = ""
    """ID of the cause for which it is not kept, in `CheckResult.causes`."""


class CauseResult(Record, frozen=True, kw_only=True):
    """Why one or more requirements are not kept: findings of one smallest conversation."""

    id: str
    """C1 for the first that was found, and so on."""
    sentence: str
    """What goes wrong and when, in words; may hold bytes of the peer only in escaped form."""
    requirements: list[str]
    """IDs; first the one whose sentence fits the cause."""
    evidence: list[str] = []
    """Paths, relative to the result file."""
    confirmed: str
    """How often its smallest conversation failed again: `5/5`."""


class Boundary(Record, frozen=True, kw_only=True):
    """One offset of one conversation at which TCP could cut."""

    offset_bytes: int  # bytes before the cut
    tried: int  # conversations that were cut here
    failed: int  # those of them that failed


class BoundaryMap(Record, frozen=True, kw_only=True):
    """Which cuts of a conversation were tried, and which of them the server did not survive."""

    requirement: str  # its ID
    conversation: str
    """The bytes sent, in hexadecimal."""
    length_bytes: int  # size of the conversation
    boundaries: list[Boundary]  # by offset


class CheckResult(Record, frozen=True, kw_only=True):
    """What `wireproof check` found."""

    protocol: str  # as --protocol named it
    depth: str  # quick, default or deep
    seed: int  # draws the same plans again
    seconds: float  # the whole check
    plans: int
    """Different conversations executed."""
    requirements: list[RequirementResult]  # a line each, in the order of the catalogue
    causes: list[CauseResult] = []  # in the order in which they were found
    boundary_maps: list[BoundaryMap] = []  # where cuts were tried
    learnt: LearntResult | None = None  # what --from learnt; null with a protocol
    behind: str = ""  # the server to which the target leads, where what stands between was judged


class Percentiles(Record, frozen=True, kw_only=True):
    """A latency distribution, in microseconds."""

    p50: float  # the median
    p90: float  # 90 % were at most this
    p99: float  # 99 % were at most this
    p99_9: float  # 99.9 % were at most this
    max: float  # the longest
    mean: float  # the arithmetic mean
    count: int  # number of latencies


class Second(Record, frozen=True, kw_only=True):
    """One second of a load run."""

    at_s: float
    """Seconds since the start of the run, at the end of this second."""
    users: int  # connections open
    requests: int  # replies that came in it
    failures: int  # requests that failed in it
    p50_us: float  # service time, median
    p99_us: float  # service time, 99th percentile
    max_us: float  # service time, the longest
    phase: str = "steady"  # ramp, warm-up, steady or drain
    queue_depth: int | None = None  # deepest accept queue seen; null where it cannot be seen
    overflows: int | None = None  # ListenOverflows in it; null where they cannot be seen
    p90_us: float | None = None  # service time; null in older files
    p99_9_us: float | None = None  # service time; null in older files


class KindResult(Record, frozen=True, kw_only=True):
    """What became of the requests of one kind that were to be sent in the steady phase."""

    kind: str  # as `wireproof protocols NAME` names it
    requests: int
    """Those that have a fate, which a request of a worker that was lost has not."""
    failures: dict[str, int] = {}
    """By cause."""
    throughput_per_s: float
    """Of right ones."""
    service_us: Percentiles | None = None
    """From the send to the reply; None where no reply came."""


class LoadStage(Record, frozen=True, kw_only=True):
    """Steady load at one number of connections.

    Each request has one fate: `requests` is `right` and the failures that are no incidents.
    """

    users: int  # connections
    seconds: float
    """Length of the steady phase."""
    requests: int
    """What was sent that was to be sent in the steady phase."""
    failures: dict[str, int]
    """By cause, `unanswered` among them: no reply came before the load was over."""
    incidents: dict[str, int] = {}
    """Of the failures, those that befell no request that was sent: refused connects, late and
    repeated replies, requests that were never sent."""
    drain_seconds: float = 0.0
    """How long after the steady phase the last requests had their fate."""
    throughput_per_s: float
    """Requests of the steady phase that went right, whenever, over its length."""
    latency_us: dict[str, Percentiles]
    """By kind of latency: `service`, `scheduled`, `wire`."""
    bottleneck: str
    """Who was the limit: `server`, `generator`, `shared core` or `undetermined`."""
    kinds: list[KindResult] = []
    """By kind of request, where there is more than one."""
    rate_per_s: float | None = None
    """The rate that was asked for, on average; None for a closed loop."""
    histograms: dict[str, str] = {}
    """By kind of latency: HdrHistogram V2, compressed, base64."""
    details: dict[str, Any] = {}
    """What explains the bottleneck's word, and samples of wrong replies, escaped."""

    @property
    def right(self) -> int:
        """Requests that had a right reply, or left where the protocol has none."""
        return self.requests - sum(self.failures.values()) + sum(self.incidents.values())


class LoadResult(LoadStage, frozen=True, kw_only=True):
    """What `wireproof load` measured: the whole, and each stage by itself."""

    series: list[Second] = []  # each second of the run
    stages: list[LoadStage] = []  # each stage of a load with several
    slo: list[dict[str, Any]] = []
    """One entry an objective: `expression`, `measured`, `met`."""
    partial: bool = False
    """Whether the run ended before all of it was done."""
    notes: list[str] = []
    """What happened to it, a sentence each."""


class Queue(Record, frozen=True, kw_only=True):
    """The listener's accept queue."""

    limit: int | None
    """What the kernel calls the backlog."""
    depth: int | None
    """Most connections that it held while the server did not accept."""
    source: str
    """Where the depth is from: `sock_diag`, counted by the kernel while the server was paused;
    `connects`, at most this many, by the connects that overflowed it; or `unknown`."""
    listeners: int = 1
    """Listening sockets that share the address; limit and depth are their sums."""
    completed_at_once: int | None = None
    """Connects that completed while the server was paused."""
    turned_away: int = 0
    """Connects that found the queue full while the server was paused."""
    late_us: list[float] = []
    """Connect times of those of them that completed once the server went on."""


class Burst(Record, frozen=True, kw_only=True):
    """Connects that were started at the same instant."""

    connections: int  # connects in it
    completed_at_once: int  # connects that needed one SYN
    retransmitted: int  # connects whose SYN was sent again
    failed: dict[str, int]  # by cause
    connect_us: dict[str, Any]
    """`percentiles` (as in `Percentiles`) and `times`, sorted, one a connect that completed."""
    retries: dict[str, int] = {}
    """Completed connects, by how often their SYN was sent again."""
    half_open: int | None = None
    """Connects that exist only for the client: the queue had no room when the handshake's last
    step came. None where the server's side cannot be seen."""
    peak_depth: int | None = None
    """Deepest that the queue was seen during the burst."""


class Rung(Record, frozen=True, kw_only=True):
    """One step of the connection ladder."""

    model: str  # serving model of the reference server, else empty
    connections: int  # connections at a time
    throughput_per_s: float  # right replies a second
    latency_us: dict[str, Percentiles]  # by kind of latency, as in `LoadStage`
    failures: dict[str, int]  # by cause
    bottleneck: str = "undetermined"  # who was the limit, as in `LoadStage`
    served: int | None = None
    """Connections that had a reply when all of them asked at once; None where it was not tried."""
    waiting: int | None = None
    """Connections that were in the accept queue then; None where it cannot be seen."""


class BacklogResult(Record, frozen=True, kw_only=True):
    """What `wireproof backlog` found."""

    queue: Queue  # depth and limit of the accept queue
    burst: list[Burst] = []  # bursts of connects, from small to large
    ladder: list[Rung] = []  # load at one number of connections after another
    explanation: list[str] = []
    """What was found and what to do about it, a sentence each."""
    counters: dict[str, int] = {}
    """Change of the kernel's counters over the measurement."""
    sysctls: dict[str, str] = {}  # kernel settings that explain it
    syn_retries_at_s: list[float] = []
    """When this machine sends an unanswered SYN again, in seconds after the connect."""


class Environment(Record, frozen=True, kw_only=True):
    """Where it was measured; compare figures only with others from the same one."""

    host: str  # name of the machine
    kernel: str  # its version
    cpu: str  # model name
    cpus: int  # cores
    python: str  # implementation and version
    versions: dict[str, str]  # of Wireproof and its libraries
    sysctls: dict[str, str]  # network settings of the kernel
    loop: str = ""
    """The form of the load's loop, `compiled` or `python`; empty in files from before."""


class Results(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The whole of `results.json`."""

    format: int  # of this file
    command: str  # check, load, backlog, between or run
    started_at: str
    """UTC, ISO 8601."""
    environment: Environment  # where it was measured
    target: str  # as it was written
    partial: bool  # whether the run ended before it was done
    check: CheckResult | None = None  # null where there was none
    load: LoadResult | None = None  # null where there was none
    backlog: BacklogResult | None = None  # null where there was none
    between: BetweenResult | None = None  # null where there was none
