"""A pytest fixture: one's own tests, run with a hostile relay between client and server.

In `conftest.py`:

    pytest_plugins = ["wireproof.between.fixtures"]

and `between_target = tcp://127.0.0.1:6379` in the ini file, or `--between-target` on the command
line, or a fixture `between_target` of one's own. A test that takes `between` runs once for each
schedule, or for those that `@pytest.mark.between("reply-octets", "gathered")` names; it points its
client at `between.host` and `between.port`. The report of a failure names the schedule.
"""

from collections.abc import Iterator

import pytest

from wireproof.between.service import NAMED, Address, HostileRelay, named
from wireproof.target import parse_target, resolve

_OWN = "tcp://127.0.0.1:0"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the server is, and the seed of what is drawn."""
    words = "the server that the fixture between leads to, tcp://HOST:PORT"
    group = parser.getgroup("wireproof between", "a hostile relay between client and server")
    group.addoption("--between-target", metavar="TARGET", default="", help=words)
    group.addoption("--between-seed", type=int, default=0, help="of the schedule drawn")
    parser.addini("between_target", words, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line("markers", "between(*schedules): what the relay between does")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each schedule."""
    if "between" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("between")
        names = marker.args if marker is not None and marker.args else tuple(NAMED)
        metafunc.parametrize("between", names, indirect=True)


@pytest.fixture
def between_target(request: pytest.FixtureRequest) -> str:
    """Return where the server is."""
    found = request.config.getoption("--between-target") or request.config.getini("between_target")
    if not found:
        pytest.fail("where is the server? Set between_target in the ini file, or a fixture")
    return str(found)


@pytest.fixture
def between(request: pytest.FixtureRequest, between_target: str) -> Iterator[Address]:
    """Return where to point the client at: a relay that does what the schedule says."""
    schedule = named(request.param, request.config.getoption("--between-seed"))
    request.node.add_report_section("call", "wireproof between", f"{request.param}: {schedule}")
    server = resolve(parse_target(between_target))[0]
    with HostileRelay(server, resolve(parse_target(_OWN, any_port=True))[0], schedule) as relay:
        yield relay.address
