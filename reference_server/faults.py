"""The zoo: faults, which are servers with one defect, and sound variants, which are odd but right.

A conformance tool is judged by both: how many faults it finds, and on how many sound variants it
raises a false alarm. Each is a few lines over the sound code, in `variants/`.
"""

import difflib
from collections.abc import Iterator

from reference_server.variants import (
    borders,
    datagrams,
    framing,
    sending,
    sharing,
    sound,
    text,
    timing,
)
from reference_server.variants.base import Fault, SoundVariant, Variant

FAULTS: tuple[Fault, ...] = (
    *framing.FAULTS,
    *borders.FAULTS,
    *text.FAULTS,
    *sending.FAULTS,
    *sharing.FAULTS,
    *timing.FAULTS,
    *datagrams.FAULTS,
)
SOUND: tuple[SoundVariant, ...] = sound.SOUND
ZOO: tuple[Variant, ...] = FAULTS + SOUND


def find(name: str) -> Variant | None:
    """The fault or the sound variant of that name."""
    return next((variant for variant in ZOO if variant.name == name), None)


def similar(name: str) -> list[str]:
    """Names in the zoo like `name`, the most similar first; itself, if there is one."""
    return difflib.get_close_matches(name, [variant.name for variant in ZOO])


def listing() -> Iterator[str]:
    """The zoo, one line each: name, category of the defect or `sound`, difference."""
    for variant in ZOO:
        yield f"{variant.name:24} {variant.category or 'sound':10} {variant.difference}"
