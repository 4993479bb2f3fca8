"""A process of Locust with our locustfile, started by one of ours and ended with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from wireproof.load.secret import SECRET_VARIABLE, RunSecret
from wireproof.load.spec import LoadSpec, encode_spec
from wireproof.wire.kernel.leash import leashed

LOCUSTFILE = Path(__file__).parent / "on_locust" / "locustfile.py"
EVENTS_DESCRIPTOR = "WIREPROOF_EVENTS_DESCRIPTOR"
"""Environment variable: the descriptor on which Locust's process writes the run's events."""


def start_locust(
    spec: LoadSpec,
    secret: RunSecret,
    *options: str,
    output: IO[bytes] | None,
    events: int = -1,
) -> subprocess.Popen[bytes]:
    """Start Locust without its web page.

    Args:
        spec: what it does; it takes no other from anybody.
        secret: of the run that it belongs to.
        *options: of Locust's command line.
        output: where what it prints goes; None for where ours does.
        events: descriptor to write the run's events to; -1 for none.

    """
    environment = {
        key: text
        for key, text in os.environ.items()
        if not key.startswith("LOCUST_")  # meant for a Locust of the user's own
    }
    environment[SECRET_VARIABLE] = secret.text
    if events >= 0:
        environment[EVENTS_DESCRIPTOR] = str(events)
    else:
        environment.pop(EVENTS_DESCRIPTOR, None)
    command = [sys.executable, "-P", "-m", "locust", "--locustfile", str(LOCUSTFILE)]
    what = ["--host", spec.target, "--wireproof-spec", encode_spec(spec)]
    return subprocess.Popen(
        leashed([*command, "--headless", "--loglevel", "WARNING", *what, *options]),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=[events] if events >= 0 else [],
        start_new_session=True,  # Ctrl-C comes to us; we end it in order
    )
