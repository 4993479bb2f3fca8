"""Collected by `pytest --pyargs wireproof.conformance --target TARGET --protocol NAME`."""

import pytest

from wireproof.conformance.pytest_suite import conformance_suite


@pytest.fixture
def wireproof_target(request: pytest.FixtureRequest) -> str:
    """Return what `--target` names."""
    target: str | None = request.config.getoption("--target")
    if not target:
        pytest.skip("name the server with --target tcp://HOST:PORT")
    return target


TestServer = conformance_suite(fixture="wireproof_target")
