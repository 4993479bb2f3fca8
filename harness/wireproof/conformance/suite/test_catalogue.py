"""What `pytest --wireproof-target TARGET` collects, and `--pyargs` with `--target`."""

import pytest

from wireproof.conformance.pytest_suite import conformance_suite


@pytest.fixture
def wireproof_target(request: pytest.FixtureRequest) -> str:
    """Return what `--wireproof-target` or `--target` names."""
    options = request.config.option
    target: str | None = options.wireproof_target or options.target
    if not target:
        pytest.skip("name the server with --wireproof-target tcp://HOST:PORT")
    return target


TestServer = conformance_suite(fixture="wireproof_target")
