"""What all tests share."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.support.sharing_out import in_order, unit_of_work

# Examples have no time limit of their own: the machine may be busy, and a hang ends by pytest's.
# In CI they are the same each time, so that a change is judged by what it changed.
settings.register_profile("wireproof", deadline=None, derandomize="CI" in os.environ)
# `make mutation` asks for it: whether a test fails is all that counts there, not the least failure.
settings.register_profile(
    "mutation", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("wireproof")

_FOR_GOOD = {"PYTEST_CURRENT_TEST", "HYPOTHESIS_NO_PLUGINS"}
"""Variables that pytest and `wireproof check` set for the whole process."""

# What a script starts in its background ignores Ctrl-C, and so would every command that is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out among processes; in the one that runs none."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of_work(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into the order in which to begin them; in each process that runs some."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = [items[at] for at in in_order([item.nodeid for item in items])]


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """No test leaves a variable behind: the next one in this process would see it."""
    before = dict(os.environ)
    yield
    after = dict(os.environ)
    changed = {name for name, _ in before.items() ^ after.items()}
    assert changed <= _FOR_GOOD
