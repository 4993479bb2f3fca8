"""A course that writes down what it lets pass, as the client has it."""

from collections.abc import Callable
from typing import Final

from wireproof.between.runs.course import HostileCourse
from wireproof.results import Delivery
from wireproof.traffic.forwarding import Arrival, Break, Course, Finish, Send, Side, Step
from wireproof.wire.transcript import Kind, Transcript

_SENT: Final[dict[Side, Kind]] = {Side.SERVER: "send", Side.CLIENT: "receive"}
_FINISHED: Final[dict[Side, Kind]] = {Side.SERVER: "half-close", Side.CLIENT: "end"}
_BROKEN: Final[dict[Side, Kind]] = {Side.SERVER: "reset", Side.CLIENT: "was-reset"}


class RecordedCourse(Course):
    """Passes all questions on to a course, and notes the answers."""

    def __init__(
        self,
        course: HostileCourse,
        transcript: Transcript,
        connection: int,
        read: Callable[[], None],
    ) -> None:
        """Write into `transcript` what becomes of a connection; `read` hears of each part read."""
        self._course = course
        self._read = read
        self._transcript = transcript
        self._connection = connection
        transcript.add(connection, "open")

    def take(self, source: Side, arrival: Arrival, now_s: float) -> None:
        """Pass it on."""
        self._course.take(source, arrival, now_s)

    def next_step(self, to: Side, now_s: float) -> Step | None:
        """Return what the course says, written down."""
        step = self._course.next_step(to, now_s)
        if isinstance(step, Send):
            self._transcript.add(self._connection, _SENT[to], step.data)
        elif isinstance(step, Finish):
            self._transcript.add(self._connection, _FINISHED[to])
        elif isinstance(step, Break):
            self._transcript.add(self._connection, _BROKEN[to])
        return step

    def held_bytes(self, to: Side) -> int:
        """Return what the course holds."""
        return self._course.held_bytes(to)

    def settled(self, to: Side, delivery: Delivery) -> None:
        """Pass it on, and note what was not read."""
        self._course.settled(to, delivery)
        if delivery is not Delivery.HELD:
            self._read()
        else:
            whose = "server" if to is Side.SERVER else "client"
            self._transcript.add(self._connection, "note", note=f"left unread by the {whose}")
