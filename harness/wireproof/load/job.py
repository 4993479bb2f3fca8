"""What the processes of a run have to agree on, and what of it each says for itself.

A target, a host that is allowed, a protocol and a file to import come from the command line of the
process that uses them. What comes over the wire, from a master or a web page, is numbers: how many
connections, how often, how long. So a worker that is told of another target than its own refuses,
and one whose protocol file has other bytes than the master's is refused.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from wireproof.errors import UsageError
from wireproof.load.spec import LoadSpec
from wireproof.protocols.loading.registry import protocol_file
from wireproof.version import __version__

_SHOWN = 12


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a process would do, by its own command line."""

    version: str
    """Of Wireproof."""
    target: str
    """As it was written; empty where no target was named."""
    protocol: str
    """A built-in's name, or the class's: the path of its file differs between machines."""
    settings: dict[str, str]
    protocol_file: str
    """SHA-256, in hexadecimal, of the file that the protocol is in; empty where there is none."""
    locustfile: str
    """The same of the locustfile, or of all of them one after another."""


def job_of(spec: LoadSpec, locustfiles: Iterable[str] = ()) -> Job:
    """Return what a process does that was given this spec and these locustfiles.

    Raises:
        UsageError: a file cannot be read.

    """
    file = protocol_file(spec.protocol)
    return Job(
        version=__version__,
        target=spec.target,
        protocol=_class_name(spec.protocol),
        settings=spec.settings,
        protocol_file=_digest([file]) if file is not None else "",
        locustfile=_digest(map(Path, locustfiles)),
    )


def difference(masters: Job, workers: Job) -> str:
    """Return in what a worker's job differs from its master's, as the end of a sentence.

    Empty where it does not. Values of settings are not shown: one may be a password.
    """
    if masters.version != workers.version:
        return f"it is Wireproof {workers.version}, and the master is {masters.version}"
    if masters.target != workers.target:
        return (
            f"its target is {_or_none(workers.target)}, and the master's is"
            f" {_or_none(masters.target)}"
        )
    if masters.protocol != workers.protocol:
        return f"its protocol is {workers.protocol}, and the master's is {masters.protocol}"
    if found := _different(masters.settings, workers.settings):
        return f"--set {found[0]} is not what it is at the master"
    for name, there, here in (
        ("protocol's file", masters.protocol_file, workers.protocol_file),
        ("locustfile", masters.locustfile, workers.locustfile),
    ):
        if there != here:
            return (
                f"its {name} is not the master's (SHA-256 {here[:_SHOWN] or 'none'} here,"
                f" {there[:_SHOWN] or 'none'} there)"
            )
    return ""


def words_of(job: Job) -> str:
    """Return what a command line says that has the same job; a setting's value is not shown."""
    if not job.protocol:  # users of one's own: Locust's command line
        return f"--host {job.target}"
    settings = (f"--set {name}=…" for name in sorted(job.settings))
    return " ".join([job.target, "--protocol", job.protocol, *settings])


def adopt(own: LoadSpec, told: LoadSpec) -> LoadSpec:
    """Return the load that a worker runs: what it was started for, with the master's numbers.

    Args:
        own: by this process's own command line.
        told: the master's.

    Raises:
        UsageError: the master wants another target or protocol, or its numbers make no sense.

    """
    what = (
        ("target", own.target, told.target),
        ("protocol", _class_name(own.protocol), _class_name(told.protocol)),
    )
    for name, here, there in what:
        if here != there:
            raise UsageError(
                f"the master wants {_or_none(there)} for the {name}, and this worker was started"
                f" for {_or_none(here)}: refused"
            )
    if own.settings != told.settings:
        raise UsageError("the master wants other settings of the protocol: refused")
    load = msgspec.structs.replace(
        told,
        target=own.target,
        pin=own.pin,
        allow_hosts=own.allow_hosts,
        protocol=own.protocol,
        settings=own.settings,
        source_addresses=own.source_addresses,
        requests_file=own.requests_file,
        requests_as=own.requests_as,
        feed_file=own.feed_file,
    )
    load.check()
    return load


def _class_name(protocol: str) -> str:
    return protocol.rpartition(":")[2]


def _digest(files: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        try:
            whole.update(path.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
    return whole.hexdigest()


def _different(left: Mapping[str, str], right: Mapping[str, str]) -> list[str]:
    names = sorted(left.keys() | right.keys())
    return [name for name in names if left.get(name) != right.get(name)]


def _or_none(text: str) -> str:
    return text or "none"
