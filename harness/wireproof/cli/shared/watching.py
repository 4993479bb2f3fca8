"""The options by which others watch a load while it runs, and those who are told of it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from wireproof.cli.shared.metrics_endpoint import MetricsEndpoint
from wireproof.cli.shared.metrics_push import MetricsPush
from wireproof.results import LoadResult

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who watches.

    Attributes:
        metrics_port: where Prometheus asks; None for nowhere.
        otlp: the URL of an OpenTelemetry collector; empty for none.

    """

    metrics_port: int | None
    otlp: str

    @property
    def option(self) -> str:
        """The first option that was given, or nothing."""
        return "--metrics-port" if self.metrics_port is not None else "--otlp" * bool(self.otlp)

    @contextlib.contextmanager
    def begun(self, target: str) -> Iterator[Callable[[LoadResult], None]]:
        """Yield what tells them all the figures so far; they are told of `target`.

        Raises:
            UsageError: an option cannot be used so.
            CannotRunError: a port is taken, or an extra is not installed.

        """
        with contextlib.ExitStack() as stack:
            told: list[MetricsEndpoint | MetricsPush] = []
            if self.metrics_port is not None:
                told.append(stack.enter_context(MetricsEndpoint(self.metrics_port, target)))
            if self.otlp:
                told.append(stack.enter_context(MetricsPush(self.otlp, target)))

            def tell(load: LoadResult) -> None:
                for each in told:
                    each.update(load)

            yield tell


def watching_options(command: Command) -> Command:
    """Add `--metrics-port` and `--otlp`; the command gets one `watchers`."""

    @functools.wraps(command)
    def gathered(*, metrics_port: int | None, otlp: str, **rest: Any) -> object:
        return command(watchers=Watchers(metrics_port, otlp), **rest)

    whole: Any = gathered
    for option in (
        click.option(
            "--otlp",
            default="",
            metavar="URL",
            help="Push what is measured to an OpenTelemetry collector, such as"
            " http://127.0.0.1:4318.",
        ),
        click.option(
            "--metrics-port",
            type=click.IntRange(0, 65535),
            help="Show what is measured to Prometheus, at this port of 127.0.0.1 (0: a free one).",
        ),
    ):
        whole = option(whole)
    return whole  # type: ignore[no-any-return]
