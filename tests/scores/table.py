"""The kill matrix and the scores, from records. Pure: records in, lines out."""

from collections.abc import Iterator, Sequence

from tests.scores.minima import Extent, nearest, noted
from tests.scores.record import Finding, Record
from tests.scores.zoos import FAULTS, SOUND, find, protocol_of
from wireproof.conformance.catalogue import catalogue_for

_FAULTS = {one.name for one in FAULTS}
_SOUND = {one.name for one in SOUND}


def of_faults(records: Sequence[Record]) -> list[Record]:
    """Return the runs of faults."""
    return [one for one in records if one.run.variant in _FAULTS]


def of_sound(records: Sequence[Record]) -> list[Record]:
    """Return the runs of variants that are odd and sound."""
    return [one for one in records if one.run.variant in _SOUND]


def alarms_of(record: Record) -> list[Finding]:
    """Return what a sound server is accused of; a SHOULD that it does not meet is none."""
    return [one for one in record.findings if one.verdict != "NON-STRICT"]


def line(record: Record) -> str:
    """Return one run in one line."""
    run = record.run
    kills = " ".join(one.requirement for one in record.findings) or "-"
    first = f"{record.findings[0].after_s:5.1f} s" if record.findings else "      -"
    which = f"{run.variant:24} {run.depth:7} seed {run.seed:<3}"
    return f"{which} {record.seconds:6.1f} s, first kill {first}: {kills}"


def scores(records: Sequence[Record]) -> Iterator[str]:
    """Yield the scores in words."""
    faults, sound = of_faults(records), of_sound(records)
    if faults:
        yield from _caught(faults)
        yield from _times("a fault", faults)
        yield from _smallest(faults)
        yield from _replays(faults)
        yield from _scripts(faults)
    if sound:
        yield from _times("a sound variant", sound)
        yield from _alarms(sound)


def is_perfect(records: Sequence[Record]) -> bool:
    """Whether nothing is missed, nothing falsely accused, and every minimum and script is good."""
    return (
        all(record.findings for record in of_faults(records))
        and not any(alarms_of(record) for record in of_sound(records))
        and not list(_longer(of_faults(records)))
        and not list(_bad_scripts(of_faults(records)))
        and not list(_bad_replays(of_faults(records)))
    )


def is_small(record: Record) -> bool:
    """Whether the minimum found is no longer than the one noted, where there are both.

    Where a fault ends all service nothing can be run again, so there is no minimum.
    """
    return not list(_longer([record]))


