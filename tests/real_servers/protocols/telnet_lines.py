"""The example server of telnetserver: each line comes back behind `re:`."""

from string import ascii_lowercase

from hypothesis import strategies as st

from wireproof import Delimited


class TelnetLines(Delimited):
    """A line in, `re:` and the line out."""

    name = "telnet-lines"
    source = "telnetserver, README"
    delimiter = b"\n\r"
    connections = 10

    def requests(self):
        """Return one line."""
        words = st.text(ascii_lowercase, min_size=1, max_size=60)
        return words.map(lambda word: word.encode() + b"\r\n")

    def expected(self, request):
        """Return the line behind `re:`."""
        return b"re:" + request.rstrip() + b"\n\r"
