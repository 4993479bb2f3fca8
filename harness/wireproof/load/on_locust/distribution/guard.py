"""What makes Locust safe to leave running: it listens where it was told to, and to whom it should.

It is put in place as soon as one of our user classes is imported, which is before Locust reads its
command line: a locustfile of one's own has it too.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from typing import Any

import gevent
from locust import env, events, runners
from locust.env import Environment

from wireproof.load.on_locust.distribution.family import Family
from wireproof.load.on_locust.distribution.runners import (
    GuardedMaster,
    GuardedWorker,
    Sockets,
    end,
    only_data,
    or_end,
)
from wireproof.load.on_locust.page import guard_page
from wireproof.target import is_loopback_host
from wireproof.wire.kernel.leash import leash_forks

_PLACES = {"LOCUST_WEB_HOST": "--web-host", "LOCUST_MASTER_BIND_HOST": "--master-bind-host"}
"""Locust's variables of where to listen, and the options that they stand for."""


@functools.cache
def install() -> Family:
    """Put the guards in place, once; returns what this process shares with those it forks."""
    family = or_end(Family)
    leash_forks()  # the workers of --processes
    for variable, option in _PLACES.items():
        told = os.environ.get(variable)
        if told is not None and not is_loopback_host(told):
            sys.stderr.write(
                f"wireproof: {variable} is not followed; write {option} {told} to listen there\n"
            )
        # Locust takes a variable before a file and a default, and the command line before all.
        os.environ[variable] = "127.0.0.1"
    sockets = Sockets(family)
    GuardedMaster.sockets = GuardedWorker.sockets = sockets
    replaced = (
        (runners, "rpc", sockets),
        (env, "MasterRunner", GuardedMaster),
        (env, "WorkerRunner", GuardedWorker),
    )
    for module, name, guarded in replaced:
        if not hasattr(module, name):
            end(f"this Locust has no {module.__name__}.{name} to guard: it is too new", 3)
        setattr(module, name, guarded)
    events.init_command_line_parser.add_listener(_add_options)
    events.init.add_listener(functools.partial(_on_init, family))
    return family


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wireproof-talks", action="store_true", help=argparse.SUPPRESS)
    group = parser.add_argument_group("Wireproof's guard", "Who belongs to the run.")
    group.add_argument(
        "--secret-file",
        metavar="FILE",
        help="of the run's secret; a master makes it, its workers get a copy",
    )


def _on_init(family: Family, environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    only_data(environment)
    runner = environment.runner
    if isinstance(runner, GuardedMaster | GuardedWorker):
        gevent.spawn(runner.guarded.set)  # when all that listens to this event has been called
    if options is None:
        return
    if isinstance(runner, GuardedMaster):
        if not (options.processes or options.secret_file or family.has_given_secret):
            end(
                "a master needs a secret that its workers can have\n"
                "write --secret-file with the name of a file, and copy it to where they are"
            )
        if not is_loopback_host(options.master_bind_host):
            sys.stderr.write(
                f"wireproof: the master listens on {options.master_bind_host or '*'}:"
                f"{runner.server.port}, where other machines reach it; only holders of the"
                " run's secret can report to it\n"
            )
    web_ui = environment.web_ui
    if web_ui is not None and web_ui.app is not None:
        guard_page(environment, web_ui.app, web_ui.host, options.web_host_display_name)
        if not is_loopback_host(web_ui.host):
            sys.stderr.write(
                f"wireproof: the web page listens on {web_ui.host or '*'}:{web_ui.port}, where"
                " other machines reach it, without a password: whoever does can start and stop"
                " this load, and read its figures\n"
            )
