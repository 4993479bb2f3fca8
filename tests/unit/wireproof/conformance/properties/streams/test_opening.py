"""Plans of the opening: what a client may send when."""

from itertools import accumulate
from types import SimpleNamespace
from typing import Any

from tests.zoo.upgrading import Upgraded
from wireproof.conformance.plans.plan import Await, SendOpening
from wireproof.conformance.properties.streams.opening import reset_opening


def test_a_reset_comes_behind_replies() -> None:
    """Of the opening requests each waits for the reply to the one before, until the reset comes.

    A server may lose what came with its log-in: courier's IMAP does, and is silent then.
    """
    subject: Any = SimpleNamespace(plain_request=b"abc\n", protocol=Upgraded())
    ends = list(accumulate(map(len, subject.protocol.opening())))
    reached = set()
    for plan in reset_opening.plans(subject):
        sent = dict.fromkeys(range(len(plan.requests)), 0)
        waited = dict.fromkeys(sent, False)
        for action in plan.actions:
            if isinstance(action, Await):
                waited[action.connection] = True
            elif isinstance(action, SendOpening):
                number = action.connection
                before = [end for end in ends if end <= sent[number]]
                assert waited[number]
                assert action.until <= ends[len(before)]
                sent[number], waited[number] = action.until, False
        reached |= {*sent.values()}
    assert reached == {0, 1, ends[-1] // 2, ends[-1] - 1, ends[-1]}
