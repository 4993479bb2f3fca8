"""The parent of the pre-forked workers: starts them, replaces those that die, ends them all.

- A signal only puts its number into a socket; everything else happens in one loop.
- A worker that says it cannot start ends the server: starting it again would fail again.
- Workers hold the read end of a pipe, the *lifeline*, whose only writer is the parent. However the
  parent dies, SIGKILL included, they read its end of file and end too.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from typing import Protocol

from reference_server import processes
from reference_server.errors import StartError

_FORK = multiprocessing.get_context("fork")
_STOPPING = {signal.SIGTERM, signal.SIGINT}
# Workers that end by themselves, one after another and each within a second, suffer from what no
# replacement fixes. Those that a signal kills are not counted: it is not their doing.
_QUICK_END_S = 1.0
_QUICK_ENDS_ALLOWED = 10
_RETRY_S = 0.25  # until a replacement is tried again that could not be started
_OVERTIME_S = 1.0  # what a worker gets beyond its own grace before it is killed


class Service(Protocol):
    """What a worker process does."""

    def start(self) -> None:
        """Get ready; take over the signals. What it raises ends the server."""

    def run(self) -> None:
        """Serve until SIGTERM or the lifeline's end, within the grace."""


class Supervisor:
    """Keeps a number of workers running."""

    def __init__(
        self, workers: int, make_service: Callable[[int, int], Service], grace_s: float
    ) -> None:
        """Make a supervisor.

        Args:
            workers: how many.
            make_service: called in each worker with its number and the lifeline.
            grace_s: how long the services need to end, at most.

        """
        self._count = workers
        self._make_service = make_service
        self._grace_s = grace_s
        self._workers: dict[int, ForkProcess] = {}
        self._started_s: dict[int, float] = {}
        self._ready: set[int] = set()
        self._quick_ends = 0
        self._lifeline, self._lifeline_end = os.pipe()
        self._signals, self._enqueue = socket.socketpair()
        self._signals.setblocking(False)
        self._enqueue.setblocking(False)
        self._news, self._tell = multiprocessing.Pipe(duplex=False)

    def run(self, announce: Callable[[], None]) -> None:
        """Start the workers, call `announce` when all are ready, and stay until SIGTERM or SIGINT.

        Raises:
            StartError: the workers cannot start, or do not stay.

        """
        signal.set_wakeup_fd(self._enqueue.fileno(), warn_on_full_buffer=False)
        for number in processes.SIGNALS:
            signal.signal(number, lambda *_: None)
        try:
            self._spawn_first()
            announced = False
            while not self._stop_asked():
                self._replace_dead()
                if not announced and len(self._ready) == self._count:
                    announce()
                    announced = True
            self._stop()
        finally:
            for process in self._workers.values():
                process.kill()
            for process in self._workers.values():
                process.join()

    # The parent

    def _spawn_first(self) -> None:
        for slot in range(self._count):
            try:
                self._spawn(slot)
            except OSError as error:
                raise StartError(f"cannot start a worker: {error.strerror}") from None

    def _spawn(self, slot: int) -> None:
        process = _FORK.Process(target=self._work, args=(slot,))
        processes.start(process)
        self._workers[slot] = process
        self._started_s[slot] = time.monotonic()

    def _stop_asked(self) -> bool:
        """Wait until something happens; take signals and news."""
        sentinels = [process.sentinel for process in self._workers.values()]
        complete = len(self._workers) == self._count
        happened = wait([self._signals, self._news, *sentinels], None if complete else _RETRY_S)
        if self._news in happened:
            self._hear(self._news.recv())
        if self._signals not in happened:
            return False
        numbers = set(self._signals.recv(64))
        if signal.SIGUSR1 in numbers:
            self._signal_all(signal.SIGUSR1)
        return bool(numbers & _STOPPING)

    def _hear(self, news: tuple[int, str]) -> None:
        slot, failure = news
        if failure:
            raise StartError(f"a worker cannot start: {failure}")
        self._ready.add(slot)

    def _replace_dead(self) -> None:
        while self._news.poll():  # a worker's reason to end must not be overtaken by its end
            self._hear(self._news.recv())
        for slot, process in list(self._workers.items()):
            if process.exitcode is None:
                continue
            age_s = time.monotonic() - self._started_s[slot]
            if process.exitcode < 0 or age_s >= _QUICK_END_S:
                self._quick_ends = 0
            else:
                self._quick_ends += 1
                if self._quick_ends > _QUICK_ENDS_ALLOWED:
                    raise StartError(
                        f"workers end as soon as they start, with exit code {process.exitcode}"
                    )
            process.join()
            process.close()
            del self._workers[slot]
        for slot in set(range(self._count)) - self._workers.keys():
            with contextlib.suppress(OSError):  # none to be had now: the others serve meanwhile
                self._spawn(slot)

    def _signal_all(self, number: int) -> None:
        for process in self._workers.values():
            if process.pid is not None and process.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def _stop(self) -> None:
        """Let the workers drain; who is not done in time is killed by the caller."""
        self._signal_all(signal.SIGTERM)
        until_s = time.monotonic() + self._grace_s + _OVERTIME_S
        waited = {process.sentinel for process in self._workers.values()}
        while waited and (left_s := until_s - time.monotonic()) > 0:
            happened = wait([self._signals, *waited], left_s)
            waited.difference_update(*[[done] for done in happened if isinstance(done, int)])
            if self._signals in happened and set(self._signals.recv(64)) & _STOPPING:
                return  # asked twice: at once

    # The child

    def _work(self, slot: int) -> None:
        os.close(self._lifeline_end)
        signal.set_wakeup_fd(-1)
        self._signals.close()
        self._enqueue.close()
        self._news.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us all; the parent decides
        try:
            service = self._make_service(slot, self._lifeline)
            service.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
            self._tell.send((slot, f"{type(error).__name__}: {error}"))
            sys.exit(3)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, processes.SIGNALS)
        self._tell.send((slot, ""))
        self._tell.close()
        service.run()
