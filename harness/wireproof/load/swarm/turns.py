"""The form of the loop's turns that runs: the compiled one, where there is one."""

import importlib

from wireproof.load.swarm.turn import Turn
from wireproof.loop_form import loop_form


def turns() -> type[Turn]:
    """Return the class that takes the turns.

    Raises:
        WireproofError: the form that the user wants is not to be had.

    """
    if loop_form() == "python":
        return Turn
    compiled: type[Turn] = importlib.import_module("wireproof.load.swarm.compiled_turn").Turn
    return compiled
