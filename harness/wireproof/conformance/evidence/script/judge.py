"""The judge of all replies; protocols whose replies cannot be listed put theirs in its place."""


def complete(sent, received, since_s):
    """Say whether all requests that `sent` completes have exactly their replies."""
    raise NotImplementedError
