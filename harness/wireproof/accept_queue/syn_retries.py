"""When Linux sends a SYN again that was not answered.

Pure. The schedule is that of `tcp_retransmit_timer` and `tcp_write_timeout` in
net/ipv4/tcp_timer.c: the first timeout is 1 s (RFC 6298, 2.1); the first
`tcp_syn_linear_timeouts` of them do not double (Linux 6.5), and as many retries are granted on top
of `tcp_syn_retries`.
"""

from dataclasses import dataclass

INITIAL_TIMEOUT_S = 1.0
LONGEST_TIMEOUT_S = 120.0
_TICK_S = 0.02
"""The kernel's timers count ticks of up to 10 ms, so a retry may seem early by that much."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The life of a SYN that nobody answers.

    Attributes:
        at_s: when it is sent again, in seconds after the connect.
        gives_up_at_s: when the connect fails with ETIMEDOUT.

    """

    at_s: tuple[float, ...]
    gives_up_at_s: float

    def step_of(self, connect_s: float) -> int:
        """Return after which retry a connect time lies; 0 for one that needed none.

        A timer of the kernel may be late by an eighth, so a step reaches up to the next one.
        """
        return sum(connect_s >= at - _TICK_S for at in self.at_s)


def retry_schedule(
    syn_retries: int, linear_timeouts: int, initial_timeout_s: float = INITIAL_TIMEOUT_S
) -> RetrySchedule:
    """Return the times at which a SYN is sent again.

    Args:
        syn_retries: `net.ipv4.tcp_syn_retries`.
        linear_timeouts: `net.ipv4.tcp_syn_linear_timeouts`; 0 before Linux 6.5.
        initial_timeout_s: of the route; 1 s unless it says otherwise.

    """
    at_s = []
    now = timeout = initial_timeout_s
    for count in range(1, syn_retries + linear_timeouts + 1):
        at_s.append(now)
        if count > linear_timeouts:
            timeout = min(timeout * 2, LONGEST_TIMEOUT_S)
        now += timeout
    return RetrySchedule(tuple(at_s), now)
