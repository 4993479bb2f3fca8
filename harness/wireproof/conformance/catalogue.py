"""The catalogue: every requirement there is, in the order in which they are tried."""

from collections.abc import Iterator

from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.properties import datagrams, state_machine, timestamps
from wireproof.conformance.properties.connections import (
    closing,
    identity,
    isolation,
    remains,
    run_out,
    stalled,
)
from wireproof.conformance.properties.middlebox import MIDDLEBOX
from wireproof.conformance.properties.streams import (
    counting,
    kinds,
    opening,
    refusal,
    runs,
    segmentation,
    sizes,
)
from wireproof.conformance.properties.streams import framing as streams
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.base import Protocol, Rule

GENERIC: tuple[Requirement, ...] = (
    streams.answer,
    closing.half_close,
    closing.silent,
    closing.concurrent,
    isolation.idle_blocks_nobody,
    segmentation.single_cuts,
    segmentation.octets,
    segmentation.pairs,
    segmentation.sets,
    segmentation.buffer_multiples,
    segmentation.held,
    segmentation.later,
    opening.cut_opening,
    sizes.length_fields,
    kinds.every_kind,
    runs.inside_a_run,
    streams.coalesced,
    streams.two_and_a_half,
    runs.beyond_queues,
    opening.joined_opening,
    opening.cut_handshake,
    opening.stuffed_upgrade,
    streams.exact,
    streams.early,
    streams.every_octet,
    streams.powers_of_two,
    sizes.buffers,
    sizes.values,
    counting.borders,
    counting.long_lived,
    isolation.replies_apart,
    isolation.parts_apart,
    identity.same_name,
    isolation.idle_resumes,
    isolation.slow_reader,
    isolation.stalled_reader,
    isolation.slow_reader_alone,
    closing.burst,
    kinds.beside_answered,
    timestamps.chunk_size,
    timestamps.weekday,
    timestamps.skew,
    timestamps.monotone,
    closing.end_inside_request,
    opening.reset_opening,
    closing.reset_inside_request,
    closing.reset_inside_reply,
    closing.reset_before_accept,
    stalled.many,
    stalled.memory,
    state_machine.machine,
    refusal.survives_malformed,
    refusal.refuses_malformed,
    closing.released,
    remains.descriptors,
    remains.threads,
    remains.idle,
    remains.memory,
    run_out.serves_again,
    run_out.waits,
    datagrams.one_reply,
    datagrams.to_the_sender,
    datagrams.small_sizes,
    datagrams.large_sizes,
    datagrams.empty,
    datagrams.no_answer,
)
"""`BASE-ANSWER` comes first: without it nothing else can be judged. `CLOSE-HALF` comes second: it
tells how every later conversation may end. What can end a fragile server comes last."""


def catalogue_for(protocol: Protocol | None = None) -> tuple[Requirement, ...]:
    """Return the generic requirements and those of the protocol."""
    own = () if protocol is None else tuple(_from_rule(rule) for rule in protocol.rules())
    return GENERIC + own


def tried_for(
    protocol: Protocol | None, *, between: bool, prelude: bool = False
) -> tuple[Requirement, ...]:
    """Return what a target is judged by: as a server, or as what stands between; its prelude."""
    tried = MIDDLEBOX if between else catalogue_for(protocol)
    return (*tried, opening.cut_prelude) if prelude else tried


def _from_rule(rule: Rule) -> Requirement:
    def plans(subject: Subject) -> Iterator[Plan]:
        for requests in rule.conversations:
            yield subject.single(requests)
            yield subject.single(requests, range(1, sum(map(len, requests))))

    return Requirement(rule.id, rule.level, rule.title, rule.source, rule.reason, plans)
