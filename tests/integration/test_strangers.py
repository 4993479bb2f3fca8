"""A stranger at the master's port, and a member of the run who reports what cannot be."""

import contextlib
import dataclasses
import os
import queue
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.listening import family_of
from tests.support.servers import Serving, echoing
from tests.support.stranger import BadMaster, Stranger, stranger
from wireproof.load.figures.tally import Phase, Tally
from wireproof.load.job import Job, job_of
from wireproof.load.launch import run_load
from wireproof.load.locust_process import LOCUSTFILE, start_locust
from wireproof.load.processes import Elsewhere
from wireproof.load.secret import RunSecret, new_secret
from wireproof.load.spec import LoadSpec
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
        for pid in family_of(os.getpid()):
            assert run.secret.text.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
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
        ("stats", {"stats": [{"name": 1}]}, "reported something impossible"),
        ("heartbeat", {"state": 5}, "reported something impossible"),
        ("invented", None, "'invented', which is not a message"),
    )
    with (
        _run(workers=2, seconds=3.0) as run,
        run.start_worker(),
        stranger(run.port, "member", run.secret) as peer,
    ):
        _await_word(run, "worker 1 of 2")  # this one sends no heartbeats while it waits
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


class _Relay:
    """Passes bytes between a worker and its master, and keeps what each has sent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.from_worker = b""
        self.from_master = b""

    def __call__(self, worker: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as master:
            while True:
                for source in select.select([worker, master], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is worker:
                        self.from_worker += data
                        master.sendall(data)
                    else:
                        self.from_master += data
                        worker.sendall(data)


def test_what_was_said_once_cannot_be_said_again() -> None:
    """All that a worker has sent, sent anew, is nobody's; nor is what its master has sent."""
    with _run(workers=1, seconds=3.0) as run:
        relay = _Relay(run.port)
        with Serving(relay) as between:
            worker = dataclasses.replace(run, port=between.target.port).start_worker()
            _await_word(run, "worker 1 of 1")
            while len(relay.from_worker) < 5_000:  # it has reported by then
                assert worker.poll() is None
            with socket.create_connection(("127.0.0.1", run.port)) as again:
                again.sendall(relay.from_worker)
                again.settimeout(_TIMEOUT_S)
                with contextlib.suppress(ConnectionResetError):
                    while again.recv(65536):
                        pass  # a greeting, and then the end
            result = run.result()
            assert worker.wait(_TIMEOUT_S) == 0

        def impostor(peer: socket.socket) -> None:
            peer.sendall(relay.from_master)
            while peer.recv(65536):
                pass

        with Serving(impostor) as master:
            misled = dataclasses.replace(run, port=master.target.port).start_worker()
            assert misled.wait(_TIMEOUT_S) == 2
    assert (result.requests, result.failures) == (_RATE_PER_S * 3, {})


_SOUND_ORDER = {
    "timestamp": 1.0,
    "user_classes_count": {"Connection": 2},
    "stop_timeout": 0.0,
    "parsed_options": {},
}


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("spawn", {"host": "ELSEWHERE"}, "the master wants load on tcp://127.0.0.1:"),
        ("spawn", {"user_classes_count": {"Connection": -1}}, "Expected `int` >= 0"),
        ("update_user_class", {"protocol": "evil.py:Evil"}, "'protocol' of a user class stays"),
    ],
)
def test_a_worker_that_is_told_otherwise_refuses_in_a_line(
    kind: str, change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    """Even a master with the secret chooses no target and no file for it."""
    secret = new_secret()
    reached: list[socket.socket] = []
    with (
        Serving(echoing) as own,
        Serving(reached.append) as other,
        contextlib.closing(BadMaster(secret)) as master,
        (tmp_path / "said").open("w+b") as said,
    ):
        spec = LoadSpec(target=str(own.target), protocol="echo")
        where = ("--worker", "--master-host", "127.0.0.1", "--master-port", str(master.port))
        worker = start_locust(spec, secret, *where, output=said)
        master.await_worker()
        order: dict[str, Any] = {"user_class_name": "Connection"}
        if kind == "spawn":
            order = {**_SOUND_ORDER, "host": str(own.target)}
        order |= change
        if order.get("host") == "ELSEWHERE":
            order["host"] = str(other.target)
        master.order(kind, order)
        assert worker.wait(_TIMEOUT_S) == 2
        said.seek(0)
        lines = [line for line in said.read().decode().splitlines() if line.startswith("wireproof")]
    assert len(lines) == 1
    assert told in lines[0]
    assert not reached


def test_a_masters_options_choose_no_file(tmp_path: Path) -> None:
    """A protocol that a master names in its options is refused, and its file is not imported."""
    evil = tmp_path / "evil.py"
    evil.write_text("from pathlib import Path\nPath(__file__).with_name('imported').touch()\n")
    secret = new_secret()
    with Serving(echoing) as own, contextlib.closing(BadMaster(secret)) as master:
        spec = LoadSpec(target=str(own.target), protocol="echo")
        where = ("--worker", "--master-host", "127.0.0.1", "--master-port", str(master.port))
        worker = start_locust(spec, secret, *where, output=None)
        try:
            master.await_worker()
            told = {"protocol": f"{evil}:Evil", "wireproof_spec": "", "allow_host": "192.0.2.1"}
            order = {**_SOUND_ORDER, "host": spec.target, "parsed_options": told}
            master.order("spawn", order)
            note = master.await_message("wireproof note")
        finally:
            worker.kill()
            worker.wait(_TIMEOUT_S)
    assert note["partial"]
    assert note["text"] == (
        "the master wants Evil for the protocol, and this worker was started for echo: refused"
    )
    assert not (tmp_path / "imported").exists()
