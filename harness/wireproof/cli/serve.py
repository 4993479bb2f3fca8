"""`wireproof serve`: the reference server."""

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="the reference server",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> int:
    """Run the reference server; `python -m reference_server` is the same."""
    import os
    import sys

    # exec, so that a signal sent to us reaches the server and its exit code is ours.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "reference_server", *arguments])  # noqa: S606
