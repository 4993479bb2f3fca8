from typing import Any

import pytest

from wireproof.accept_queue.explanation import Measured, depth_by_connects, explain, explain_ladder
from wireproof.accept_queue.syn_retries import retry_schedule
from wireproof.reporting.terminal.queue import queue_line
from wireproof.results import Burst, Queue, Rung

SYSCTLS = {
    "net.core.somaxconn": "4096",
    "net.ipv4.tcp_max_syn_backlog": "2048",
    "net.ipv4.tcp_abort_on_overflow": "0",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_syn_retries": "6",
    "net.ipv4.tcp_syn_linear_timeouts": "4",
}
PAUSED = Queue(
    limit=50,
    depth=51,
    source="sock_diag",
    completed_at_once=51,
    turned_away=9,
    late_us=[1_020_000.0] * 9,
)


def _burst(connections: int, at_once: int, **more: Any) -> Burst:
    late = connections - at_once
    retries = {"0": at_once, **({"1": late} if late else {})}
    times = [900.0] * at_once + [1_020_000.0] * late
    fields = {"failed": {}, "retries": retries, "retransmitted": late} | more
    return Burst(
        connections=connections,
        completed_at_once=at_once,
        connect_us={"times": times},
        **fields,
    )


def _explain(**more: Any) -> str:
    fields: dict[str, Any] = {
        "local": True,
        "tcp": True,
        "queue": PAUSED,
        "not_paused_because": "",
        "bursts": [],
        "counters": {"ListenOverflows": 9, "ListenDrops": 9},
        "sysctls": SYSCTLS,
        "schedule": retry_schedule(6, 4),
    }
    return "\n".join(explain(Measured(**fields | more)))


def test_depth_and_what_became_of_the_others() -> None:
    """The finding of a paused server, as a reader of listen(50) needs it."""
    text = _explain()
    assert (
        "51 connects completed at once while the server was kept from accepting: the queue holds"
        " backlog + 1, and the backlog is 50." in text
    )
    assert "Connects 52 to 60 waited 1.02 s, because their SYN was dropped and sent again." in text
    assert "ListenOverflows rose by 9 and ListenDrops by 9, and nothing else was dropped" in text


def test_connects_that_never_completed() -> None:
    """Those without an answer are not said to have waited, and some of both are told apart."""
    none = Queue(limit=0, depth=1, source="sock_diag", completed_at_once=1, turned_away=1)
    assert "Connect 2 got no answer" in _explain(queue=none)
    some = Queue(
        limit=0,
        depth=1,
        source="sock_diag",
        completed_at_once=1,
        turned_away=3,
        late_us=[1_010_000.0, 2_030_000.0],
    )
    text = _explain(queue=some)
    assert "Connects 2 to 4 waited 1.01 to 2.03 s" in text
    assert "1 of them had no answer at all" in text


def test_waiting_connections_are_mentioned() -> None:
    """Fewer connects than the depth are explained by what waited before."""
    queue = Queue(limit=5, depth=6, source="sock_diag", completed_at_once=4)
    assert "4 connects completed at once while the server was kept from accepting (2 waited" in (
        _explain(queue=queue)
    )


def test_an_unpaused_server() -> None:
    """The limit is told as read, with the reason why it was not tried."""
    queue = Queue(limit=50, depth=None, source="unknown")
    text = _explain(queue=queue, not_paused_because="nobody said so")
    assert "The backlog is 50, so the queue holds 51. This was read, not tried: nobody said" in text


def test_a_queue_that_connects_overflowed() -> None:
    """What the summary says of the depth's source, the sentences do not deny."""
    queue = Queue(limit=10, depth=11, source="connects")
    bursts = [_burst(10, 10, peak_depth=9), _burst(60, 11, peak_depth=11)]
    text = _explain(queue=queue, bursts=bursts, not_paused_because="nobody said so")
    assert queue_line(queue).plain.endswith("found by overflowing it with connects")
    assert "not tried" not in text
    assert "Connects overflowed it, and it was seen 11 deep." in text
    assert "It was not paused to count: nobody said so." in text


