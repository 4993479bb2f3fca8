from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.servers import SHOUT, Serving, one_read_one_line, shouting
from wireproof.conformance import pytest_suite
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.pytest_suite import conformance_suite
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.errors import UsageError
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Verdict


class Config(SimpleNamespace):
    """What the suite asks of pytest's configuration."""

    def getoption(self, name: str) -> Any:
        """An option's value."""
        return self.options[name]


def _config(protocol: str, *settings: str) -> pytest.Config:
    options = {"--protocol": protocol, "protocol_settings": list(settings)}
    return cast(pytest.Config, Config(options=options))


def _items(suite: type, config: pytest.Config) -> list[str]:
    """The items that pytest would make."""
    ids: list[str] = []
    metafunc = SimpleNamespace(
        config=config, parametrize=lambda *_, **more: ids.extend(more["ids"])
    )
    suite().pytest_generate_tests(metafunc)
    return ids


def test_one_item_a_requirement() -> None:
    """Items are named by the IDs, in the catalogue's order."""
    ids = _items(conformance_suite("echo", target="tcp://127.0.0.1:7"), _config(""))
    assert ids == [one.id for one in catalogue_for(find_protocol("echo"))]


def test_the_protocol_may_come_from_the_command_line() -> None:
    """Without a name in the file --protocol and --set decide; a wrong one is told by pytest."""
    suite = conformance_suite(target="tcp://127.0.0.1:7")
    assert "SEG-SINGLE" in _items(suite, _config("timestamp-echo", "buffer=2048"))
    with pytest.raises(pytest.UsageError, match="there is no protocol 'ecko'"):
        _items(suite, _config("ecko"))
    with pytest.raises(pytest.UsageError, match="no setting 'bufer'"):
        _items(suite, _config("timestamp-echo", "bufer=2048"))


@pytest.mark.parametrize("where", [{}, {"target": "tcp://127.0.0.1:7", "fixture": "server"}])
def test_a_target_or_a_fixture(where: dict[str, str]) -> None:
    """Where the server is must be said, and said once."""
    with pytest.raises(UsageError, match="one of the two"):
        conformance_suite("echo", **where)


def _runner(server: Serving, identifier: str) -> tuple[Runner, Any]:
    protocol = find_protocol(SHOUT)
    diag = open_diag()
    assert diag is not None
    with closing(diag):
        runner = Runner(server.target, protocol, DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
        wanted = next(one for one in catalogue_for(protocol) if one.id == identifier)
        return runner, runner.judge_one(wanted)


def test_a_failing_item_says_what_and_where(tmp_path: Path) -> None:
    """The sentence, both sides, and the script that shows it again; the settings are kept."""
    with Serving(one_read_one_line) as server:
        runner, judged = _runner(server, "SEG-OCTETS")
    with pytest.raises(pytest.fail.Exception) as failed:
        pytest_suite._report(judged, runner, SHOUT, {"connections": "7"}, tmp_path)
    said = str(failed.value)
    assert said.startswith("SEG-OCTETS FAIL: A request that arrives octet by octet")
    assert "expected  " in said
    assert f"evidence  {tmp_path}/evidence/SEG-OCTETS/replay.py" in said
    assert '"connections": "7"' in (tmp_path / "evidence/SEG-OCTETS/replay.json").read_text()


def test_unsupported_is_skipped_and_what_holds_passes(tmp_path: Path) -> None:
    """A requirement that means nothing here is no success."""
    with Serving(shouting) as server:
        runner, judged = _runner(server, "TS-CHUNK")
        assert judged.result.verdict is Verdict.UNSUPPORTED
        with pytest.raises(pytest.skip.Exception, match="no timestamps"):
            pytest_suite._report(judged, runner, SHOUT, {}, tmp_path)
        runner, judged = _runner(server, "BASE-ANSWER")
        pytest_suite._report(judged, runner, SHOUT, {}, tmp_path)
