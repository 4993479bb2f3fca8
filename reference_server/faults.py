"""The zoo: servers with one defect each, and servers that are odd but sound.

A conformance tool is judged by both: how many of the first it finds, and on how many of the second
it raises a false alarm. Each variant is a few lines over the sound code, in `variants/`.
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
from reference_server.variants.base import Step, Variant

__all__ = ["FAULTS", "SOUND", "VARIANTS", "Step", "Variant", "find", "listing"]

FAULTS: tuple[Variant, ...] = (
    *framing.FAULTS,
    *borders.FAULTS,
    *text.FAULTS,
    *sending.FAULTS,
    *sharing.FAULTS,
    *timing.FAULTS,
    *datagrams.FAULTS,
)
SOUND: tuple[Variant, ...] = sound.SOUND
VARIANTS = FAULTS + SOUND


def find(name: str) -> Variant | None:
    """The variant of that name."""
    return next((variant for variant in VARIANTS if variant.name == name), None)


def similar(name: str) -> list[str]:
    """Names of variants like `name`, the most similar first; itself, if there is one."""
    return difflib.get_close_matches(name, [variant.name for variant in VARIANTS])


def listing() -> Iterator[str]:
    """One line a variant: name, category, mistake."""
    for variant in VARIANTS:
        yield f"{variant.name:24} {variant.category or 'sound':10} {variant.mistake}"