def test_a_queue_that_never_filled() -> None:
    """When a paused server's queue does not fill, somebody else accepts."""
    queue = Queue(limit=5, depth=None, source="unknown", completed_at_once=30)
    assert "another process accepts too" in _explain(queue=queue)


def test_the_cap() -> None:
    """A backlog that equals somaxconn was probably meant to be larger."""
    text = _explain(queue=Queue(limit=4096, depth=4097, source="sock_diag", completed_at_once=4097))
    assert "The backlog equals net.core.somaxconn (4096)" in text
    assert "somaxconn" not in _explain()


def test_bursts_that_fit_and_that_do_not() -> None:
    """The first burst that overflowed is named, and the fate of the largest."""
    fits = [_burst(10, 10), _burst(50, 50)]
    assert "No connect of a burst of up to 50 had to try again" in _explain(bursts=fits)
    text = _explain(bursts=[*fits, _burst(60, 52), _burst(200, 52, half_open=97)])
    assert "The smallest burst that did not fit was 60: 52 completed at once, 8 (13 %)" in text
    assert "Of 200 at the same instant, 52 completed at once, 148 (74 %) had to try again" in text
    assert "97 connections of the burst of 200 exist only for the client" in text
    assert "call listen() with 200 or more, and accept" in text


def test_a_server_that_stopped_accepting() -> None:
    """Where the queue does not empty between bursts, that is said, and why there are no more."""
    assert "3 connections stayed in the queue: the server does not accept now" in _explain(stuck=3)


def test_failures_are_told_by_cause() -> None:
    """A connect that failed is told with its cause, not with retries that it never made."""
    text = _explain(bursts=[_burst(3, 0, retries={}, retransmitted=0, failed={"refused": 3})])
    assert "0 completed at once, 3 failed (refused)" in text


def test_the_cap_is_part_of_the_advice() -> None:
    """Where somaxconn is below the burst, listen() alone would not help."""
    text = _explain(bursts=[_burst(200, 51)], sysctls={**SYSCTLS, "net.core.somaxconn": "128"})
    assert "raise net.core.somaxconn from 128" in text


@pytest.mark.parametrize(
    ("counters", "said"),
    [
        ({"ListenOverflows": 9, "ListenDrops": 9}, "the full queue is the only cause"),
        ({"ListenOverflows": 0, "ListenDrops": 0}, "no queue was full"),
        ({"ListenOverflows": 2, "ListenDrops": 5}, "3 drops had another reason"),
        (
            {"ListenOverflows": 2, "ListenDrops": 2, "TCPReqQFullDrop": 4},
            "TCPReqQFullDrop 4 (the queue of half-open connections was full)",
        ),
        (
            {"ListenOverflows": 2, "ListenDrops": 2, "SoftnetDropped": 1},
            "SoftnetDropped 1 (a CPU's input queue was full",
        ),
    ],
)
def test_other_causes_are_ruled_out_or_named(counters: dict[str, int], said: str) -> None:
    """Only overflows prove an overflow; every other drop is named."""
    text = _explain(counters=counters)
    assert said in text
    assert ("only cause" in text) == (said == "the full queue is the only cause")


def test_a_remote_server() -> None:
    """Of a server elsewhere nothing is claimed that only its own machine knows."""
    text = _explain(
        local=False,
        queue=Queue(limit=None, depth=51, source="connects"),
        not_paused_because="the server is not on this machine",
        bursts=[_burst(60, 51)],
        counters={},
    )
    assert "at most 51, by the connects: the server is not on this machine" in text
    assert "may also have been lost on the way" in text
    assert not any(name in text for name in ("ListenOverflows", "abort_on_overflow", "somaxconn"))


