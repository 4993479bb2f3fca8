from unittest.mock import Mock, create_autospec

from harness.load.channel import Channel
from harness.load.phases import NS_PER_S
from harness.load.swarm import Swarm


def _swarm(*, stamp_all: bool) -> tuple[Swarm, Mock]:
    """A swarm of one channel, without its loop, and what tells the channel of timestamps."""
    swarm = object.__new__(Swarm)
    swarm._stamp_all = stamp_all
    swarm._reads, swarm._reads_since_ns = 0, 0
    channel = create_autospec(Channel, instance=True)
    swarm._members = {channel}
    return swarm, channel.stamp_from_now_on


def test_a_fast_load_samples_its_timestamps_from_the_first_fifth_of_a_second() -> None:
    """Beyond 5,000 reads a second a timestamp with each would slow what is measured."""
    swarm, told = _swarm(stamp_all=True)
    swarm._reads = 1001
    swarm._choose_stamps(NS_PER_S // 5)
    told.assert_called_once_with(always=False)
    swarm._reads = 5000
    swarm._choose_stamps(NS_PER_S)
    told.assert_called_once()


def test_a_slow_load_timestamps_every_reply() -> None:
    """What becomes slow again is stamped whole again; too short a time tells nothing."""
    swarm, told = _swarm(stamp_all=False)
    swarm._choose_stamps(NS_PER_S // 20)
    told.assert_not_called()
    swarm._reads = 999
    swarm._choose_stamps(NS_PER_S // 5)
    told.assert_called_once_with(always=True)
    assert swarm._reads == 0
