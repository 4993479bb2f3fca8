"""A stranger at the master's port, and a member of the run who reports what cannot be."""

import contextlib
import dataclasses
import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import msgspec

from tests.support.servers import Serving, echoing
from tests.support.stranger import Stranger, stranger
from wireproof.load.job import Job, job_of
from wireproof.load.launch import run_load
from wireproof.load.locust_process import LOCUSTFILE, start_locust
from wireproof.load.processes import Elsewhere
from wireproof.load.secret import RunSecret, new_secret
from wireproof.load.spec import LoadSpec
from wireproof.load.tally import Phase, Tally
from wireproof.results import LoadResult

_TIMEOUT_S = 60
_RATE_PER_S = 200.0
_INVENTED = Tally(
    worker="invented",
    second=0,
    stage=0,
    phase=Phase.STEADY,
    length_s=0.5,
    users=1,
    counts={"service": [7, 1_000_000]},
)
_TOO_MANY = {**msgspec.to_builtins(_INVENTED), "counts": {"service": [7, 10**9]}}


@dataclasses.dataclass(slots=True)
class _Run:
    """A load that waits for one worker of the test's own, beside one that is sound."""

    spec: LoadSpec
    secret: RunSecret
    port: int
    words: queue.Queue[str]
    result: Callable[[], LoadResult]

    @property
    def job(self) -> Job:
        """What its workers do."""
        return job_of(self.spec, [str(LOCUSTFILE)])

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A sound worker."""
        where = ("--worker", "--master-host", "127.0.0.1", "--master-port", str(self.port))
        return start_locust(self.spec, self.secret, *where, output=None)


@contextlib.contextmanager
def _run(workers: int, seconds: float = 2.0) -> Iterator[_Run]:
    """A master that waits for its workers, in a thread of its own."""
    ports: queue.Queue[int] = queue.Queue()
    words: queue.Queue[str] = queue.Queue()
    found: list[LoadResult] = []
    with Serving(echoing) as server:
        spec = LoadSpec(
            target=str(server.target),
            protocol="echo",
            users=[2],
            seconds=seconds,
            warm_up_s=0.0,
            rate_per_s=_RATE_PER_S,
            processes=workers,
            pin="127.0.0.1",
        )
        secret = new_secret()
        elsewhere = Elsewhere(
            host="127.0.0.1",
            port=0,
            secret=secret,
            wait_s=_TIMEOUT_S,
            on_listening=ports.put,
            on_word=words.put,
        )
        thread = threading.Thread(
            target=lambda: found.append(run_load(spec, elsewhere=elsewhere)), daemon=True
        )
        thread.start()

        def result() -> LoadResult:
            thread.join(_TIMEOUT_S)
            return found[0]

        yield _Run(spec, secret, ports.get(timeout=_TIMEOUT_S), words, result)
        thread.join(_TIMEOUT_S)
        assert not thread.is_alive()


def _await_word(run: _Run, part: str) -> str:
    while part not in (word := run.words.get(timeout=_TIMEOUT_S)):
        pass
    return word


def _report_everything(peer: Stranger, job: Job) -> None:
    """All that a worker of Locust's or ours would say, and what would end Locust's loop."""
    peer.join(job)
    peer.send("heartbeat", {"state": "running", "current_cpu_usage": 1.0})
    for _ in range(20):
        peer.send("wireproof tally", msgspec.to_builtins(_INVENTED))
    peer.send("wireproof note", {"kind": "fault", "text": "invented", "partial": True})
    peer.send("wireproof done", {"stage": 0})
    peer.send("stats", {})
    for data in (b"", b"\xc1", b"\x93" * 100_000, msgspec.msgpack.encode({"a": 1})):
        peer.send_bytes(data)


def test_nothing_of_a_stranger_is_counted() -> None:
    """Without the run's secret nobody is a worker; that somebody tried is told, and no more.

    Nor do a port scanner, a browser and a hundred half-open connections end anything.
    """
    with (
        _run(workers=1) as run,
        stranger(run.port, "without") as without,
        stranger(run.port, "wrong", RunSecret("s" * 64)) as wrong,
        contextlib.ExitStack() as stack,
    ):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10, b"\xff" * 10_000, b"\x00", b""):
            for _ in range(25):
                scanner = stack.enter_context(socket.create_connection(("127.0.0.1", run.port)))
                with contextlib.suppress(OSError):
                    scanner.sendall(data)
        for peer in (without, wrong):
            _report_everything(peer, run.job)
        assert "without this run's secret was refused" in _await_word(run, "secret")
        with run.start_worker() as worker:
            result = run.result()
            assert worker.wait(_TIMEOUT_S) == 0
        assert without.receive(0) is wrong.receive(0) is None
    assert (result.requests, result.failures) == (_RATE_PER_S * 2, {})
    assert not result.partial
    assert result.details["workers"] == 1
    assert all("without this run's secret was refused" in note for note in result.notes)


def test_another_protocol_file_is_refused_by_name() -> None:
    """A worker of the run that would do another thing than its master says does not begin."""
    with _run(workers=1) as run:
        other = msgspec.structs.replace(run.job, protocol_file="ab" * 32)
        with stranger(run.port, "other", run.secret) as peer:
            peer.join(other)
            told = peer.await_message("wireproof refused")
        assert "its protocol's file is not the master's (SHA-256 abababababab here" in told["why"]
        assert "worker other was refused: its protocol's file" in _await_word(run, "other")
        with run.start_worker():
            assert run.result().requests == _RATE_PER_S * 2


def test_what_a_member_of_the_run_cannot_report_is_not_counted() -> None:
    """It is dropped and told; the figures of the others are theirs."""
    impossible = (
        ("wireproof tally", _TOO_MANY, "1,000,000,000 replies in 0.5 s"),
        ("stats", {"stats": [{"name": 1}]}, "reported what cannot be"),
        ("heartbeat", {"state": 5}, "reported what cannot be"),
        ("invented", None, "'invented', which is no message"),
    )
    with (
        _run(workers=2, seconds=3.0) as run,
        run.start_worker(),
        stranger(run.port, "member", run.secret) as peer,
    ):
        peer.join(run.job)
        peer.await_message("wireproof stage")
        for kind, data, told in impossible:
            peer.send(kind, data)
            assert told in _await_word(run, "worker member ")
        peer.send("wireproof tally", msgspec.to_builtins(_INVENTED), name="another")
        peer.send("wireproof done", "invented")
        peer.send("quit")
        result = run.result()
    assert result.partial
    assert 0 < result.requests <= _RATE_PER_S * 3 / 2  # the sound one's half
