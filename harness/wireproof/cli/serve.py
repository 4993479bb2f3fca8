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

    from wireproof.wire.reference import server_command

    command = [*server_command(), *arguments]
    # exec, so that a signal sent to us reaches the server and its exit code is ours.
    os.execv(command[0], command)  # noqa: S606
