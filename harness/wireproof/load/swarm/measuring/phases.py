"""Which phase a worker is in, and into which recorder a reply counts.

A stage ramps up until its connections are there, warms up, is steady, and drains: nothing more is
due, and what is under way may still be answered. Whatever becomes of a request counts in the phase
in which it was to be sent. So a request of the steady phase is measured however late its reply is,
and what is without one at the drain's end is counted as unanswered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import structs

from wireproof.causes import Cause
from wireproof.load.figures.tally import Phase, Tally
from wireproof.load.swarm.measuring.recorder import Recorder
from wireproof.load.swarm.measuring.usage import CpuUsage

NS_PER_S = 1_000_000_000
_HAND_OUT_EVERY_NS = NS_PER_S // 4  # a run that is killed loses what was not handed out
NEVER_NS = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a worker is to do.

    Attributes:
        number: of the stage.
        warm_up_s: length of what is not measured.
        seconds: length of what is; None until the load is stopped.
        ramp_s: how long to wait for connections.
        drain_s: how long to wait for the last replies.
        due_ns: for an open loop, when requests are due, in ns after the warm-up's start.
        is_last: whether nothing is sent after it; else a closed loop goes on, unmeasured.

    """

    number: int
    warm_up_s: float
    seconds: float | None
    ramp_s: float
    drain_s: float
    due_ns: Iterator[int] | None = None
    is_last: bool = False


