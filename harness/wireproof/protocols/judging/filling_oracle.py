"""The judge of a protocol whose requests hold what the server has said, such as a salted password.

A request is announced with a blank; it is not sent before `filled_in` gives it whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.judging.request_reply_oracle import RequestReplyOracle
from wireproof.protocols.user_code import call_user_code, code_error


class FillingOracle(RequestReplyOracle):
    """Judges one connection, and tells what is to stand in its requests."""

    def __init__(self, session: RequestReplyHooks) -> None:
        """Judge by `session`, which is this connection's alone."""
        super().__init__(session)
        self._fill = session.filled_in
        self._end = 0  # of what is announced
        self._blanks: deque[tuple[int, bytes]] = deque()

    def announce(self, request: bytes) -> None:
        """Append a request, and look whether it has a blank."""
        super().announce(request)
        if call_user_code(self._fill, request) is not request:
            self._blanks.append((self._end, request))
        self._end += len(request)

    @property
    def carries(self) -> bool:
        """Whether requests repeat what replies gave."""
        return True

    @property
    def blank_at(self) -> int | None:
        """Where the first request begins that is not known yet."""
        return self._blanks[0][0] if self._blanks else None

    def given(self) -> Sequence[tuple[int, bytes]]:
        """Return the requests that became known since the last call, each with its place."""
        found = []
        while self._blanks:
            at, request = self._blanks[0]
            filled = call_user_code(self._fill, request)
            if filled is None:
                break
            if len(filled) != len(request):
                problem = f"returned {len(filled)} bytes for a request of {len(request)}"
                raise code_error(self._fill, problem, "fill in as many as are blank")
            found.append((at, filled))
            self._blanks.popleft()
        return found
