"""A tab in Locust's web interface: microseconds, failures by cause, the server's accept queue."""

from __future__ import annotations

import json
from typing import Any

import gevent
from flask import Response, request
from locust.env import Environment

from wireproof.errors import WireproofError
from wireproof.load.figures.collect import Collector
from wireproof.load.figures.listener_queue import ListenerQueue
from wireproof.load.figures.tally import Event, Tally
from wireproof.load.spec import LoadSpec
from wireproof.target import parse_target, resolve

_KEY = "wireproof"
_SAMPLE_S = 0.05
_COLUMNS = {
    "what": "What",
    "p50": "p50 (µs)",
    "p90": "p90 (µs)",
    "p99": "p99 (µs)",
    "p99_9": "p99.9 (µs)",
    "max": "max (µs)",
    "count": "Count",
    "note": "",
}
_KINDS = {
    "service": "send to reply",
    "scheduled": "intended send to reply",
    "wire": "send to the kernel's receive time",
}


class WebTab:
    """Collects what the load counts, and shows it."""

    def __init__(self, environment: Environment, spec: LoadSpec) -> None:
        """Add the tab."""
        self._environment = environment
        self._spec = spec
        self._collector = Collector(spec)
        self._watch: ListenerQueue | None = None
        self._deepest = 0
        self._overflows = 0
        environment.events.test_start.add_listener(self._on_test_start)
        web_ui = environment.web_ui
        assert web_ui is not None
        assert web_ui.app is not None
        web_ui.template_args["extended_tabs"] = [{"title": "Wireproof", "key": _KEY}]
        web_ui.template_args["extended_tables"] = [
            {
                "key": _KEY,
                "structure": [{"key": key, "title": title} for key, title in _COLUMNS.items()],
            }
        ]
        web_ui.app.after_request(self._extend)

    def take(self, event: Event) -> None:
        """Take what the conductor passes on."""
        if isinstance(event, Tally):
            self._collector.add(event)

    def rows(self) -> list[dict[str, Any]]:
        """Return the table's rows."""
        found = []
        for kind, latency in self._collector.latency_us().items():
            row: dict[str, Any] = {"what": kind, "note": _KINDS[kind], "count": latency.count}
            for name in ("p50", "p90", "p99", "p99_9", "max"):
                row[name] = getattr(latency, name)
            found.append(row)
        for cause, count in sorted(self._collector.failures().items()):
            found.append({"what": cause, "count": count, "note": cause.hint})
        if self._watch is not None:
            depth, overflows = self._watch.take()
            self._deepest = max(self._deepest, depth or 0)
            self._overflows += overflows or 0
            found += [
                {"what": "accept queue, deepest", "count": self._deepest},
                {"what": "ListenOverflows", "count": self._overflows},
            ]
        return [{key: row.get(key, "") for key in _COLUMNS} for row in found]

    def _on_test_start(self, **_: Any) -> None:
        self._collector = Collector(self._spec)
        self._deepest = self._overflows = 0
        try:
            host = self._environment.host or self._spec.target
            target = resolve(parse_target(host), self._spec.allow_hosts)[0]
        except WireproofError:  # the engine tells the user
            return
        if self._watch is not None:
            self._watch.close()
        self._watch = ListenerQueue(target)
        gevent.spawn(self._sample, self._watch)

    def _sample(self, watch: ListenerQueue) -> None:
        while watch is self._watch:
            watch.sample()
            gevent.sleep(_SAMPLE_S)

    def _extend(self, response: Response) -> Response:
        if request.path.endswith("/stats/requests") and response.is_json:
            table = [{"key": _KEY, "data": self.rows()}]
            response.set_data(json.dumps({**(response.json or {}), "extended_stats": table}))
        return response
