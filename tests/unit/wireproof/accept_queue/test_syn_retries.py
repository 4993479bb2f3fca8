import pytest

from wireproof.accept_queue.syn_retries import RetrySchedule, retry_schedule


@pytest.mark.parametrize(
    ("syn_retries", "linear_timeouts", "at_s", "gives_up_at_s"),
    [
        # ip-sysctl.rst: "the final timeout ... will happen after 131 seconds"
        (6, 4, (1, 2, 3, 4, 5, 7, 11, 19, 35, 67), 131),
        # before Linux 6.5: "63 seconds till the last retransmission ... final timeout ... 127"
        (6, 0, (1, 3, 7, 15, 31, 63), 127),
        # the commit that brought it: "our backoff scheme would be: 1, 1, 1, 2, 4, 8, 16"
        (4, 2, (1, 2, 3, 5, 9, 17), 33),
        (1, 0, (1,), 3),
        (0, 0, (), 1),
        # no timeout is longer than TCP_RTO_MAX, 120 s
        (9, 0, (1, 3, 7, 15, 31, 63, 127, 247, 367), 487),
    ],
)
def test_the_kernels_schedule(
    syn_retries: int, linear_timeouts: int, at_s: tuple[float, ...], gives_up_at_s: float
) -> None:
    """The times are those that the kernel documents for its settings."""
    assert retry_schedule(syn_retries, linear_timeouts) == RetrySchedule(at_s, gives_up_at_s)


def test_another_first_timeout() -> None:
    """A route may have another first timeout, which all others are multiples of."""
    assert retry_schedule(2, 1, 0.5) == RetrySchedule((0.5, 1.0, 2.0), 4.0)


@pytest.mark.parametrize(
    ("connect_s", "step"),
    [(0.0001, 0), (0.9, 0), (0.999, 1), (1.03, 1), (1.9, 1), (2.0, 2), (3.37, 3), (6.9, 5)],
)
def test_a_time_belongs_to_the_retry_before_it(connect_s: float, step: int) -> None:
    """A timer is never early and may be late, up to the next one."""
    assert retry_schedule(6, 4).step_of(connect_s) == step