def _caught(faults: Sequence[Record]) -> Iterator[str]:
    times = sorted(one.findings[0].after_s for one in faults if one.findings)
    missed = [one.run.variant for one in faults if not one.findings]
    yield f"{len(times)} of {len(faults)} faults caught; missed: {', '.join(missed) or 'none'}"
    if times:
        middle = times[len(times) // 2]
        yield f"first kill after {middle:.1f} s in the median, {times[-1]:.1f} s at the latest"


def _times(what: str, records: Sequence[Record]) -> Iterator[str]:
    times = sorted((one.seconds, one.run.variant) for one in records if not one.run.first_kill)
    if times:
        middle, (longest, which) = times[len(times) // 2][0], times[-1]
        yield f"{what} takes {middle:.1f} s in the median, {longest:.1f} s at most ({which})"


def _smallest(faults: Sequence[Record]) -> Iterator[str]:
    compared = [extents for record in faults if (extents := _compare(record))]
    longer = list(_longer(faults))
    within = len(compared) - len(longer)
    yield f"{within} of {len(compared)} minima are no longer than the zoo's smallest conversation"
    ended = [r.run.variant for r in faults if r.findings and not any(o.extent for o in r.findings)]
    if ended:
        yield f"  without a minimum, since the fault ended all service: {', '.join(ended)}"
    for record, found, wanted in longer:
        yield f"  {record.run.variant}: found {found or 'none'}; noted {wanted}"


def _compare(record: Record) -> tuple[Extent | None, Extent] | None:
    """Return the minimum found and the one noted, where there are both."""
    variant = find(record.run.variant)
    wanted = noted(variant.smallest) if variant else None
    if wanted is None or not record.findings:
        return None
    found = [Extent(*one.extent) for one in record.findings if one.extent]
    if not found:
        return None
    return nearest(found, wanted), wanted


def _longer(faults: Sequence[Record]) -> Iterator[tuple[Record, Extent | None, Extent]]:
    for record in faults:
        if extents := _compare(record):
            found, wanted = extents
            if found is None or not found.within(wanted):
                yield record, found, wanted


def _replays(faults: Sequence[Record]) -> Iterator[str]:
    ran = [one for record in faults for one in record.findings if one.replays]
    bad = list(_bad_replays(faults))
    if not ran:
        return
    yield f"{len(ran) - len(bad)} of {len(ran)} causes' smallest conversations fail every replay"
    for record, one in bad:
        failed, runs = one.replays
        yield f"  {record.run.variant} {one.requirement}: FAILS {failed} of {runs}"


def _bad_replays(faults: Sequence[Record]) -> Iterator[tuple[Record, Finding]]:
    """Yield what FAILs and does not fail again each time; what is FLAKY says so itself."""
    for record in faults:
        for one in record.findings:
            if one.replays and one.verdict != "FLAKY" and one.replays[0] < one.replays[1]:
                yield record, one


def _scripts(faults: Sequence[Record]) -> Iterator[str]:
    ran = [one for record in faults for one in record.findings if one.exits]
    bad = list(_bad_scripts(faults))
    if not ran:
        return
    good = len(ran) - len(bad)
    yield f"{good} of {len(ran)} scripts exit 1 on their fault and 0 on the sound server"
    late = sum(one.where == "judged" for one in ran) - sum(one.where == "judged" for _, one in bad)
    if late:
        yield f"  {late} of them only on the server that was judged: the fault needs its history"
    for record, one in bad:
        yield f"  {record.run.variant} {one.requirement}: exits {list(one.exits)}"


def _bad_scripts(faults: Sequence[Record]) -> Iterator[tuple[Record, Finding]]:
    for record in faults:
        for one in record.findings:
            if one.exits and one.verdict != "FLAKY" and one.exits != (1, 0):
                yield record, one


def _alarms(sound: Sequence[Record]) -> Iterator[str]:
    kinds = sorted({(one.run.depth, one.run.loaded) for one in sound})
    for depth, loaded in kinds:
        ran = [one for one in sound if (one.run.depth, one.run.loaded) == (depth, loaded)]
        count = sum(bool(alarms_of(one)) for one in ran)
        where = "on a machine kept busy by two processes" if loaded else "undisturbed"
        names = len({one.run.variant for one in ran})
        yield (
            f"{count} false alarms in {len(ran)} runs of {names} sound variants, "
            f"depth {depth}, {where}"
        )
    for record in sound:
        for one in record.findings:
            run = f"{record.run.variant} seed {record.run.seed} {record.run.depth}"
            yield f"  {run}: {one.requirement} {one.verdict}: {one.message}"
    unsure = sum(bool(one.notes) for one in sound)
    yield f"{unsure} of {len(sound)} sound runs left a requirement undecided"


def markdown(records: Sequence[Record]) -> str:
    """Return all of it as a page: scores, minima, the kill matrix."""
    parts = ["# Scores of the catalogue\n", *[f"- {one}" for one in scores(records)]]
    faults = of_faults(records)
    if faults:
        parts += ["\n## Faults\n", *_fault_rows(faults), "\n## Kill matrix\n", *_matrix(faults)]
    return "\n".join(parts) + "\n"


def _fault_rows(faults: Sequence[Record]) -> Iterator[str]:
    yield "| fault | mistake | first kill | after | killed by | minimum found | noted |"
    yield "|---|---|---|---:|---:|---|---|"
    for record in faults:
        variant = find(record.run.variant)
        assert variant is not None
        found, wanted = _compare(record) or (None, noted(variant.smallest))
        first = record.findings[0] if record.findings else None
        yield (
            f"| {variant.name} | {variant.difference} | {first.requirement if first else 'missed'} "
            f"| {f'{first.after_s:.1f} s' if first else ''} | {len(record.findings)} "
            f"| {found or ''} | {wanted or variant.proof} |"
        )


def _matrix(faults: Sequence[Record]) -> Iterator[str]:
    """Yield a row for each requirement: which faults it sees; it need not see all of a kind."""
    yield "| requirement | kills | of them alone | faults |"
    yield "|---|---:|---:|---|"
    variants = filter(None, (find(record.run.variant) for record in faults))
    protocols = {name: protocol for protocol, name in map(protocol_of, variants)}
    identifiers = (one.id for each in protocols.values() for one in catalogue_for(each))
    for identifier in dict.fromkeys(identifiers):
        killed = [
            record
            for record in faults
            if identifier in {one.requirement for one in record.findings}
        ]
        alone = sum(len(record.findings) == 1 for record in killed)
        names = ", ".join(record.run.variant for record in killed)
        yield f"| {identifier} | {len(killed)} | {alone} | {names} |"
