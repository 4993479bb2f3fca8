from hypothesis import strategies as st

from tests.support import played
from wireproof.conformance.plans.plan import Send
from wireproof.conformance.properties.streams.framing import exact
from wireproof.conformance.properties.streams.segmentation import buffer_multiples
from wireproof.conformance.properties.streams.sizes import length_fields
from wireproof.protocols.framed import LengthPrefixed


class _Blobs(LengthPrefixed):
    """Has requests of up to 3,000 bytes, and no hook that makes one of a size."""

    length_bytes = 2

    def requests(self) -> st.SearchStrategy[bytes]:
        """Return frames."""
        return st.binary(max_size=3000).map(self.frame)

    def expected(self, request: bytes) -> bytes:
        """Return the same."""
        return request


def test_drawn_requests_stand_in_for_sized_ones() -> None:
    """Length fields, buffers and sizes are tried without sized_request()."""
    subject = played.subject(_Blobs())
    heads = {len(plan.requests[0][0]) for plan in length_fields.plans(subject) if plan.cuts}
    assert min(heads) >= 100
    assert max(heads) >= 1000
    cut_once = [plan.actions[1] for plan in buffer_multiples.plans(subject) if plan.cuts == 1]
    cuts = {action.until for action in cut_once if isinstance(action, Send)}
    assert {127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025} <= cuts
    assert max(len(plan.requests[0][0]) for plan in exact.plans(subject)) == 3002
