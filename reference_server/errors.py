"""What can go wrong outside of the server."""


class StartError(Exception):
    """The server cannot run, for a reason outside of it; exit code 3."""
