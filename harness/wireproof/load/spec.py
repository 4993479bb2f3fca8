"""What a load run is asked to do. Plain data: no socket, no clock, no Locust."""

import ipaddress
import math
import re
from enum import StrEnum

import msgspec

from wireproof.durations import parse_duration
from wireproof.errors import UsageError
from wireproof.pacing import Ramp

DEFAULT_PAYLOAD_BYTES = 64
_SEGMENT = re.compile(r"whole|octets|random|coalesced [1-9][0-9]{0,3}")
_RATE = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?|inf|nan)(?:\.\.([0-9]+(?:\.[0-9]+)?)/(.+))?")
_ADDRESSES = "write --source-addresses 127.0.0.2-127.0.0.20"
_MAX_ADDRESSES = 65536
MAX_RATE_PER_S = 10_000_000
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024


class Arrivals(StrEnum):
    """How requests of an open loop are spread over time."""

    CONSTANT = "constant"
    POISSON = "poisson"


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A load run.

    A closed loop sends the next request once the reply is here; with `rate_per_s` the loop is open:
    requests have their time by an absolute schedule, whatever the server does.
    """

    target: str
    """As the user wrote it."""
    pin: str = ""
    """Where its host was found; all workers go there. Empty: each looks the host up."""
    allow_hosts: list[str] = []
    protocol: str = "timestamp-echo"
    settings: dict[str, str] = {}
    """The protocol's own, as given with `--set`."""
    users: list[int] = msgspec.field(default_factory=lambda: [50])
    """Connections, one entry a stage."""
    seconds: float = 10.0
    """Length of the steady part of each stage."""
    warm_up_s: float = 1.0
    """Length of what comes before it and is not measured."""
    rate_per_s: float | None = None
    """Requests per second of the whole run; None for a closed loop. At first, where it changes."""
    rate_to_per_s: float | None = None
    """Where the rate changes evenly from the warm-up's end on: to what."""
    rate_ramp_s: float = 0.0
    """How long that takes."""
    rate_stages: list[float] = []
    """The rate of each stage; empty where all have the same."""
    think: str = ""
    """How long a connection of a closed loop waits before its next request: `10ms`, or `exp:10ms`
    for so long on average; empty for not at all."""
    arrivals: Arrivals = Arrivals.CONSTANT
    payload: str = ""
    """`64`, `1-4096`, or `any` for what the protocol's strategy draws; empty for 64 where the
    protocol has requests of every size, and `any` elsewhere."""
    mix: dict[str, float] = {}
    """Weights of the protocol's kinds of requests; empty for its own mix."""
    requests_file: str = ""
    """Path of a file with the requests, on this machine; empty for what the protocol draws."""
    requests_as: str = "lines"
    """How they stand in it: a line each, or behind a length of 1, 2, 4 or 8 bytes, as `u32`."""
    feed_file: str = ""
    """Path of a file with values, on this machine: for their places, or for the protocol's own
    requests about a key, a path or a topic."""
    pipeline: int = 1
    """Requests that a connection sends in one go before it waits for their replies."""
    processes: int = 1
    connect_rate_per_s: float | None = None
    """Connections opened per second while a stage ramps up; None for all at once."""
    source_addresses: list[str] = []
    """Local addresses that the connections come from, in turn; empty for the system's choice."""
    segment: str = "whole"
    """How requests are cut: `whole`, `octets`, `random`, or `coalesced N` for N in one segment."""
    segment_share: float = 1.0
    """Share of the requests that is cut so; the others go out whole."""
    connection_lifetime_s: float | None = None
    """After how long a connection is closed in order and replaced by a new one."""
    quick_ack: bool = False
    """Whether each reply is acknowledged at once, for servers that wait for it (Nagle)."""
    timeout_s: float = 5.0
    """How long a reply or a connect may take."""
    seed: int = 0
    """Of the payloads and of Poisson arrivals."""

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: with what to write instead.

        """
        if not self.users or min(self.users) < 1:
            raise UsageError("a load needs one connection at least", "write --users 50")
        positive: dict[str, float | None] = {
            "--for": self.seconds,
            "--rate": self.rate_per_s,
            "--rate …": self.rate_to_per_s,
            "--rate-stages": min(self.rate_stages, default=None),
            "--pipeline": self.pipeline,
            "--processes": self.processes,
            "--connect-rate": self.connect_rate_per_s,
            "--timeout": self.timeout_s,
            "--connection-lifetime": self.connection_lifetime_s,
        }
        for option, value in positive.items():
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise UsageError(f"{option} takes a number above 0, not {value:g}")
        if not 0 <= self.warm_up_s < math.inf:
            raise UsageError(f"--warm-up takes seconds, not {self.warm_up_s:g}")
        if min(self.users) < self.processes:
            raise UsageError(
                f"{self.processes} processes cannot share {min(self.users)} connections",
                "write no more --processes than --users",
            )
        self._check_workload()
        self._check_pace()
        if not 0 <= self.segment_share <= 1:
            raise UsageError(f"--segment-share is between 0% and 100%, not {self.segment_share:g}")
        if not _SEGMENT.fullmatch(self.segment):
            raise UsageError(
                f"{self.segment!r} is not a way to cut a request",
                "write --segment octets, random, whole, or 'coalesced 4'",
            )

    def _check_pace(self) -> None:
        rates = [rate for rate in (self.rate_per_s, self.rate_to_per_s, *self.rate_stages) if rate]
        if rates and max(rates) > MAX_RATE_PER_S:
            raise UsageError(
                f"--rate {max(rates):g} is more than any generator sends",
                f"write {MAX_RATE_PER_S} or less",
            )
        if self.rate_to_per_s is not None and (self.rate_stages or len(self.users) > 1):
            raise UsageError("a rate that changes has one stage", "leave --stages out")
        if self.rate_stages and len(self.rate_stages) != len(self.users):
            raise UsageError("each stage has a rate, or all have one", "leave --stages out")
        if parse_think(self.think) and self.rate_per_s is not None:
            raise UsageError(
                "--think is how long a connection waits after a reply, and --rate does not wait",
                "leave one of them out",
            )

    def rate_of(self, stage: int) -> float | None:
        """Return the requests per second that a stage begins with; None for a closed loop."""
        return self.rate_stages[stage] if stage < len(self.rate_stages) else self.rate_per_s

    def ramp(self) -> Ramp | None:
        """Return how the rate changes from the warm-up's beginning on, if it does."""
        if self.rate_per_s is None or self.rate_to_per_s is None:
            return None
        return Ramp(self.rate_per_s, self.rate_to_per_s, self.warm_up_s, self.rate_ramp_s)

    def asked_per_s(self, stage: int) -> float | None:
        """Return the mean rate that the measured part of a stage is asked for."""
        ramp = self.ramp()
        if ramp is None:
            return self.rate_of(stage)
        until_s = self.warm_up_s + self.seconds
        return (ramp.requests(until_s) - ramp.requests(self.warm_up_s)) / self.seconds

    def _check_workload(self) -> None:
        parse_payload(self.payload)
        asked = [
            option
            for option, value in (
                ("--payload", self.payload),
                ("--mix", self.mix),
                ("--requests", self.requests_file),
            )
            if value
        ]
        if len(asked) > 1:
            raise UsageError(
                f"{' and '.join(asked)} both say what is sent", f"leave out {asked[-1]}"
            )
        if self.feed_file and self.payload:
            raise UsageError("--payload and --feed both say what is sent", "leave out --payload")
        if self.requests_as != "lines" and not self.requests_file:
            raise UsageError("--requests-as says how --requests FILE is read", "write --requests")
        if self.mix and not (
            max(self.mix.values()) > 0
            and all(0 <= weight < math.inf for weight in self.mix.values())
        ):
            raise UsageError(
                "--mix takes weights of 0 and more, one above", "write --mix get=80,set=20"
            )

    @property
    def coalesced(self) -> int:
        """How many requests share a segment where `segment` says so, else 1."""
        return int(self.segment.split()[1]) if self.segment.startswith("coalesced") else 1


class PayloadSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of requests, both ends included."""

    least_bytes: int
    most_bytes: int


def parse_payload(text: str) -> PayloadSizes | None:
    """Return the sizes that `--payload` asks for; None where the protocol's strategy decides.

    Raises:
        UsageError: it is neither a size, nor a range, nor `any`.

    """
    if text in {"", "any"}:
        return None
    found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text)
    if found:
        least = int(found[1])
        most = int(found[2] or least)
        if 1 <= least <= most <= MAX_PAYLOAD_BYTES:
            return PayloadSizes(least_bytes=least, most_bytes=most)
    raise UsageError(
        f"{text!r} is not a payload size", "write --payload 64, --payload 1-4096 or --payload any"
    )


def parse_rate(text: str) -> tuple[float, float | None, float]:
    """Return a rate, and to what it changes in how many seconds: `1000`, or `1000..20000/60s`.

    Raises:
        UsageError: it is no rate.

    """
    found = _RATE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--rate: {text!r} is not a rate", "write 1000, or 1000..20000/60s")
    if found[2] is None:
        return float(found[1]), None, 0.0
    ramp_s = parse_duration(found[3])
    if ramp_s <= 0:
        raise UsageError(f"--rate: {text!r} changes in no time", "write 1000..20000/60s")
    return float(found[1]), float(found[2]), ramp_s


def parse_think(text: str) -> tuple[float, bool] | None:
    """Return how many seconds `10ms` or `exp:10ms` are, and whether only on average; None for none.

    Raises:
        UsageError: it is no duration.

    """
    kind, colon, length = text.rpartition(":")
    if (colon or kind) and kind != "exp":
        raise UsageError(f"--think: {text!r} is not a time", "write 10ms, or exp:10ms")
    seconds = parse_duration(length) if length else 0.0
    return (seconds, kind == "exp") if seconds else None


def parse_mix(text: str) -> dict[str, float]:
    """Return the weights that `get=80,set=20` asks for, by kind.

    Raises:
        UsageError: it is no list of them.

    """
    found: dict[str, float] = {}
    for item in text.split(","):
        name, equals, weight = (part.strip() for part in item.partition("="))
        try:
            found[name] = float(weight)
        except ValueError:
            equals = ""
        if not (name and equals):
            raise UsageError(
                f"--mix: {item!r} is not a kind with its weight", "write get=80,set=20"
            )
    return found


def encode_spec(spec: LoadSpec) -> str:
    """Return the spec as JSON text."""
    return msgspec.json.encode(spec).decode()


def decode_spec(text: str) -> LoadSpec:
    """Read a spec.

    Raises:
        UsageError: it is none.

    """
    try:
        return msgspec.json.decode(text, type=LoadSpec)
    except msgspec.MsgspecError as error:
        raise UsageError(f"it is not a load spec: {error}") from None


def expand_addresses(text: str) -> list[str]:
    """Return the addresses of `127.0.0.2-127.0.0.20,10.0.0.7`.

    Raises:
        UsageError: it holds what is no address, or a range that is none or has over 65536.

    """
    found: list[str] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = item.partition("-")
        try:
            low = ipaddress.ip_address(first.strip())
            high = ipaddress.ip_address(last.strip()) if dash else low
        except ValueError as error:
            raise UsageError(f"{item!r}: {error}", _ADDRESSES) from None
        count = int(high) - int(low) + 1
        if low.version != high.version or not 1 <= count <= _MAX_ADDRESSES:
            raise UsageError(f"{item!r} is not a range of addresses", _ADDRESSES)
        found += [str(low + step) for step in range(count)]
    return found
