import socket

import pytest

from wireproof.errors import CannotRunError, UsageError
from wireproof.target import Target, is_loopback_host, parse_target, resolve


@pytest.mark.parametrize(
    "text",
    [
        "tcp://127.0.0.1:28812",
        "tls://localhost:443",
        "udp://127.0.0.1:53",
        "tcp://[::1]:7",
        "unix:/run/server.sock",
    ],
)
def test_round_trip(text: str) -> None:
    """A target is shown as it was written."""
    assert str(parse_target(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("127.0.0.1:80", "'127.0.0.1:80' is not a target"),
        ("", "'' is not a target"),
        ("http://localhost:80", "'http' is not a transport"),
        ("tcp://localhost", "'tcp://localhost' has no port"),
        ("tcp://localhost:0", "'tcp://localhost:0' has no port"),
        ("tcp://:80", "'tcp://:80' has no host"),
        ("tcp://localhost:99999", "is not a target: Port out of range 0-65535"),
        ("tcp://localhost:x", "is not a target"),
        ("tcp://[::1:80", "is not a target"),
        ("tcp://localhost:80/path", "has more than a host and a port"),
        ("tcp://me@localhost:80", "has more than a host and a port"),
        ("tcp://localhost:80?x=1", "has more than a host and a port"),
        ("unix:relative.sock", "names no absolute path"),
        ("unix:/", "names no absolute path"),
        ("unix:/tmp/\udcff", "is not UTF-8"),
        (f"unix:/{'x' * 107}", "longer than the 107 bytes"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    """What is no target is refused with what is wrong."""
    with pytest.raises(UsageError) as refusal:
        parse_target(text)
    assert problem in refusal.value.problem


@pytest.mark.parametrize("text", ["tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://127.9.9.9:1"])
def test_loopback_is_allowed(text: str) -> None:
    """All of loopback is this machine."""
    assert all(one.is_loopback for one in resolve(parse_target(text)))


def test_localhost_is_pinned_to_addresses() -> None:
    """A name is looked up once; all its addresses are candidates."""
    found = resolve(parse_target("tcp://localhost:80"))
    assert {one.host for one in found} == {"localhost"}
    assert {one.address[0] for one in found} <= {"127.0.0.1", "::1"}
    assert all(one.socket_type is socket.SOCK_STREAM for one in found)


def test_other_machines_are_refused_unless_owned() -> None:
    """Load goes to machines one owns: others are named with --allow-host."""
    target = parse_target("tcp://192.0.2.1:80")
    with pytest.raises(UsageError, match=r"--allow-host 192\.0\.2\.1"):
        resolve(target)
    assert resolve(target, ["192.0.2.1"])[0].address == ("192.0.2.1", 80)


def test_a_mapped_address_is_judged_by_what_it_maps() -> None:
    """::ffff:127.0.0.1 is loopback, ::ffff:192.0.2.1 is not."""
    assert resolve(parse_target("tcp://[::ffff:127.0.0.1]:80"))[0].is_loopback
    with pytest.raises(UsageError):
        resolve(parse_target("tcp://[::ffff:192.0.2.1]:80"))


def test_a_unix_socket_is_here() -> None:
    """A path needs no look-up."""
    (found,) = resolve(parse_target("unix:/run/x"))
    assert (found.family, found.address, found.is_loopback) == (socket.AF_UNIX, "/run/x", True)


@pytest.mark.parametrize("host", ["no.such.host.invalid", f"{'x' * 70}.invalid", "a\0b"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    """It is one line, whatever the resolver makes of the name."""
    with pytest.raises(CannotRunError, match="does not resolve"):
        resolve(Target("tcp", host=host, port=1))


def test_streams_and_datagrams() -> None:
    """UDP alone is no stream."""
    assert not parse_target("udp://127.0.0.1:1").is_stream
    assert parse_target("unix:/a").is_stream
    assert parse_target("udp://127.0.0.1:1").socket_type is socket.SOCK_DGRAM


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("[::1]", True),
        ("::1", True),
        ("", False),
        ("*", False),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.evil.example", False),
    ],
)
def test_loopback_is_told_from_all_else(host: str, is_it: bool) -> None:
    """What is not certainly this machine's own is not."""
    assert is_loopback_host(host) is is_it


def test_a_bare_ipv6_address_is_told_its_brackets() -> None:
    """The message holds the target as it has to be written."""
    with pytest.raises(UsageError, match=r"write tcp://\[::1\]:9100"):
        parse_target("tcp://::1:9100")


def test_a_command_is_told_where_to_listen() -> None:
    """In any word, as often as it asks."""
    target = parse_target("tcp://[::1]:9000")
    assert target.filled_into("-l={host}:{port}+{port}") == "-l=::1:9000+9000"
    assert target.filled_into("{url}{path}") == "tcp://[::1]:9000"
