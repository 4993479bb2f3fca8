"""What the store speaks.

    frame   = kind (1 byte), id (2 bytes), length of the payload (7 bits a byte), payload
    LOGIN   name of 8 bytes            -> OK       a second log-in of that name ends the first
    SET     key of 8 bytes, value      -> OK
    GET     key of 8 bytes             -> VALUE and the value, or NONE
    DELETE  key of 8 bytes             -> OK
    ECHO    payload                    -> VALUE and the payload

Each reply has its request's id. What is none of these is answered with ERROR, and the connection
ends. Frames of 256 KiB and more are refused. The end of the stream inside a request is too.
"""

from hypothesis import strategies as st

from wireproof.protocols.exchange import SecondLogin
from wireproof.protocols.framed import VarintLengthPrefixed

LOGIN, SET, GET, DELETE, ECHO = b"LSGDE"
OK, VALUE, NONE, ERROR = b"kvnx"
MOST_BYTES = 2 * 1024 * 1024
_KEY = b"%08d"
_KEYS = 3
_SERIALS = 10_000_000


class Store(VarintLengthPrefixed):
    """A store with a log-in."""

    name = "store"
    header_bytes = 3
    opening_ahead = True
    max_request_bytes = MOST_BYTES
    connections = 24

    def __init__(self) -> None:
        """Start with nothing stored."""
        self._stored: dict[bytes, bytes] = {}

    def opening(self) -> list[bytes]:
        """Log in under the connection's own name."""
        return [self._request(LOGIN, _key(0))]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into name and key."""
        kind = request[0]
        if kind == ECHO:
            return request
        at = len(request) - len(self.payload(request))
        key = int(request[at : at + 8])
        return request[:at] + _KEY % (serial * _KEYS % _SERIALS + key) + request[at + 8 :]

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the id."""
        return request[:1] + (number % 65536).to_bytes(2) + request[3:]

    def requests(self) -> st.SearchStrategy[bytes]:
        """Any of the kinds."""
        return st.one_of(*self.kinds().values())

    def kinds(self) -> dict[str, st.SearchStrategy[bytes]]:
        """Each request."""
        keys = st.integers(0, _KEYS - 1).map(_key)
        values = st.binary(max_size=300)
        return {
            "set": st.builds(lambda key, value: self._request(SET, key + value), keys, values),
            "get": keys.map(lambda key: self._request(GET, key)),
            "delete": keys.map(lambda key: self._request(DELETE, key)),
            "echo": values.map(lambda value: self._request(ECHO, value)),
        }

    def example(self) -> bytes:
        """An echo."""
        return self._request(ECHO, b"hello")

    def malformed(self) -> st.SearchStrategy[bytes]:
        """Kinds that there are not, and lengths beyond the most."""
        return st.sampled_from(
            [b"?\0\0\0", b"Z\0\0\1a", b"E\0\0\xff\xff\xff\xff\xff\1", b"S\0\0\1a"]
        )

    def sized_request(self, size_bytes: int) -> bytes | None:
        """An echo."""
        for header in range(4, 9):
            request = self._request(ECHO, b"e" * max(0, size_bytes - header))
            if len(request) == size_bytes:
                return request
        return None

    def payload_request(self, payload: bytes) -> bytes:
        """An echo."""
        return self._request(ECHO, payload)

    def sized_conversation(self, size_bytes: int) -> list[bytes]:
        """A SET and a GET."""
        value = bytes(at % 251 for at in range(size_bytes))
        return [self._request(SET, _key(0) + value), self._request(GET, _key(0))]

    def same_identity(self) -> SecondLogin:
        """The new connection takes over."""
        return SecondLogin.TAKES_OVER

    def expected(self, request: bytes) -> bytes:
        """What the model says."""
        kind, payload = request[0], self.payload(request)
        key, value = payload[:8], payload[8:]
        answer, content = OK, b""
        if kind == SET:
            self._stored[key] = value
        elif kind == DELETE:
            self._stored.pop(key, None)
        elif kind == ECHO:
            answer, content = VALUE, payload
        elif kind == GET:
            stored = self._stored.get(key)
            answer, content = (NONE, b"") if stored is None else (VALUE, stored)
        return self.frame(content, bytes([answer]) + request[1:3])

    def refused(self, reply: bytes) -> bool:
        """An error."""
        return reply[:1] == bytes([ERROR])

    def _request(self, kind: int, payload: bytes) -> bytes:
        return self.frame(payload, bytes([kind]))


def _key(number: int) -> bytes:
    return _KEY % number
