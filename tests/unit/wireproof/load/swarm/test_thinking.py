"""Who waits before the next request, and for how long."""

from wireproof.load.swarm.thinking import NS_PER_S, Thinking

MS = NS_PER_S // 1000


def test_each_waits_so_long():
    """In the order in which their time is over."""
    thinking: Thinking[str] = Thinking((0.01, False))
    thinking.begin("a", 0)
    thinking.begin("b", 5 * MS)
    assert thinking.due_ns == 10 * MS
    assert not list(thinking.ended(9 * MS))
    assert list(thinking.ended(10 * MS)) == ["a"]
    assert list(thinking.ended(20 * MS)) == ["b"]
    assert thinking.due_ns is None


def test_who_begins_anew_waits_from_then_on():
    """A connection that was replaced meanwhile is not sent off by what it was before."""
    thinking: Thinking[str] = Thinking((0.01, False))
    thinking.begin("a", 0)
    thinking.begin("a", 5 * MS)
    assert not list(thinking.ended(14 * MS))
    assert list(thinking.ended(15 * MS)) == ["a"]


def test_times_may_be_exponential():
    """Of the mean that was asked for, the same for a seed; a constant would have no spread."""

    def waits(seed: int) -> list[int]:
        thinking: Thinking[int] = Thinking((0.01, True), seed)
        found = []
        for waiter in range(2000):
            thinking.begin(waiter, 0)
            assert thinking.due_ns is not None
            found.append(thinking.due_ns)
            assert list(thinking.ended(NS_PER_S)) == [waiter]
        return found

    found = waits(1)
    assert found == waits(1) != waits(2)
    mean = sum(found) / len(found)
    deviation = (sum((wait - mean) ** 2 for wait in found) / len(found)) ** 0.5
    assert abs(mean / (10 * MS) - 1) < 0.15
    assert abs(deviation / mean - 1) < 0.15
