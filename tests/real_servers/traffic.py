"""The gallery without protocol files: what is known of a server is a file or two of requests."""

from itertools import pairwise
from pathlib import Path

from tests.real_servers.gallery import Server
from wireproof.conformance.drawing import draw_bytes, draw_requests
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.loading.registry import find_protocol
from wireproof.target import parse_target, resolve

_GENERAL = {"pipelining", "one_request", "most_requests", "connections"}
"""Settings that every protocol has; the others are a protocol's own."""
_DRAWN = 20
_MOST_KINDS = 8
_USUAL_BYTES = 1024


def can_be_judged(server: Server) -> bool:
    """Say whether a client of this server says anything, over a stream."""
    exchange = find_protocol(server.protocol_name, server.settings).exchange
    return server.scheme == "tcp" and exchange is Exchange.REQUEST_REPLY


def options(server: Server, port: int, folder: Path) -> list[str]:
    """Write what a client sends into files, and return what `check` is given for a protocol."""
    settings = {name: value.replace("{port}", str(port)) for name, value in server.settings.items()}
    protocol = find_protocol(server.protocol_name, settings)
    target = resolve(parse_target(f"{server.scheme}://127.0.0.1:{port}"))[0]
    drawn = draw_requests(protocol, target, seed=0)
    said = [*protocol.opening(), protocol.example() or drawn[0]]
    if not protocol.one_request:
        usual, goodbye = _of_each_kind(protocol)
        said += [drawn[len(drawn) // 2], *usual, *goodbye]
    words: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(
        part
        for request in as_sent(protocol, said, 0)
        for part in _parts(request, list(protocol.pauses(request)))
    ):
        path = folder / f"request-{number + 1}"
        path.write_bytes(part)
        words += ["--from", str(path)]
    for name, value in server.settings.items():
        if name in _GENERAL:
            words += ["--set", f"{name}={value}"]
    return words


def _of_each_kind(protocol: Protocol) -> tuple[list[bytes], list[bytes]]:
    """Return a request of each kind, and what a client says at last where there is such a thing."""
    drawn = [
        draw_bytes(protocol, strategy, seed=0, count=_DRAWN)
        for strategy in protocol.kinds().values()
    ]
    middling = [each[len(each) // 2] for each in drawn if not protocol.is_last(each[-1])]
    usual = [one for one in middling if len(one) <= _USUAL_BYTES]  # each of its bytes is a cut
    return usual[:_MOST_KINDS], [each[-1] for each in drawn if protocol.is_last(each[-1])][:1]


def _parts(request: bytes, pauses: list[int]) -> list[bytes]:
    """Return a request where the client waits inside it, as several."""
    borders = [0, *pauses, len(request)]
    return [request[begin:end] for begin, end in pairwise(borders) if end > begin]
