"""What the swarm's tests share."""

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from wireproof.loop_form import VARIABLE


@pytest.fixture(scope="module", params=["python", "compiled"])
def loop_form(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each form of the loop in its turn; of the whole module, for properties to be run under it."""
    if request.param == "compiled" and not find_spec("wireproof.load.swarm.compiled_turn"):
        pytest.skip("this installation has no compiled loop")
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = request.param
    yield
    if before is None:
        del os.environ[VARIABLE]
    else:
        os.environ[VARIABLE] = before
