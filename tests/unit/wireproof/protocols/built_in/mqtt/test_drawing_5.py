"""What MQTT 5 has on top is drawn: properties, and what a subscription asks for."""

from hypothesis import find
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wireproof.protocols.built_in.mqtt import drawing_5
from wireproof.protocols.built_in.mqtt.drawing import Drawing
from wireproof.protocols.built_in.mqtt.packets import Kind, kind_of, read_message, split

DRAWING = Drawing(is_5=True)


def test_no_more_is_drawn_than_the_server_takes():
    """What needs QoS 1, or retaining, is left out without."""
    everything = {"properties", "no-local", "retain-handling", "retain-as-published"}
    assert set(drawing_5.kinds(DRAWING, retain=True)) == everything
    assert set(drawing_5.kinds(DRAWING, retain=False)) == {"properties", "no-local"}
    at_most_0 = Drawing(is_5=True, most_qos=0)
    assert (
        drawing_5.kinds(at_most_0, retain=True)
        == {}
        == dict(drawing_5.kinds(at_most_0, retain=False))
    )
    assert drawing_5.rules(at_most_0, retain=True) == []
    ids = [rule.id for rule in drawing_5.rules(DRAWING, retain=True)]
    assert ids == ["MQTT-005", "MQTT-006", "MQTT-007"]
    assert [rule.id for rule in drawing_5.rules(DRAWING, retain=False)] == ids[:2]


def test_paho_reads_what_is_said_of_a_message():
    """Of all kinds of properties that a client may give a message, some are drawn."""

    def says(request: bytes) -> bool:
        _, message, *_ = split(request)
        said = read_message(message, has_properties=True).properties or b""
        if len(said) > 127:  # whose length has two bytes
            return False
        read, _ = Properties(PacketTypes.PUBLISH).unpack(bytes((len(said),)) + said)
        names = ("ContentType", "ResponseTopic", "CorrelationData", "PayloadFormatIndicator")
        return (
            all(hasattr(read, name) for name in names)
            and len(getattr(read, "UserProperty", [])) > 1
        )

    find(
        drawing_5.kinds(DRAWING, retain=True)["properties"].filter(lambda each: len(each) < 200),
        says,
    )


def test_options_of_subscriptions_are_drawn():
    """No local messages; each way to handle what is retained; as it was published."""
    kinds = drawing_5.kinds(DRAWING, retain=True)
    for kind, options in [
        ("no-local", {5}),
        ("retain-handling", {0x00, 0x10, 0x20}),
        ("retain-as-published", {9}),
    ]:
        for wanted in options:
            find(kinds[kind], lambda request, wanted=wanted: wanted in asked(request))


def asked(request: bytes) -> set[int]:
    """Return the options of the subscriptions in a request."""
    return {each[-1] for each in split(request) if kind_of(each) == Kind.SUBSCRIBE}


def test_what_is_malformed_in_version_5():
    """Properties that are unknown, double, too long, or not a message's; options that are none."""
    wrong = drawing_5.malformed(DRAWING)
    assert len(set(wrong)) == 8
    assert {each[-1] for each in wrong if kind_of(each) == Kind.SUBSCRIBE} == {0, 0x30, 0xC0}
