"""The same for datagrams: each that was answered alike, however often, and what it was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wireproof.learning.patterns.matching import Matcher
from wireproof.learning.patterns.mismatch import MismatchError
from wireproof.learnt.protocol import LearntProtocol
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Judge

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from wireproof.learning.patterns.pattern import Pattern
    from wireproof.protocols.replies import Matcher as Right


class LearntDatagrams(LearntProtocol, Datagrams):
    """Datagrams that were seen, and what was learnt of their replies."""

    transports: ClassVar[frozenset[str]] = frozenset({"udp"})

    def datagrams(self) -> SearchStrategy[bytes]:
        """Return what is answered alike in any order."""
        return self.requests()

    def expected_datagram(self, datagram: bytes) -> Right | None:
        """Return what the reply looks like; nothing keeps replies in order, so no counter has one.

        Raises:
            ValueError: nobody has seen this datagram.

        """
        _, _, line = self._cast.places(datagram)[0]
        if not line.pattern.elements:
            return None
        constant = line.pattern.constant
        return constant if constant is not None else self._judge(line.pattern)

    def begins_plan(self, *, ordered: bool) -> None:
        """Hear that a plan begins: datagrams have no order, in whichever."""
        del ordered
        self.memory.ordered = False

    def _judge(self, pattern: Pattern) -> Judge:
        since_s = self._clock()

        def accepts(reply: bytes) -> bool:
            memory = None if self._form_only else self.memory
            matcher = Matcher(memory, since_s if memory is not None else None)
            try:
                matcher.owe(pattern)
                matcher.receive_data(reply, self._clock() if memory is not None else None)
                matcher.finish()
            except MismatchError as error:
                raise MalformedReplyError(str(error.mismatch)) from None
            if memory is not None:
                memory.commit(matcher.values)
            return True

        return Judge(accepts, "a reply as learnt")
