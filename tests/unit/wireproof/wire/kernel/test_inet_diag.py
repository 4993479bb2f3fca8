import errno
import socket
import struct

import pytest

from wireproof.errors import CannotRunError
from wireproof.wire.kernel.inet_diag import (
    HEADER,
    SOCK_DIAG_BY_FAMILY,
    WITH_TCP_INFO,
    TcpState,
    check_absent,
    encode_request,
    parse,
    read_batch,
    tcp_info_span,
)


def _answer(family: int, state: int, attributes: bytes = b"") -> bytes:
    width = 16 if family == socket.AF_INET6 else 4
    return (
        struct.pack("=BBBB", family, state, 0, 0)
        + struct.pack("!HH", 80, 4000)
        + socket.inet_pton(family, "::1" if width == 16 else "127.0.0.1").ljust(16, b"\0")
        + socket.inet_pton(family, "::2" if width == 16 else "127.0.0.2").ljust(16, b"\0")
        + struct.pack("=III", 0, 1, 2)
        + struct.pack("=IIIII", 0, 7, 50, 1000, 4711)
        + attributes
    )


def _framed(kind: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, 0, 0, 0) + body


def test_a_request_has_the_kernels_layout() -> None:
    """The question is a netlink header and `struct inet_diag_req_v2`, 16 and 56 bytes."""
    request = encode_request(socket.AF_INET6, ("fe80::1%lo", 80, 0, 3), ("fe80::2", 90, 0, 3))
    assert struct.unpack_from("=IH", request) == (72, SOCK_DIAG_BY_FAMILY)
    assert len(request) == 72
    assert request[16:18] == bytes([socket.AF_INET6, socket.IPPROTO_TCP])
    assert struct.unpack_from("!HH", request, 24) == (80, 90)
    assert request[28:44] == socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert struct.unpack_from("=III", request, 60) == (3, 0xFFFFFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("family", "source", "destination"),
    [(socket.AF_INET, "127.0.0.1", "127.0.0.2"), (socket.AF_INET6, "::1", "::2")],
)
def test_an_answer_is_read(family: socket.AddressFamily, source: str, destination: str) -> None:
    """Addresses, ports, queues, owner and inode come from where the kernel puts them."""
    state = parse(_answer(family, TcpState.LISTEN))
    assert (state.family, state.state) == (family, TcpState.LISTEN)
    assert (state.source, state.destination) == ((source, 80), (destination, 4000))
    assert (state.receive_queue, state.send_queue, state.uid, state.inode) == (7, 50, 1000, 4711)
    assert not state.v6_only


def test_v6_only_is_an_attribute() -> None:
    """INET_DIAG_SKV6ONLY is found behind other attributes, padding included."""
    attributes = struct.pack("=HHBxxx", 5, 8, 0) + struct.pack("=HHBxxx", 5, 11, 1)
    assert parse(_answer(socket.AF_INET6, TcpState.LISTEN, attributes)).v6_only


def test_more_can_be_asked_for() -> None:
    """The bit for `tcp_info` is in the extensions' byte, and nothing else of the question moves."""
    addresses = (socket.AF_INET, ("127.0.0.1", 80), ("127.0.0.1", 90))
    plain, more = encode_request(*addresses), encode_request(*addresses, extensions=WITH_TCP_INFO)
    assert [at for at in range(len(plain)) if plain[at] != more[at]] == [18]
    assert more[18] == 2


def test_tcp_info_is_found_behind_other_attributes() -> None:
    """Its span is told, empty where the answer has none, and never longer than the answer."""
    answer = _answer(socket.AF_INET, TcpState.ESTABLISHED, struct.pack("=HHBxxx", 5, 8, 0))
    assert len(tcp_info_span(answer)) == 0
    with_info = answer + struct.pack("=HH", 4 + 12, 2) + b"tcp_info...."
    span = tcp_info_span(with_info)
    assert with_info[span.start : span.stop] == b"tcp_info...."
    assert tcp_info_span(with_info[:-8]) == range(span.start, span.stop - 8)


def test_a_batch_is_split() -> None:
    """One datagram holds several answers, and the list ends at its end message only."""
    answers = 2 * _framed(SOCK_DIAG_BY_FAMILY, _answer(socket.AF_INET, TcpState.LISTEN))
    done, found = read_batch(answers)
    assert (done, len(found)) == (False, 2)
    done, found = read_batch(answers + _framed(3, b"\0\0\0\0"))
    assert (done, len(found)) == (True, 2)


def test_only_absence_is_no_error() -> None:
    """ENOENT means that there is no such socket; every other refusal is told in words."""
    check_absent(_framed(2, struct.pack("=i", -errno.ENOENT)))
    with pytest.raises(CannotRunError, match="not permitted"):
        check_absent(_framed(2, struct.pack("=i", -errno.EPERM)))
    with pytest.raises(CannotRunError, match="Invalid argument"):
        read_batch(_framed(2, struct.pack("=i", -errno.EINVAL)))
