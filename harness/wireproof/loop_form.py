"""Which form of the load's loop runs: compiled, where a C compiler was at the installation."""

import os
from importlib.util import find_spec

from wireproof.errors import CannotRunError, UsageError

VARIABLE = "WIREPROOF_LOOP"
_COMPILED = "wireproof.load.swarm.compiled_turn"


def loop_form() -> str:
    """Return `compiled` or `python`: what `WIREPROOF_LOOP` says, else the faster one there is.

    Raises:
        UsageError: the variable says something else.
        CannotRunError: it asks for the compiled form, and there is none.

    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in {"", "python", "compiled"}:
        raise UsageError(f"invalid {VARIABLE} {wanted!r}", "write python or compiled")
    if wanted == "python":
        return wanted
    if find_spec(_COMPILED) is not None:
        return "compiled"
    if wanted:
        raise CannotRunError(
            "there is no compiled loop in this installation",
            f"install wireproof again where a C compiler is, or leave {VARIABLE} out",
        )
    return "python"
