"""Locust's master and worker, guarded: who does not belong to the run is not listened to.

A worker first says what it would do (`JOIN`), and is let in if that is what its master does. From
then on the master takes reports from it, and it takes numbers from the master.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from gevent.event import Event as Flag
from locust import runners
from locust.env import Environment
from locust.exception import RPCSendError
from locust.rpc import Message

from wireproof.errors import UsageError, WireproofError
from wireproof.load.job import Job, difference, job_of, words_of
from wireproof.load.on_locust.distribution.channel import CLOSED, MasterSocket, WorkerSocket
from wireproof.load.on_locust.distribution.family import Family
from wireproof.load.on_locust.distribution.reports import FROM_A_WORKER, shape_problem
from wireproof.load.on_locust.options import OPTIONS, spec_of
from wireproof.load.on_locust.page import check_user_class
from wireproof.load.secret import RunSecret
from wireproof.load.spec import LoadSpec

_log = logging.getLogger(__name__)

JOIN, REFUSED = "wireproof join", "wireproof refused"
TOLD = "wireproof_told"
"""Where a worker's options have its master's: none of its own is overwritten."""
_MASTER_MAY_SET = ("expect_workers", "tags", "exclude_tags")
"""What else of Locust's options a worker takes: which of its own tasks to run."""
_MOST_TOLD = 100

Value = TypeVar("Value")


class _SpawnOrder(msgspec.Struct):
    """The master's message that sets the number of users; Locust's."""

    timestamp: float
    user_classes_count: dict[str, Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]]
    host: str | None
    stop_timeout: float | None
    parsed_options: dict[str, Any]


class Sockets:
    """Stands for Locust's module of sockets, as its runners call it.

    Attributes:
        family: of this process.
        secret: of its run; known once a runner is made.

    """

    def __init__(self, family: Family) -> None:
        """Belong to a family."""
        self.family = family
        self.secret: RunSecret | None = None

    def Server(self, host: str, port: int) -> MasterSocket:  # noqa: N802 - Locust's name for it
        """Return the master's end of the channel."""
        assert self.secret is not None
        return MasterSocket(self.secret, host, port)

    def Client(self, host: str, port: int, identity: str) -> WorkerSocket:  # noqa: N802
        """Return a worker's end."""
        assert self.secret is not None
        return WorkerSocket(self.secret, host, port, identity)

    def take_secret(self, environment: Environment, *, is_master: bool) -> None:
        """Find the secret, or end the process with the reason."""
        file = getattr(environment.parsed_options, "secret_file", None)
        self.secret = or_end(lambda: self.family.secret(file, is_master=is_master))


