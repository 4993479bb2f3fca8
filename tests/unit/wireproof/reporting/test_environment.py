import socket
from pathlib import Path
from typing import Any

import pytest

from wireproof.reporting.environment import collect_environment


def test_this_machine() -> None:
    """Host, kernel, processor, Python, versions, and the settings that matter."""
    found = collect_environment("1.2.3")
    assert found.host == socket.gethostname()
    assert found.kernel.startswith("Linux ")
    assert found.cpus >= 1
    assert found.cpu
    assert found.versions["wireproof"] == "1.2.3"
    assert "hypothesis" in found.versions
    assert int(found.sysctls["net.core.somaxconn"]) > 0


def test_what_a_machine_does_not_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc there is an environment all the same."""
    plain = Path.read_text

    def without_proc(path: Path, *more: Any, **options: Any) -> str:
        if path.parts[:2] == ("/", "proc"):
            raise OSError
        return plain(path, *more, **options)

    monkeypatch.setattr(Path, "read_text", without_proc)
    found = collect_environment("1")
    assert found.sysctls == {}
    assert found.python
