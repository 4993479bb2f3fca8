"""A few commands of Redis, for servers that know no more."""

from hypothesis import strategies as st

from wireproof.protocols.built_in.redis import Redis, command


class RedisFew(Redis):
    """SET, and GET of a key that nobody sets."""

    name = "redis-few"
    source = "RESP2 specification"

    def opening(self):
        """Return nothing: no key is read that is written."""
        return []

    def requests(self):
        """Return a GET or a SET."""
        values = st.text("abc", min_size=1, max_size=40).map(str.encode)
        sets = values.map(lambda value: command(b"SET", b"wireproof", value))
        return st.one_of(st.just(command(b"GET", b"missing")), sets)

    def sized_request(self, size_bytes):
        """Return None: there is no ECHO."""

    def rules(self):
        """Return none: they read what they write."""
        return ()
