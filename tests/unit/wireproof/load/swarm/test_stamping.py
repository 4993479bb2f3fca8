"""When a worker goes over from stamping every reply to a sample, and back."""

from wireproof.load.swarm.stamping import Stamping, wall_offset_ns

SECOND_NS = 1_000_000_000


def stamp(stamping: Stamping, rate_per_s: int, seconds: float) -> int:
    """Feed stamps at a rate; returns how many were taken before the choice changed."""
    for number in range(1, int(rate_per_s * seconds) + 1):
        if stamping.stamped(number * SECOND_NS // rate_per_s):
            return number
    return 0


def test_a_fast_load_is_sampled_long_before_its_first_second_is_over():
    """At 100,000 replies/s the choice falls within the first thousand."""
    stamping = Stamping(0)
    assert 0 < stamp(stamping, 100_000, 1.0) < 1000
    assert not stamping.all


def test_a_slow_load_is_stamped_whole():
    """At 2,000 replies/s every reply keeps its stamp."""
    stamping = Stamping(0)
    assert stamp(stamping, 2000, 10.0) == 0
    assert not stamping.counted(2000, 1.0)
    assert stamping.all


def test_the_choice_follows_the_rate_of_each_second():
    """A load that became slow is stamped whole again; too short a while decides nothing."""
    stamping = Stamping(0)
    assert stamping.counted(50_000, 1.0)
    assert not stamping.counted(10, 0.1)
    assert not stamping.all
    assert stamping.counted(100, 1.0)
    assert stamping.all


def test_the_undisturbed_reading_of_both_clocks_counts():
    """A reading that lost the CPU in between, by which the offset would be wrong, is left out."""
    monotonic = iter([0, 900, 1000, 1010, 2000, 2500])
    wall = iter([7900, 8005, 9500])
    assert wall_offset_ns(monotonic.__next__, wall.__next__) == 7000
