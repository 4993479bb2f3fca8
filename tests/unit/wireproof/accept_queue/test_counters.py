import socket

from wireproof.accept_queue.counters import (
    DROPS,
    OVERFLOWS,
    change,
    read_counters,
    read_sysctls,
    schedule_of,
)
from wireproof.deadline import Deadline


def test_an_overflow_is_counted() -> None:
    """A connect to a full queue raises ListenOverflows and ListenDrops."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        before = read_counters()
        with (
            socket.create_connection(server.getsockname(), timeout=5),
            socket.socket() as second,
        ):
            second.setblocking(False)
            second.connect_ex(server.getsockname())
            deadline = Deadline(5)
            while (rise := change(before, read_counters()))[OVERFLOWS] < 1:
                assert not deadline.expired
    assert rise[DROPS] >= 1


def test_change_is_by_counter() -> None:
    """A counter that is new counts from zero."""
    assert change({"A": 2}, {"A": 5, "B": 1}) == {"A": 3, "B": 1}


def test_settings_are_read() -> None:
    """The settings that explain a full queue are numbers, by their names in sysctl."""
    settings = read_sysctls()
    assert {"net.core.somaxconn", "net.ipv4.tcp_abort_on_overflow"} <= set(settings)
    assert all(value.isdigit() for value in settings.values())


def test_schedule_follows_the_settings() -> None:
    """Without the linear timeouts of Linux 6.5 the second retry comes after 3 s."""
    older = {"net.ipv4.tcp_syn_retries": "2", "net.ipv4.tcp_syn_linear_timeouts": "0"}
    assert schedule_of(older).at_s == (1, 3)
    assert schedule_of({**older, "net.ipv4.tcp_syn_linear_timeouts": "1"}).at_s == (1, 2, 4)
