"""The catalogue against the reference server: users test theirs with the same one line."""

from collections.abc import Iterator

import pytest

from wireproof.conformance.pytest_suite import conformance_suite
from wireproof.wire.reference import ReferenceServer


@pytest.fixture(scope="module")
def reference_server_target() -> Iterator[str]:
    """A reference server on a free port."""
    with ReferenceServer() as server:
        yield server.target


TestReferenceServer = conformance_suite(
    "timestamp-echo", fixture="reference_server_target", depth="quick"
)
