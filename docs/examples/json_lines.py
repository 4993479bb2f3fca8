"""A server of JSON lines; use it as `--protocol docs/examples/json_lines.py:JsonLines`.

{"id": 7, "add": [1, 2]}  is answered with  {"id": 7, "sum": 3}
anything else             is answered with  {"error": "what is wrong"}
"""

import json

from hypothesis import strategies as st

from wireproof import Delimited, Judge, MalformedReplyError


class JsonLines(Delimited):
    """Adds numbers; each line is a JSON object."""

    name = "json-lines"
    source = "this file"

    def requests(self):
        """Return a request for a sum."""
        numbers = st.lists(st.integers(-(2**53), 2**53), max_size=50)
        return st.builds(self._add, st.integers(0, 2**32), numbers)

    def example(self):
        """Return a plain sum."""
        return self._add(1, [1, 2])

    def malformed(self):
        """Return lines that are no such object."""
        return st.sampled_from([b"{\n", b"[]\n", b'{"add": "1"}\n', b"\xff\n"])

    def expected(self, request):
        """Return a judge: neither the order of keys nor spaces matter."""
        asked = json.loads(request)
        right = {"id": asked["id"], "sum": sum(asked["add"])}
        return Judge(lambda reply: read(reply) == right, json.dumps(right))

    def refused(self, reply):
        """Say whether the server refuses."""
        return "error" in read(reply)

    def in_words(self, reply):
        """Return what the server says is wrong."""
        return str(read(reply).get("error", ""))

    def _add(self, number, numbers):
        return self.frame(json.dumps({"id": number, "add": numbers}).encode())


def read(reply):
    """Return the object of a line."""
    try:
        found = json.loads(reply)
    except ValueError as error:
        raise MalformedReplyError(f"no JSON: {error}") from None
    if not isinstance(found, dict):
        raise MalformedReplyError("JSON, but no object")
    return found
