from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.servers import SHOUT
from wireproof.errors import UsageError
from wireproof.load.job import Job, adopt, difference, job_of, words_of
from wireproof.load.spec import LoadSpec

_TARGET = "tcp://127.0.0.1:7"


def _job(**changes: Any) -> Job:
    return msgspec.structs.replace(job_of(LoadSpec(target=_TARGET, protocol="echo")), **changes)


def test_a_protocols_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    """A copy elsewhere is the same; one letter more is another. Nothing of it is run."""
    files = []
    for name, text in (
        ("a", "raise OSError\n"),
        ("b", "raise OSError\n"),
        ("c", "raise  OSError\n"),
    ):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "shout.py")
        files[-1].write_text(text)
    here, copied, changed = (
        job_of(LoadSpec(target=_TARGET, protocol=f"{file}:Shout")) for file in files
    )
    assert difference(here, copied) == ""
    assert "protocol's file is not the master's (SHA-256 " in difference(here, changed)
    with pytest.raises(UsageError, match="cannot read"):
        job_of(LoadSpec(target=_TARGET, protocol="missing.py:Shout"))


def test_modules_and_built_ins_have_files_too() -> None:
    """Whatever way the class is named."""
    by_module = job_of(LoadSpec(target=_TARGET, protocol="tests.support.servers:Shout"))
    assert by_module.protocol_file == job_of(LoadSpec(target=_TARGET, protocol=SHOUT)).protocol_file
    assert _job().protocol_file
    assert not job_of(LoadSpec(target=_TARGET, protocol="no.such:Class")).protocol_file


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": "0.0.0"}, "it is Wireproof 0.0.0"),
        ({"target": "tcp://127.0.0.1:8"}, "its target is tcp://127.0.0.1:8, and the master's is"),
        ({"target": ""}, "its target is none"),
        ({"protocol": "redis"}, "its protocol is redis, and the master's is echo"),
        ({"settings": {"password": "hidden"}}, "--set password is not what it is at the master"),
        ({"protocol_file": "ab" * 32}, "its protocol's file is not the master's (SHA-256 ababab"),
        ({"locustfile": ""}, "its locustfile is not the master's (SHA-256 none here"),
    ],
)
def test_what_differs_is_told(change: dict[str, Any], told: str) -> None:
    """In the first thing that differs, and no setting's value."""
    found = difference(_job(), _job(**change))
    assert told in found
    assert "hidden" not in found
    assert difference(_job(**change), _job(**change)) == ""


def test_a_workers_command_line_is_told_without_values() -> None:
    """A setting may be a password."""
    said = words_of(_job(settings={"password": "hidden"}))
    assert said == f"{_TARGET} --protocol echo --set password=…"
    assert words_of(_job(protocol="")) == f"--host {_TARGET}"


def test_a_worker_takes_numbers_and_nothing_else() -> None:
    """How many, how often, how long: the master's. What, where and from where: its own."""
    own = LoadSpec(
        target=_TARGET,
        pin="127.0.0.1",
        allow_hosts=["own"],
        protocol="here/shout.py:Shout",
        source_addresses=["127.0.0.2"],
    )
    told = LoadSpec(
        target=_TARGET,
        pin="192.0.2.1",
        allow_hosts=["192.0.2.1"],
        protocol="there/shout.py:Shout",
        users=[7],
        rate_per_s=9.0,
        seconds=3.0,
        pipeline=2,
        source_addresses=["192.0.2.9"],
    )
    adopted = adopt(own, told)
    for name in ("target", "pin", "allow_hosts", "protocol", "source_addresses"):
        assert getattr(adopted, name) == getattr(own, name)
    for name in ("users", "rate_per_s", "seconds", "pipeline"):
        assert getattr(adopted, name) == getattr(told, name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": "tcp://192.0.2.1:7"}, "wants tcp://192.0.2.1:7 for the target"),
        ({"protocol": "evil.py:Evil"}, "wants Evil for the protocol"),
        ({"settings": {"path": "/etc/passwd"}}, "wants other settings"),
        ({"rate_per_s": float("inf")}, "--rate"),
        ({"users": []}, "one connection"),
    ],
)
def test_a_worker_that_is_told_otherwise_refuses(change: dict[str, Any], told: str) -> None:
    """In one line."""
    own = LoadSpec(target=_TARGET, protocol="echo")
    with pytest.raises(UsageError) as error:
        adopt(own, msgspec.structs.replace(own, **change))
    assert told in error.value.problem
    assert "\n" not in error.value.problem
