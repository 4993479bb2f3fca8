"""Load on a socket server, every reply verified: `locust -f harness/locustfile.py`.

Locust's usual options hold: `-u 50 -r 50 -t 30s --headless --processes 2`, `--master`, `--worker`,
the web interface. With `--host tcp://HOST:PORT` that server is the target; without it the reference
server is started for the run, on a free port.
"""

from wireproof.load.on_locust.locustfile import Connection

__all__ = ["Connection"]
