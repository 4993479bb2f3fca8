"""The locustfile that `wireproof load` gives to Locust: one user, which is one connection."""

from wireproof.load.on_locust.hooks import install
from wireproof.load.on_locust.users import SwarmUser

install()


class Connection(SwarmUser):
    """One connection to the server."""
