"""What is refused before a load starts."""

import resource

import pytest

from harness.errors import CannotRunError
from harness.load.plan import LoadPlan
from harness.load.preflight import local_ports, preflight


def test_too_few_descriptors(monkeypatch: pytest.MonkeyPatch):
    """Connections that the limit cannot hold are refused with what would help."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    plan = LoadPlan(target="unix:/x", users=[500])
    with pytest.raises(CannotRunError, match="600 descriptors") as refusal:
        preflight(plan, scheme="unix", backlog=None)
    assert "--processes 4" in refusal.value.instead
    assert preflight(LoadPlan(target="unix:/x", users=[100]), scheme="unix", backlog=None) == []


def test_too_few_ports(monkeypatch: pytest.MonkeyPatch):
    """More connections than one address has ports need more addresses; Unix sockets need none."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    plan = LoadPlan(target="tcp://127.0.0.1:1", users=[local_ports() + 1])
    with pytest.raises(CannotRunError, match="local ports") as refusal:
        preflight(plan, scheme="tcp", backlog=None)
    assert "--source-addresses" in refusal.value.instead
    assert preflight(plan, scheme="tcp", backlog=None, sources=2) == []
    assert preflight(plan, scheme="unix", backlog=None) == []


def test_a_backlog_that_the_kernel_cuts_is_told():
    """A backlog beyond somaxconn is no error, and not what the user thinks."""
    plan = LoadPlan(target="tcp://127.0.0.1:1")
    (note,) = preflight(plan, scheme="tcp", backlog=1 << 30)
    assert "somaxconn" in note
