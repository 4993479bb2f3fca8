"""What `harness/locustfile.py` hangs into Locust."""

from __future__ import annotations

import atexit
import functools
import sys
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import WorkerRunner

from wireproof.errors import WireproofError
from wireproof.load.on_locust import closing
from wireproof.load.on_locust.conductor import Conductor, EventPipe
from wireproof.load.on_locust.distribution import guard
from wireproof.load.on_locust.distribution.family import Family
from wireproof.load.on_locust.engine import install_engine
from wireproof.load.on_locust.options import add_options, spec_of
from wireproof.target import parse_target, resolve
from wireproof.wire.reference import ReferenceServer


def install() -> None:
    """Add Wireproof's options, engine and conductor to this Locust process."""
    family = guard.install()
    closing.install()
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(functools.partial(_on_init, family))


def _on_init(family: Family, environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    try:
        is_worker = isinstance(environment.runner, WorkerRunner)
        if not environment.host and not is_worker:
            environment.host = family.target = _start_reference_server()
        spec = spec_of(options, environment.host)
        if not is_worker:  # who reads the log of a run that sends nothing?
            resolve(parse_target(spec.target), spec.allow_hosts, spec.pin)
        engine = install_engine(environment, spec, family)
        if not is_worker:
            pipe = EventPipe()
            Conductor(environment, spec, engine, pipe)
            if environment.web_ui is not None:
                from wireproof.load.on_locust.web import WebTab

                pipe.add_listener(WebTab(environment, spec).take)
    except WireproofError as error:
        sys.stderr.write(f"wireproof: {error}\n")
        sys.exit(error.exit_code)


def _start_reference_server() -> str:
    """Start the reference server for as long as this process lives; returns its target."""
    server = ReferenceServer()
    atexit.register(server.close)
    return server.target
