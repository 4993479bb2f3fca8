"""Load on a socket server, every reply verified: `locust -f harness/locustfile.py`.

Locust's usual options hold: `-u 50 -r 50 -t 30s --headless --processes 2`, `--master`, `--worker`,
the web interface. With `--host tcp://HOST:PORT` that server is the target; without it the reference
server is started for the run, on a free port.
"""

from harness.load.hooks import install
from harness.load.users import SwarmUser

install()


class Connection(SwarmUser):
    """One connection to the server."""
