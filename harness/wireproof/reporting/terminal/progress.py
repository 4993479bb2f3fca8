"""What is seen while a measurement runs: a live view on a terminal, plain lines elsewhere.

All of it goes to standard error. Nothing is shown in the first second, and nothing at all when
`enabled` is False (`--json`). No thread and no clock of its own: what is shown is what the last
`update` said, drawn at most ten times a second.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from wireproof.reporting.figures import duration, rate, seconds, short
from wireproof.reporting.terminal.summary import make_console
from wireproof.reporting.text import escaped
from wireproof.results import RequirementResult, Second, Verdict
from wireproof.words import counted

_QUIET_S = 1.0
_REDRAW_S = 0.1
_PLAIN_S = 5.0
"""Where there is no live view, what goes on without end leaves a line so often."""
_BAR = 24


class _Progress:
    """The frame: a context manager that decides whether, when and where to draw."""

    def __init__(
        self,
        *,
        enabled: bool = True,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Draw on `console` (standard error unless given), or nowhere."""
        self._console = console or make_console(stderr=True)
        self._enabled = enabled
        self._clock = clock
        self._begun_s = clock()
        self._drawn_s = float("-inf")
        self._live: Live | None = None
        self._held: list[str] = []

    def __enter__(self) -> Self:
        """Begin; the first second counts from here."""
        self._begun_s = self._clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live view off the screen; plain lines stay."""
        self.close()

    def close(self) -> None:
        """Take the live view off the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def _elapsed_s(self) -> float:
        return self._clock() - self._begun_s

    def _draw(self, view: Callable[[], Text]) -> None:
        """Show the view, unless it is too early or was drawn just now."""
        now = self._clock()
        if not self._enabled or not self._console.is_terminal or self._elapsed_s < _QUIET_S:
            return
        if now - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(view(), refresh=True)

    def _print(self, line: str) -> None:
        """Print a plain line; those of the first second wait until it is over."""
        if not self._enabled or self._console.is_terminal:
            return
        self._held.append(line)
        self._print_held()

    def _print_held(self) -> None:
        if self._elapsed_s >= _QUIET_S:
            for held in self._held:
                self._console.print(Text(held), crop=False, soft_wrap=True)
            self._held.clear()


class CheckProgress(_Progress):
    """Requirement k of n, its ID, conversations executed, findings so far."""

    _untried_because = ""

    def update(
        self, *, position: int, total: int, requirement: str, executed: int, failures: int
    ) -> None:
        """Say where the check is.

        Args:
            position: of the requirement that runs now, from 1.
            total: how many there are.
            requirement: its ID.
            executed: conversations so far, all requirements together.
            failures: findings so far.

        """
        self._draw(
            lambda: (
                Text()
                .append(_bar((position - 1) / max(total, 1)), style="cyan")
                .append(f" {position}/{total} ", style="bold")
                .append(escaped(requirement), style="bold")
                .append(f"  {counted(executed, 'conversation')}  {seconds(self._elapsed_s)}  ")
                .append(counted(failures, "finding"), style="bold red" if failures else "dim")
            )
        )

    def finished(self, result: RequirementResult) -> None:
        """Print the requirement's line where there is no live view.

        Where nothing can be tried any more, it is the reason that counts, and it is said once.
        """
        if result.verdict is Verdict.INCONCLUSIVE and not result.examples:
            if result.message != self._untried_because:
                self._untried_because = result.message
                name = escaped(result.id)
                self._print(
                    f"{result.verdict.value:<12}  {name} and more: {escaped(result.message)}"
                )
            return
        self._print(
            f"{result.verdict.value:<12}  {escaped(result.id)}  {escaped(result.title)}"
            f"  ({counted(result.examples, 'conversation')}, {seconds(result.seconds)})"
        )


class LoadProgress(_Progress):
    """Requests per second, percentiles, errors and queue depth, second by second."""

    _printed_s = float("-inf")
    _failures = 0

    def update(self, second: Second, total_s: float | None = None) -> None:
        """Show one second of the series; `total_s` is how long the run is to last."""
        self._failures += second.failures
        self._draw(lambda: self._view(second, total_s))
        if second.at_s - self._printed_s >= _PLAIN_S:
            self._printed_s = second.at_s
            self._print(self._view(second, None).plain)

    def _view(self, second: Second, total_s: float | None) -> Text:
        micro = "µs" if self._console.encoding.startswith("utf") else "us"
        text = Text()
        if total_s:
            text.append(_bar(min(second.at_s / total_s, 1)) + " ", style="cyan")
        text.append(f"{second.at_s:.0f} s  ", style="bold")
        text.append(f"{escaped(second.phase)}  {counted(second.users, 'connection')}  ")
        text.append(f"{rate(float(second.requests))}/s", style="bold")
        text.append(f"  p50 {duration(second.p50_us, micro=micro)}")
        text.append(f"  p99 {duration(second.p99_us, micro=micro)}")
        text.append(f"  max {duration(second.max_us, micro=micro)}")
        if second.queue_depth is not None:
            text.append(f"  queue {short(float(second.queue_depth))}")
        text.append("  ")
        return text.append(
            counted(self._failures, "failure"), style="bold red" if self._failures else "dim"
        )


class StepProgress(_Progress):
    """Step k of n, in words: for what is measured in few long steps."""

    def update(self, *, position: int, total: int, step: str) -> None:
        """Say which step begins now, counted from 1."""
        self._draw(
            lambda: (
                Text()
                .append(_bar((position - 1) / max(total, 1)), style="cyan")
                .append(f" {position}/{total} ", style="bold")
                .append(escaped(step))
            )
        )
        self._print(f"{position}/{total}  {escaped(step)}")


class TrialProgress(_Progress):
    """What is tried now, in words: for what is tried in very many short steps."""

    _printed_s = float("-inf")

    def tell(self, what: str) -> None:
        """Say what begins now."""
        line = f"{seconds(self._elapsed_s)}  {escaped(what)}"
        self._draw(lambda: Text(line, no_wrap=True, overflow="ellipsis"))
        if self._elapsed_s - self._printed_s >= _PLAIN_S:
            self._printed_s = self._elapsed_s
            self._print(line)
        self._print_held()


def _bar(share: float) -> str:
    filled = round(share * _BAR)
    return "[" + "=" * filled + " " * (_BAR - filled) + "]"