class GuardedMaster(runners.MasterRunner):
    """A master that listens to workers of its run alone.

    Attributes:
        sockets: of this process.
        guarded: set once whoever listens to its events is in place: until then messages wait.
        on_told: called with each sentence that the user should know, and whether the results lack
            something because of it.
        on_stray: called with each worker that reports without having joined: it has the secret, so
            it works for a master that was here before.

    """

    sockets: Sockets
    greenlet: Any = None  # Locust looks at it when it ends, also one that was not made

    def __init__(self, environment: Environment, *args: Any, **kwargs: Any) -> None:
        """As Locust does."""
        self.on_stray: Callable[[str], None] = lambda _: None
        self.sockets.take_secret(environment, is_master=True)
        self.guarded = Flag()
        self.on_told: Callable[[str, bool], None] = lambda text, _: _log.warning(text)
        self._told: set[str] = set()
        self._joined: set[str] = set()
        super().__init__(environment, *args, **kwargs)
        self._watch_door()

    def tell(self, text: str, *, partial: bool = False) -> None:
        """Tell the user, once for each text."""
        if text not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(text)
            self.on_told(text, partial)

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Take a message of a worker that has joined; drop all others."""
        self.guarded.wait()
        worker = shown(client_id)
        if msg.type == JOIN:
            self._join(client_id, msg.data)
        elif client_id not in self._joined or not (
            client_id in self.clients or msg.type == "client_ready"
        ):
            if msg.type not in {"client_ready", "heartbeat", "quit"}:
                self.on_stray(client_id)
        elif msg.type in FROM_A_WORKER:
            if problem := shape_problem(msg.type, msg.data):
                self.tell(
                    f"worker {worker} reported something impossible ({problem}): not counted",
                    partial=True,
                )
            elif msg.type != "logs" or msg.data["worker_id"] == client_id:
                super().handle_message(client_id, msg)
        elif msg.type in self.custom_messages:
            super().handle_message(client_id, msg)
        else:
            self.tell(f"worker {worker} sent {shown(msg.type)!r}, which is not a message")

    def reset_connection(self) -> None:
        """Listen anew, as Locust does when its socket breaks."""
        super().reset_connection()
        self._watch_door()

    def _watch_door(self) -> None:
        server: Any = self.server
        server.on_refused = lambda address: self.tell(
            f"somebody{f' at {address}' if address else ''} without this run's secret was refused"
        )

    def _join(self, client_id: str, data: object) -> None:
        masters = or_end(lambda: _job_of(self.environment))
        try:
            workers = msgspec.convert(data, Job)
            reason = difference(masters, workers)
        except msgspec.ValidationError as error:
            reason = f"its job cannot be read: {error}"
        if reason:
            self._joined.discard(client_id)
            said = {"why": reason, "instead": words_of(masters)}
            self.send_message(REFUSED, said, client_id=client_id)
            self.tell(f"worker {shown(client_id)} was refused: {shown(reason)}")
        else:
            self._joined.add(client_id)


class GuardedWorker(runners.WorkerRunner):
    """A worker that takes numbers from its master, and nothing else.

    Attributes:
        sockets: of this process.
        guarded: set once whoever listens to its events is in place: until then orders wait.

    """

    sockets: Sockets
    greenlet: Any = None

    def __init__(self, environment: Environment, *args: Any, **kwargs: Any) -> None:
        """As Locust does; a worker that may not join ends the process."""
        self.sockets.take_secret(environment, is_master=False)
        self.guarded = Flag()
        self._job = or_end(lambda: _job_of(environment))
        self._why_refused = ""
        super().__init__(environment, *args, **kwargs)

    def connect_to_master(self) -> None:
        """Say what this worker would do and that it is ready, and wait until the master has it."""
        try:
            self.join()
            super().connect_to_master()  # type: ignore[no-untyped-call]
        except RPCSendError:  # the connection is gone again: nobody of this run was there
            whoever = f"whoever is at {self.master_host}:{self.master_port}"
            end(self._why_refused or f"{whoever} takes no message of this worker")
        if self._why_refused:
            end(self._why_refused)
        if getattr(self.environment.parsed_options, "wireproof_talks", False):
            sys.stderr.write(
                f"wireproof: joined the run of {self.master_host}:{self.master_port}\n"
            )

    def join(self) -> None:
        """Say to the master, over the connection at hand, what this worker would do."""
        client: Any = self.client
        client.on_refused = lambda: self.refuse(
            f"whoever is at {self.master_host}:{self.master_port} does not hold this run's secret"
        )
        self.client.send(Message(JOIN, msgspec.to_builtins(self._job), self.client_id))

    def handle_message(self, msg: Message) -> None:
        """Take a message of the master, without what is not a master's to say."""
        if msg.type == CLOSED:
            return
        if msg.type not in {"ack", REFUSED}:
            self.guarded.wait()
        try:
            if msg.type == REFUSED:
                said = msg.data if isinstance(msg.data, dict) else {}
                why, instead = (shown(str(said.get(key, ""))) for key in ("why", "instead"))
                self.refuse(f"the master refuses this worker: {why}\nwrite here, too: {instead}")
                return
            if msg.type == "spawn":
                msg = Message("spawn", self._checked(msg.data), msg.node_id)
            super().handle_message(msg)
        except (UsageError, msgspec.ValidationError) as problem:
            self.refuse(str(problem).replace("\n", "; "))

    def refuse(self, why: str) -> None:
        """End, saying why: in the middle of a run at once, before it in whoever waits for it."""
        if self._why_refused:
            return
        self._why_refused = why
        if self.connected:
            sys.stderr.write(f"wireproof: {why}\n")
            self.environment.process_exit_code = UsageError.exit_code
            self.quit()
        self.connection_event.set()

    def _checked(self, data: object) -> dict[str, Any]:
        """Return the order to spawn users, with what a master may set.

        Raises:
            UsageError: it names another target.
            msgspec.ValidationError: it is no such order.

        """
        order = msgspec.convert(data, _SpawnOrder)
        own = own_target(self.environment, self.sockets.family)
        if (order.host or "") != own:
            raise UsageError(
                f"the master wants load on {shown(order.host or 'no target')}, and this worker was"
                f" started for {own or 'none'}: refused"
            )
        told = order.parsed_options
        options = {name: told[name] for name in _MASTER_MAY_SET if name in told}
        options[TOLD] = {name: told[name] for name in OPTIONS if name in told}
        return {**msgspec.structs.asdict(order), "parsed_options": options}


def own_target(environment: Environment, family: Family) -> str:
    """Return the target that this process's own command line names, or its family's."""
    named = getattr(environment.parsed_options, "host", None)
    return str(named or family.target)


def only_data(environment: Environment) -> None:
    """Have the environment take changes of user classes that are data, from page and master."""
    change: Callable[[dict[str, Any]], None] = environment.update_user_class

    def checked(settings: Any) -> None:
        name = settings.get("user_class_name") if isinstance(settings, dict) else None
        classes: dict[Any, Any] = dict(environment.available_user_classes or {})
        if name not in classes:
            raise UsageError(f"there is no user class {shown(str(name))!r}")
        change(check_user_class(classes[name], settings))

    environment.update_user_class = checked  # type: ignore[method-assign]


def _job_of(environment: Environment) -> Job:
    """Return what this process does by its own command line.

    Raises:
        UsageError: it makes no sense.

    """
    options = environment.parsed_options
    host = getattr(options, "host", None)
    ours = options is not None and hasattr(options, "wireproof_spec")
    spec = spec_of(options, host) if ours else LoadSpec(target=host or "", protocol="")
    return job_of(spec, environment.parsed_locustfiles or ())


def shown(text: str) -> str:
    """Return a peer's text as it may be shown: short, and without control characters."""
    return "".join(one if one.isprintable() else "?" for one in text[:300])


def or_end(make: Callable[[], Value]) -> Value:
    """Return what `make` makes, or end the process with the reason why it does not."""
    try:
        return make()
    except WireproofError as error:
        end(str(error), error.exit_code)


def end(why: str, code: int = UsageError.exit_code) -> NoReturn:
    """End this process, saying why."""
    sys.stderr.write(f"wireproof: {why}\n")
    sys.exit(code)
