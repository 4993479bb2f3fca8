"""Why two runs may not compare: differences of machine, target and what was asked."""

from collections.abc import Iterator

from wireproof.results import Environment, Results


def warnings(base: Results, new: Results) -> list[str]:
    """Return a sentence for each difference that could pass for a change of the server."""
    return [
        *_environment(base.environment, new.environment),
        *_plan(base, new),
        *_state(base, "base"),
        *_state(new, "new"),
    ]


def _environment(base: Environment, new: Environment) -> Iterator[str]:
    for name, one, other in (
        ("host", base.host, new.host),
        ("kernel", base.kernel, new.kernel),
        ("CPU", base.cpu, new.cpu),
        ("number of cores", str(base.cpus), str(new.cpus)),
        ("Python", base.python, new.python),
    ):
        if one != other:
            yield f"the {name} differs: {one}, {other}"
    for what, ours, theirs in (
        ("version of", base.versions, new.versions),
        ("setting", base.sysctls, new.sysctls),
    ):
        for name in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(name, "none"), theirs.get(name, "none")
            if one != other:
                yield f"the {what} {name} differs: {one}, {other}"


def _plan(base: Results, new: Results) -> Iterator[str]:
    if base.target != new.target:
        yield f"the target differs: {base.target}, {new.target}"
    if base.check is not None and new.check is not None:
        if base.check.protocol != new.check.protocol:
            yield f"the protocol differs: {base.check.protocol}, {new.check.protocol}"
        if base.check.depth != new.check.depth:
            yield f"the depth of the check differs: {base.check.depth}, {new.check.depth}"
    if base.load is not None and new.load is not None:
        if base.load.rate_per_s != new.load.rate_per_s:
            rates = [load.rate_per_s or "closed loop" for load in (base.load, new.load)]
            yield f"the rate asked for differs: {rates[0]}, {rates[1]}"
        ours, theirs = ({second.users for second in run.series} for run in (base.load, new.load))
        if ours and theirs and not ours & theirs:
            yield "no number of connections was measured in both runs"
    for part in ("check", "load", "backlog"):
        if (getattr(base, part) is None) != (getattr(new, part) is None):
            yield f"only one of the runs has a {part}"


def _state(results: Results, name: str) -> Iterator[str]:
    if results.partial:
        yield f"the {name} run was interrupted"
    limit = {"generator": "the load generator", "shared core": "a core shared with the server"}
    if results.load is not None and results.load.bottleneck in limit:
        by = limit[results.load.bottleneck]
        yield f"the {name} run was bound by {by}: its throughput is not the server's"
