"""Hamlib's rigctld: a command a line; the radio is shared by all."""

import re

from hypothesis import strategies as st

from wireproof import Delimited


class Rigctl(Delimited):
    """Sets and reads the frequency of a dummy radio."""

    name = "rigctl"
    source = "rigctld(1)"

    def requests(self):
        """Return one command."""
        frequencies = st.integers(1_000_000, 30_000_000)
        return st.one_of(st.just(b"f\n"), frequencies.map(lambda hertz: b"F %d\n" % hertz))

    def answerable_at(self, message):
        """Return 1 for `f`: the server takes a command without arguments from its letter."""
        return 1 if message == b"f\n" else len(message)

    def expected(self, request):
        """Return a report, or any frequency: others may have set it."""
        return re.compile(rb"[0-9]+\n") if request == b"f\n" else b"RPRT 0\n"
