"""The actions of a plan that look at the server as a whole."""

from collections.abc import Callable, Iterator

from wireproof.conformance.execution.server.burden import ServerBurden
from wireproof.conformance.execution.server.churn import Begun, answered, use
from wireproof.conformance.execution.server.released import Complaint, ServerResources
from wireproof.conformance.execution.server.run_out import run_out
from wireproof.conformance.plans.plan import (
    AwaitReleased,
    CountDescriptors,
    LimitMemory,
    OnServer,
    Rounds,
    RunOut,
)
from wireproof.deadline import Deadline
from wireproof.target import Target


class ServerLook:
    """Looks at the server during one plan, and has connections come and go."""

    def __init__(  # noqa: PLR0917 - what a plan has, each of its own kind
        self,
        target: Target,
        resources: ServerResources,
        led_to: ServerResources,
        begun: Callable[[int], Begun],
        serials: Iterator[int],
        timeout_s: float,
    ) -> None:
        """Look at `resources` of `target`, which leads to others; `begun` opens a connection."""
        self._target = target
        self._resources = resources
        self._burden = ServerBurden(resources, timeout_s, led_to)
        self._begun = begun
        self._serials = serials
        self._timeout_s = timeout_s

    def server(self, action: OnServer, deadline: Deadline) -> Complaint | None:
        """Do one action; return what is wrong, if anything.

        Raises:
            ConversationFailedError: a connection was not served meanwhile.

        """
        match action:
            case AwaitReleased():
                return self._resources.await_released(deadline)
            case CountDescriptors():
                return self._resources.count_descriptors(deadline)
            case Rounds(connection=connection):
                return self._burden.over(
                    action,
                    lambda way: use(self._begun(connection), way, Deadline(self._timeout_s)),
                    lambda: next(self._serials),
                )
            case RunOut(connection=connection):
                return run_out(
                    action,
                    self._target,
                    self._burden,
                    lambda soon: answered(self._begun(connection), soon),
                )
            case LimitMemory(growth_bytes=growth_bytes):
                return self._burden.limit_memory(growth_bytes)
