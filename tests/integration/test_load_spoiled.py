"""One wrong byte among the replies of a server in C, at the full speed of a load.

WIREPROOF_EXTENDED=1 spoils one reply in 100,000 for each protocol that a load speaks; by default it
is one in 2,000, for one whose replies are known, and one whose oracle judges them.
"""

import os
from pathlib import Path

import pytest

from tests.bench.machine import compiled
from tests.support.canned import canned, playing, requests_file
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.protocols.base import Exchange
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol

_EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
_PROTOCOLS = sorted(
    name
    for name in BUILT_IN
    if find_protocol(name).exchange is Exchange.REQUEST_REPLY and name not in {"syslog", "graphite"}
)
"""Those that a server answers: what it writes into a file is not loaded."""
_MANY, _SECONDS = (100_000, 20.0) if _EXTENDED else (2_000, 1.5)
_CONNECTIONS = 50 if _EXTENDED else 5
_SLOW = {"smtp"}
"""With an oracle for each reply, and four replies to each request."""

pytestmark = pytest.mark.quiet  # beside others, there may be fewer replies


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that plays canned replies."""
    try:
        return compiled("canned_server.c", str(tmp_path_factory.mktemp("server")))
    except RuntimeError as error:
        pytest.skip(f"the server is in C, and {error}")


@pytest.mark.parametrize("name", _PROTOCOLS if _EXTENDED else ["redis", "smtp"])
def test_one_wrong_byte_among_many_replies_is_found_and_shown(
    name: str, server: Path, tmp_path: Path
):
    """It is one failure, with the bytes that came; all else was right."""
    written = requests_file(name, tmp_path)
    script = tmp_path / "script"
    script.write_bytes(canned(name, _CONNECTIONS, written, spoils=True))
    with playing(server, script, spoil_from=_MANY) as (target, process):
        result = run_load(
            LoadSpec(
                target=target,
                protocol=name,
                users=[_CONNECTIONS],
                requests_file=written,
                seconds=_SECONDS * (4 if name in _SLOW else 1),
                warm_up_s=0.0,
            )
        )
        process.kill()
        assert process.stdout is not None
        assert process.stdout.read() == "spoiled\n", f"{result.requests} requests"
    # Nobody is let in any more, and what was under way beside the spoiled reply has gone with it.
    assert result.failures.keys() <= {"wrong reply", "refused", "cut off"}
    assert result.failures["wrong reply"] == 1, result.details["samples"]
    sample = result.details["samples"][0]
    assert all(sample[one] not in {"", None} for one in ("request", "actual", "offset_bytes"))
