"""Requests that were learnt are sent longer, to find out which may be, and what is answered then.

Nobody says what a longer request is: numbers that may count bytes, and words, are guessed at, and
each guess is tried on a connection of its own, whole, with the request as it was seen behind it. A
guess holds where the longer one is answered as the shorter, or with what it has more, where the one
behind it is answered as ever, and where all else is answered as before on the next connection. So
no error message of the server is taken for a reply, and none of its state is changed.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.learning.cutting import is_binary
from wireproof.learning.growing.stretch import stretches_of
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learnt.grown import Grown, replies_of
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.scripts import Scripts
from wireproof.rehearsal.recital import Recited, recited
from wireproof.target import Target
from wireproof.words import printable

_ALL_S: Final = 6.0
_ONE_S: Final = 2.0
_MOST_REQUESTS: Final = 12
_MOST_GROWN: Final = 4
_LITTLE_BYTES, _MORE_BYTES = 3, 100
"""How much longer a request is at first: a guess that is wrong may hold at one size."""
_LADDER_BYTES: Final = (
    200,
    500,
    900,
    1100,
    2100,
    4200,
    9000,
    17_100,
    33_000,
    66_100,
    132_000,
    263_000,
)
_USUAL_TIMEOUT_S: Final = 2.0
_LEAST_TIMEOUT_S: Final = 0.15
_TIMEOUT_FACTOR: Final = 20
_LONGEST_REQUEST_BYTES: Final = 4096
_SHOWN_BYTES: Final = 40


def with_longer(
    scripts: Scripts, target: Target, before_each: Callable[[], None] = lambda: None
) -> Scripts:
    """Return scripts with the requests that may be longer than they were seen.

    Args:
        scripts: with what is answered alike in any order; without that none is made longer.
        target: resolved; the server that they were learnt from.
        before_each: called before each connection.

    Raises:
        CannotRunError: there is no connection.

    """
    if scripts.datagrams or scripts.behind_end or scripts.carries or not scripts.independent:
        return scripts
    if protocol_of(scripts, time.time).one_request:
        return scripts
    until = Deadline(_ALL_S)
    trial = _Trial(scripts, target, before_each, until)
    found: list[Grown] = []
    for request in scripts.independent[:_MOST_REQUESTS]:
        if until.expired or len(found) == _MOST_GROWN:
            break
        # A wrong guess at a record in binary may be another command, and change what is stored.
        may_be_tried = len(request) <= _LONGEST_REQUEST_BYTES and not _is_binary(request)
        if may_be_tried and (one := trial.longer(request)):
            found.append(one)
    if not found or not trial.is_as_before():
        return scripts
    found.sort(key=lambda one: (one.reply is None, -one.most_bytes))
    return msgspec.structs.replace(scripts, grown=tuple(found))


def _is_binary(request: bytes) -> bool:
    return is_binary(request) or b"\0" in request


class _Trial:
    """Guesses, tried on one server."""

    def __init__(
        self, scripts: Scripts, target: Target, before_each: Callable[[], None], until: Deadline
    ) -> None:
        self._scripts = scripts
        self._target = target
        self._before_each = before_each
        self._until = until
        self._longest = b""
        begun_s = time.monotonic()
        self.is_as_before()
        spent_s = (time.monotonic() - begun_s) / 2 / len(scripts.independent)
        self._timeout_s = max(_LEAST_TIMEOUT_S, _TIMEOUT_FACTOR * spent_s)

    def longer(self, request: bytes) -> Grown | None:
        """Return how a request may be longer, and by how much; None where no guess holds."""
        usual = self._usual(request)
        if usual is None:
            return None
        until = Deadline(_ONE_S)
        for stretch in stretches_of(request):
            for guess in (Grown(stretch, reply) for reply in replies_of(stretch, usual)):
                said = self._say(guess, _LITTLE_BYTES)
                if said is Recited.HELD and self._say(guess, _MORE_BYTES) is Recited.HELD:
                    if self._changes_nothing(guess):
                        return self._as_far_as_it_holds(guess)
                    break
                if said is Recited.SILENT or until.expired:
                    break
            self._holds([request])  # so that what it changed is as it was
            if until.expired:
                break
        return None

    def is_as_before(self) -> bool:
        """Say whether all that was learnt is answered as it was, in both orders."""
        return all(map(self._holds, (self._scripts.independent, self._scripts.independent[::-1])))

    def _holds(self, requests: Sequence[bytes]) -> bool:
        return self._recited(self._scripts, requests, _USUAL_TIMEOUT_S) is Recited.HELD

    def _usual(self, request: bytes) -> Pattern | None:
        """Return the pattern of the reply to a request; None where it has several."""
        patterns = [line.pattern for line in self._scripts.lines if line.request == request]
        alike = {one.elements for one in patterns}
        return patterns[0] if len(alike) == 1 else None

    def _changes_nothing(self, guess: Grown) -> bool:
        """Say whether all is answered as it was behind a longer request, in both orders."""
        for requests in (self._scripts.independent, self._scripts.independent[::-1]):
            self._say(guess, _MORE_BYTES, alone=True)
            if not self._holds(requests):
                return False
        return True

    def _as_far_as_it_holds(self, guess: Grown) -> Grown:
        """Return the guess with the longest request that is answered twice as foretold."""
        most_bytes, unanswered_bytes = len(guess.request.data), 0
        usual_s, self._timeout_s = self._timeout_s, max(1.0, self._timeout_s)
        try:
            for by_bytes in (_MORE_BYTES, *_LADDER_BYTES):
                if most_bytes > len(guess.request.data) and self._until.expired:
                    break
                said = {self._say(guess, by_bytes, alone=True) for _ in range(2)}
                if said == {Recited.SILENT}:
                    unanswered_bytes = len(guess.request.grown(by_bytes))
                if said != {Recited.HELD} or self._say(guess, by_bytes) is not Recited.HELD:
                    break
                most_bytes = len(guess.request.grown(by_bytes))
        finally:
            self._timeout_s = usual_s
        return msgspec.structs.replace(
            guess, most_bytes=most_bytes, unanswered_bytes=unanswered_bytes
        )

    def _say(self, guess: Grown, by_bytes: int, *, alone: bool = False) -> Recited:
        """Send a request that is so much longer, and the one that was seen behind it."""
        try:
            longer = guess.request.grown(by_bytes)
            if guess.reply is not None:
                guess.reply.grown(by_bytes)
        except ValueError:
            return Recited.OTHERWISE
        known = msgspec.structs.replace(guess, most_bytes=len(longer))
        scripts = msgspec.structs.replace(self._scripts, grown=(known,))
        self._longest = longer
        requests = [longer] if alone else [longer, guess.request.data]
        return self._recited(scripts, requests, self._timeout_s)

    def _recited(self, scripts: Scripts, requests: Sequence[bytes], timeout_s: float) -> Recited:
        """Send requests on a connection of their own; say which was the last where there is none.

        Raises:
            CannotRunError: there is no connection, perhaps for what was sent longer.

        """
        self._before_each()
        protocol = protocol_of(scripts, time.time)
        try:
            return recited(self._target, protocol, requests, timeout_s)
        except CannotRunError as error:
            if not self._longest:
                raise
            raise CannotRunError(
                f"{error.problem}, after {printable(self._longest, _SHOWN_BYTES)} was sent to it",
                "does it end at longer requests? --only-seen sends them as they were seen",
            ) from None
