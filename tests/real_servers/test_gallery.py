"""The real servers that are installed here, at quick depth; `make gallery` judges them all."""

from pathlib import Path

import pytest

from tests.real_servers.gallery import Server, catalogue, is_installed, why_absent
from tests.real_servers.running import judge
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

_QUICK_ENOUGH = ("SEG-SINGLE", "SEG-OCTETS", "COAL-*", "FRAME-*", "ISO-*", "CLOSE-HALF", "DGRAM-*")
"""What sound servers are asked here; all else is asked by `make gallery`."""
_OF_A_PROXY = ("MID-BYTES", "MID-HALF", "MID-LAST")


def named(server: Server) -> str:
    """Return a test id."""
    return server.name.replace(" ", "-")


def ready_or_skip(server: Server) -> None:
    """Leave a server out, by name, where it is not installed."""
    if not is_installed(server):
        pytest.skip(f"{server.name} is left out: {why_absent(server)}")


@pytest.mark.parametrize(
    "server",
    [one for one in catalogue() if one.is_sound and one.needs_depth == "quick"],
    ids=named,
)
def test_sound_servers_are_not_accused(server: Server, tmp_path: Path):
    """A sound server has no finding twice in a row: each would be a false alarm.

    Once may be the machine, which these servers share with every other test.
    """
    ready_or_skip(server)
    for attempt in ("first", "second"):
        only = _OF_A_PROXY if server.behind else ("BASE-ANSWER", *_QUICK_ENOUGH)
        outcome = judge(server, "quick", tmp_path / attempt, only=only)
        if outcome.lines and not outcome.findings:
            return
    assert not outcome.problem


@pytest.mark.parametrize(
    "server",
    [one for one in catalogue() if not one.is_sound and one.needs_depth == "quick"],
    ids=named,
)
def test_misbehaving_servers_are_caught(server: Server, tmp_path: Path):
    """Each requirement that a server is known to break is found broken.

    What could not be judged at all, as a server may not start on a busy machine, is tried again.
    """
    ready_or_skip(server)
    only = server.must if server.behind else ("BASE-ANSWER", *server.must)
    for attempt in ("first", "second"):
        outcome = judge(server, "quick", tmp_path / attempt, only=only)
        if outcome.lines:
            break
    assert not outcome.problem


@pytest.mark.parametrize(
    "protocol", sorted({one.protocol_name for one in catalogue() if ".py:" in one.protocol})
)
def test_user_protocols_agree_with_themselves(protocol: str):
    """The gallery's own protocol files pass the check that users are told to run first."""
    assert check_code(find_protocol(protocol))


def test_the_catalogue_is_whole():
    """Names are unique, installations pinned, and what misbehaves is explained."""
    servers = catalogue()
    assert len({server.name for server in servers}) == len(servers) >= 40
    for server in servers:
        assert server.is_sound or server.about, server.name
        if server.install in {"pip", "npm"}:
            pin = "==" if server.install == "pip" else "@"
            assert pin in server.packages[0], server.name
