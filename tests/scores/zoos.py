"""Both zoos as one: the reference server's variants, and the stores of `tests/zoo`."""

import contextlib
from collections.abc import Iterator

from reference_server import faults
from reference_server.variants.base import Fault, SoundVariant, Variant
from tests.zoo.defects import DEFECTS
from tests.zoo.odd import ODD
from tests.zoo.protocol import Store
from tests.zoo.server import Server
from tests.zoo.serving import serving as serving_store
from wireproof.protocols.base import Protocol
from wireproof.protocols.loading.registry import find_protocol
from wireproof.wire.reference import ReferenceServer

_STORE = "store-"
_SOUND_STORE = f"{_STORE}sound"


def _what(server: type[Server]) -> str:
    """Return what is odd about a store, which the docstring of its own class says."""
    told = (server if "__doc__" in vars(server) and server.__doc__ else server.peer).__doc__
    return (told or "").splitlines()[0]


_WHERE = "tests/zoo"
FAULTS: tuple[Fault, ...] = (
    *faults.FAULTS,
    *(Fault(_STORE + name, "framing", _what(one), _WHERE) for name, one in DEFECTS.items()),
)
SOUND: tuple[SoundVariant, ...] = (
    *faults.SOUND,
    *(SoundVariant(_STORE + name, _what(one), _WHERE) for name, one in ODD.items()),
)


def find(name: str) -> Variant | None:
    """Return the fault or the sound variant of that name."""
    return next((variant for variant in FAULTS + SOUND if variant.name == name), None)


def protocol_of(variant: Variant) -> tuple[Protocol, str]:
    """Return the protocol that a variant speaks, and its name."""
    if variant.name.startswith(_STORE):
        return Store(), "tests/zoo/protocol.py:Store"
    return find_protocol("timestamp-echo"), "timestamp-echo"


@contextlib.contextmanager
def serving(variant: Variant) -> Iterator[str]:
    """Run a variant until the block is left; yield its target."""
    if variant.name.startswith(_STORE):
        with serving_store(variant.name.removeprefix(_STORE)) as target:
            yield target
        return
    udp = variant.category == "datagrams"
    with ReferenceServer("--fault", variant.name, *["--udp"] * udp) as server:
        yield server.target.replace("tcp://", "udp://") if udp else server.target


@contextlib.contextmanager
def serving_sound(variant: Variant) -> Iterator[str]:
    """Run the sound server beside which a variant is held; yield its target."""
    if variant.name.startswith(_STORE):
        with serving_store(_SOUND_STORE.removeprefix(_STORE)) as target:
            yield target
        return
    with ReferenceServer("--udp") as server:
        yield server.target
