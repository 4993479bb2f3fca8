"""gpsd: commands end with a semicolon, replies are lines of JSON."""

import json
import re

from hypothesis import strategies as st

from wireproof import Delimited, MalformedReplyError
from wireproof.protocols.replies import Judge


class Gpsd(Delimited):
    """Asks for the version and the devices, and sets the watch policy."""

    name = "gpsd"
    source = "gpsd_json(5)"

    def greeting(self):
        """Return the version, which the server says first."""
        return said("VERSION")

    def requests(self):
        """Return one command."""
        watches = st.builds(
            lambda name: b'?WATCH={"enable":false,"%b":true};' % name,
            st.sampled_from([b"json", b"nmea", b"split24", b"pps"]),
        )
        return st.one_of(st.sampled_from([b"?VERSION;", b"?DEVICES;"]), watches)

    def expected(self, request):
        """Return an object of the class that was asked for."""
        asked = re.match(rb"\?([A-Z]+)", request)[1].decode()
        return [said("DEVICES"), not_watching] if asked == "WATCH" else said(asked)


def said(name):
    """Return a judge of one line."""
    return Judge(lambda line: read(line).get("class") == name, f"an object of class {name}")


def not_watching(line):
    """Say whether a WATCH object says that it is off, as was asked."""
    return read(line).get("enable") is False


def read(line):
    """Return the object in a line."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise MalformedReplyError(f"no JSON: {error}") from None