class Phases:
    """The phases of the stages of one worker.

    Attributes:
        recorder: counts what belongs to the phase at hand.
        phase: the phase at hand.
        ends_ns: when it ends by the clock.
        due_ns: when the next request of an open loop is due.
        is_sending: whether a closed loop sends.

    """

    def __init__(
        self,
        now: int,
        on_tally: Callable[[Tally], None],
        on_stage_done: Callable[[int], None],
        usage: CpuUsage,
        kinds: Sequence[str] = (),
    ) -> None:
        """Be in a ramp that no stage has begun yet.

        Args:
            now: the time.
            on_tally: receives what was counted.
            on_stage_done: is told the number of a stage that is over.
            usage: of CPUs.
            kinds: names of requests to be told apart.

        """
        self._kinds = kinds
        self._on_tally = on_tally
        self._on_stage_done = on_stage_done
        self._began_ns = now
        self._second = 0
        self._hand_out_ns = now
        self._usage = usage
        self._stage: Stage | None = None
        self._due: Iterator[int] = iter(())
        self._schedule_began_ns = now
        self._schedule_ends_ns = now
        self.due_ns = NEVER_NS
        self.ends_ns = NEVER_NS
        self.phase = Phase.RAMP
        self.is_sending = True
        self.recorder = Recorder(0, Phase.RAMP, now, kinds)
        self._earlier: list[Recorder] = []  # of this stage, or not settled; newest first

    def start(self, stage: Stage, now: int) -> None:
        """Begin a stage."""
        self._stage = stage
        self.due_ns = NEVER_NS
        self.is_sending = True
        self._enter(Phase.RAMP, now)
        self._forget_settled()
        self.ends_ns = now + int(stage.ramp_s * NS_PER_S)

    def advance(
        self, now: int, *, settled: Callable[[], bool], give_up: Callable[[int], None]
    ) -> None:
        """Go on to the next phase if it is time.

        Args:
            now: the time.
            settled: in a ramp, whether all connections are there; in a drain, whether no reply is
                awaited.
            give_up: counts what is still under way as unanswered; takes the time.

        """
        stage = self._stage
        if stage is None:
            return
        if self.phase is Phase.RAMP and (now >= self.ends_ns or settled()):
            self._start_schedule(stage, now)
            self._enter(Phase.WARM_UP, now)
            self.ends_ns = now + int(stage.warm_up_s * NS_PER_S)
        if self.phase is Phase.WARM_UP and now >= self.ends_ns:
            # An open loop's phases begin as scheduled, whenever we come to notice.
            began = self.ends_ns if stage.due_ns is not None else now
            self._enter(Phase.STEADY, began)
            self.ends_ns = (
                NEVER_NS if stage.seconds is None else began + int(stage.seconds * NS_PER_S)
            )
        if self.phase is Phase.STEADY and now >= self.ends_ns:
            began = self.ends_ns if stage.due_ns is not None else now
            self._enter(Phase.DRAIN, began)
            self.is_sending = False
            self.ends_ns = began + int(stage.drain_s * NS_PER_S)
        if self.phase is Phase.DRAIN and (
            now >= self.ends_ns or (self.due_ns == NEVER_NS and settled())
        ):
            give_up(now)
            self._finish(stage, now)

    def cut_short(self, now: int) -> None:
        """Drain at once, and begin nothing more: the run is stopped."""
        self._stage = None
        self.due_ns = NEVER_NS
        self.is_sending = False
        if self.phase is not Phase.DRAIN:
            self._enter(Phase.DRAIN, now)

    def recorder_of(self, intended_ns: int) -> Recorder:
        """Return what counts an open loop's request that was due at `intended_ns`."""
        if intended_ns >= self.recorder.began_ns:
            return self.recorder
        for recorder in self._earlier:
            if intended_ns >= recorder.began_ns:
                return recorder
        return self.recorder

    def take_due(self) -> None:
        """Set `due_ns` to the request after the one that is due."""
        offset = next(self._due, None)
        at = NEVER_NS if offset is None else self._schedule_began_ns + offset
        self.due_ns = at if at < self._schedule_ends_ns else NEVER_NS

    def tick(self, now: int, users: Callable[[], int]) -> None:
        """Hand out what was counted, a few times in each second and at its end."""
        second = (now - self._began_ns) // NS_PER_S
        ends_second = second > self._second
        if ends_second or now >= self._hand_out_ns:
            self.flush(now, users(), ends_second=ends_second)
            self._second = second
            self._hand_out_ns = now + _HAND_OUT_EVERY_NS

    def flush(self, now: int, users: int, *, ends_second: bool = False) -> None:
        """Hand out what was counted."""
        self.recorder.charge(self._usage.take(look=False))
        for recorder in (*reversed(self._earlier), self.recorder):
            if recorder is self.recorder or recorder.dirty:
                tally = recorder.take(now, self._second, users, self._usage.cpus)
                if ends_second and recorder is self.recorder:
                    tally = structs.replace(tally, ends_second=True)
                if tally.length_s > 0 or tally.counts or tally.sent or tally.failures:
                    self._on_tally(tally)

    def _start_schedule(self, stage: Stage, now: int) -> None:
        self._schedule_began_ns = now
        if stage.due_ns is not None:
            length_s = stage.warm_up_s + stage.seconds if stage.seconds is not None else 1e9
            self._schedule_ends_ns = now + int(length_s * NS_PER_S)
            self._due = stage.due_ns
            self.take_due()

    def _enter(self, phase: Phase, began_ns: int) -> None:
        number = self._stage.number if self._stage else self.recorder.stage
        self.recorder.charge(self._usage.take())
        self.recorder.end(began_ns)
        self._earlier.insert(0, self.recorder)
        self.phase = phase
        self.recorder = Recorder(number, phase, began_ns, self._kinds)

    def _finish(self, stage: Stage, now: int) -> None:
        """Say that the stage is done; a closed loop goes on, unmeasured, until the next."""
        while self.due_ns < NEVER_NS:
            self.recorder_of(self.due_ns).fail(Cause.NEVER_SENT)
            self.take_due()
        self._enter(Phase.RAMP, now)
        self.flush(now, 0)
        self._stage = None
        self._forget_settled()
        self.is_sending = not stage.is_last
        self._on_stage_done(stage.number)

    def _forget_settled(self) -> None:
        self._earlier = [recorder for recorder in self._earlier if recorder.under_way]
