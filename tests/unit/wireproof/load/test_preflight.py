"""What is refused before a load starts."""

import resource

import pytest

from wireproof.errors import CannotRunError
from wireproof.load.preflight import local_ports, preflight
from wireproof.load.spec import LoadSpec


def test_too_few_descriptors(monkeypatch: pytest.MonkeyPatch):
    """Connections that the limit cannot hold are refused with what would help."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    spec = LoadSpec(target="unix:/x", users=[500])
    with pytest.raises(CannotRunError, match="600 descriptors") as refusal:
        preflight(spec, scheme="unix", backlog=None)
    assert "--processes 4" in refusal.value.instead
    assert preflight(LoadSpec(target="unix:/x", users=[100]), scheme="unix", backlog=None) == []


def test_too_few_ports(monkeypatch: pytest.MonkeyPatch):
    """More connections than one address has ports need more addresses; Unix sockets need none."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    spec = LoadSpec(target="tcp://127.0.0.1:1", users=[local_ports() + 1])
    with pytest.raises(CannotRunError, match="local ports") as refusal:
        preflight(spec, scheme="tcp", backlog=None)
    assert "--source-addresses" in refusal.value.instead
    assert preflight(spec, scheme="tcp", backlog=None, sources=2) == []
    assert preflight(spec, scheme="unix", backlog=None) == []


def test_a_backlog_that_the_kernel_cuts_is_told():
    """A backlog beyond somaxconn is no error, and not what the user thinks."""
    spec = LoadSpec(target="tcp://127.0.0.1:1")
    (note,) = preflight(spec, scheme="tcp", backlog=1 << 30)
    assert "somaxconn" in note
