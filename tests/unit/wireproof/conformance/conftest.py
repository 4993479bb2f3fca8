from collections.abc import Iterator
from contextlib import closing

import pytest

from wireproof.conformance.execution.executor import open_diag
from wireproof.wire.kernel.sock_diag import SockDiag


@pytest.fixture
def diag() -> Iterator[SockDiag]:
    """The kernel's word, for the length of a test."""
    opened = open_diag()
    assert opened is not None
    with closing(opened):
        yield opened
