"""The management port of statsd: a command a line."""

from hypothesis import strategies as st

from wireproof import Delimited


class StatsdManagement(Delimited):
    """Asks for the health, and for what there is not."""

    name = "statsd-management"
    source = "statsd, docs/admin_interface.md"

    def requests(self):
        """Return one command."""
        return st.sampled_from([b"health\n", b"wireproof\n"])

    def expected(self, request):
        """Return the health, or ERROR."""
        return b"health: up\n" if request == b"health\n" else b"ERROR\n"
