"""The passive checks of a Zabbix agent: one request a connection, header and data."""

import re

from hypothesis import strategies as st

from wireproof import HeaderWithLength

HEADER = b"ZBXD\x01"


class ZabbixAgent(HeaderWithLength):
    """Asks for items by key."""

    name = "zabbix-agent"
    source = "Zabbix manual, appendix: passive and active agent checks; header"
    header_bytes, length_at, length_bytes, little_endian = 13, 5, 8, True
    one_request = True

    def requests(self):
        """Return a request for one item."""
        return st.sampled_from([b"agent.ping", b"agent.version", b"agent.variant"]).map(frame)

    def expected(self, request):
        """Return the item's value."""
        if request.endswith(b"ping"):
            return frame(b"1")
        return re.compile(re.escape(HEADER) + rb".{8}[0-9.]+", re.DOTALL)


def frame(data):
    """Return data behind its header."""
    return HEADER + len(data).to_bytes(8, "little") + data
