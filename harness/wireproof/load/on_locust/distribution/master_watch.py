"""A worker whose master is gone stops its load, and offers itself to the master that comes next.

Locust's own worker notices nothing: it goes on loading the server for a minute, reports to a master
that is started again on the same port and does not know it, is never given work by that one, and
ends. And what it had queued for the dead master, the new one would count as its own.
"""

from __future__ import annotations

import logging
from socket import gethostname
from typing import Any
from uuid import uuid4

import gevent
from locust import __version__
from locust.rpc import Message
from locust.runners import STATE_INIT

from wireproof.errors import CannotRunError
from wireproof.load.on_locust.distribution.runners import GuardedWorker

_log = logging.getLogger(__name__)

_SILENT_S = 5
"""How long a master may be silent, which answers each heartbeat, one a second."""


class MasterWatch:
    """Watches the master of a worker's process."""

    def __init__(self, runner: GuardedWorker) -> None:
        """Begin to watch; the master knows the worker already."""
        self._runner: Any = runner
        self._silent_s = 0
        self._is_lost = False
        runner.environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        gevent.spawn(self._watch)

    def _on_heartbeat(self, **_: Any) -> None:
        self._silent_s = 0
        self._is_lost = False
        self._runner.environment.process_exit_code = None

    def _watch(self) -> None:
        """Count seconds in which we ran: a process that was stopped itself blames no master."""
        while True:
            gevent.sleep(1)
            self._silent_s += 1
            if self._silent_s > _SILENT_S:
                self._silent_s = 0
                if not self._is_lost:
                    _log.warning("the master is silent: the load stops until it is back")
                self._is_lost = True
                self._runner.environment.process_exit_code = CannotRunError.exit_code
                self._offer()

    def _offer(self) -> None:
        """Be as a worker that has just started; what the last master was owed is void.

        With a name of its own, too: a master that has a connection of that name takes no other. And
        the old connection is closed last: Locust's receiving loop never yields on a closed one.
        """
        runner = self._runner
        if runner.worker_state != STATE_INIT:
            runner.stop()
            runner.worker_state = STATE_INIT
        runner.last_received_spawn_timestamp = 0  # by the clock of that master
        runner.environment.stats.clear_all()
        old = runner.client
        client_id = f"{gethostname()}_{uuid4().hex}"
        runner.client = runner.sockets.Client(runner.master_host, runner.master_port, client_id)
        runner.client_id = client_id
        runner.join()
        runner.client.send(Message("client_ready", __version__, client_id))
        old.close(linger=0)