def test_settings_in_words() -> None:
    """Each setting is read with its effect."""
    text = _explain()
    assert "after 1, 2, 3, 4, 5, 7, 11 ... s and gives up after 131 s" in text
    assert "nobody is refused" in text
    assert "syncookies are on" in text
    other = SYSCTLS | {"net.ipv4.tcp_abort_on_overflow": "1", "net.ipv4.tcp_syncookies": "0"}
    text = _explain(sysctls=other, schedule=retry_schedule(1, 0))
    assert "after 1 s and gives up after 3 s" in text
    assert "a handshake that ends on a full queue is reset" in text
    assert "syncookies are off" in text


def test_a_unix_socket_has_no_syn() -> None:
    """Of a Unix socket no sentence speaks of SYNs."""
    queue = Queue(limit=None, depth=5, source="connects", completed_at_once=5, turned_away=2)
    text = _explain(queue=queue, tcp=False, local=False, counters={})
    assert "Connects 6 to 7 found it full and were told so at once (EAGAIN)" in text
    assert "SYN" not in text


def test_depth_by_connects() -> None:
    """What overflowed bounds the depth; where the queue was seen, the deepest sight counts."""
    assert depth_by_connects([_burst(50, 50)]) is None
    assert depth_by_connects([_burst(50, 50), _burst(60, 53), _burst(70, 2)]) == 53
    seen = [_burst(60, 53, peak_depth=51), _burst(50, 50, peak_depth=60)]
    assert depth_by_connects(seen) == 51


def _rung(connections: int, throughput_per_s: float, **more: Any) -> Rung:
    fields = {"bottleneck": "server"} | more
    return Rung(
        model="",
        connections=connections,
        throughput_per_s=throughput_per_s,
        latency_us={},
        failures={},
        **fields,
    )


def test_a_ladder_on_which_all_are_served() -> None:
    """The best rung is named, with what limited it, and what was lost beyond."""
    rungs = [_rung(1, 100, served=1), _rung(50, 900, served=50), _rung(100, 600, served=100)]
    assert explain_ladder(rungs) == [
        "All of 100 connections that asked at the same time had a reply.",
        (
            "Throughput was highest at 50: 900 requests/s, 50 % more than at 100;"
            " the server was the limit."
        ),
    ]


def test_a_ladder_of_one_at_a_time() -> None:
    """The rung from which on somebody is not served is named, and where the others are."""
    rungs = [
        _rung(1, 900, served=1, waiting=0),
        _rung(50, 900, served=1, waiting=49),
        _rung(100, 900, served=1, waiting=51),
    ]
    sentences = explain_ladder(rungs)
    assert sentences[0] == (
        "Of 50 connections that asked at the same time, 1 had a reply, and 49 waited in the accept"
        " queue. It serves one connection at a time."
    )
    assert sentences[1] == "Of 100 it was 1; 48 were not even in the queue."


def test_a_limit_of_connections_is_not_one_at_a_time() -> None:
    """A server that serves fifty of sixty is not said to serve one."""
    rungs = [_rung(50, 900, served=50), _rung(60, 900, served=50)]
    assert explain_ladder(rungs)[0] == (
        "Of 60 connections that asked at the same time, 50 had a reply."
    )


@pytest.mark.parametrize(
    ("bottleneck", "said"),
    [
        ("generator", "the load generator was the limit, so the server can do more"),
        ("undetermined", "it is not clear what the limit was"),
    ],
)
def test_no_throughput_without_its_limit(bottleneck: str, said: str) -> None:
    """A figure always comes with who limited it; where service was not tried, nothing is said."""
    (sentence,) = explain_ladder([_rung(10, 800, bottleneck=bottleneck)])
    assert said in sentence


def test_an_empty_ladder() -> None:
    """Without rungs, and without any throughput, there is nothing to say."""
    assert explain_ladder([]) == []
    assert explain_ladder([_rung(10, 0)]) == []
