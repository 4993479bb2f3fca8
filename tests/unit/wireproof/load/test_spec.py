"""What a load spec refuses, and in which words."""

import pytest

from wireproof.errors import UsageError
from wireproof.load.spec import (
    LoadSpec,
    PayloadSizes,
    decode_spec,
    encode_spec,
    parse_mix,
    parse_payload,
    parse_rate,
    parse_think,
)


def test_plan_survives_the_way_to_another_process():
    """A spec encoded and decoded is the same spec."""
    spec = LoadSpec(target="tcp://127.0.0.1:1", users=[1, 2], settings={"buffer": "9"})
    assert decode_spec(encode_spec(spec)) == spec


@pytest.mark.parametrize(
    ("text", "sizes"),
    [("", None), ("any", None), ("64", (64, 64)), ("1-4096", (1, 4096))],
)
def test_payload(text: str, sizes: tuple[int, int] | None):
    """A size, a range, or what the protocol draws."""
    expected = sizes and PayloadSizes(least_bytes=sizes[0], most_bytes=sizes[1])
    assert parse_payload(text) == expected


def test_rate():
    """A number, or from one to another in a time."""
    assert parse_rate("1000") == (1000.0, None, 0.0)
    assert parse_rate("1000..20000/1m") == (1000.0, 20000.0, 60.0)


@pytest.mark.parametrize("text", ["", "x", "1..2", "1../3s", "1..2/0s", "1..2/x", "1-2"])
def test_rate_refuses(text: str):
    """What is no rate is refused, with what to write."""
    with pytest.raises(UsageError, match="write"):
        parse_rate(text)


def test_think():
    """A time, or one on average; none is none."""
    assert parse_think("10ms") == (0.01, False)
    assert parse_think("exp:1s") == (1.0, True)
    assert parse_think("") is parse_think("0s") is None
    for text in ("gauss:1s", "10 apples", ":1s"):
        with pytest.raises(UsageError, match=r"10ms|500ms"):
            parse_think(text)


def test_what_a_stage_is_asked_for():
    """Its own rate, or the mean of a ramp over what is measured of it."""
    ramp = LoadSpec(target="", rate_per_s=100, rate_to_per_s=300, rate_ramp_s=10, seconds=10)
    assert ramp.asked_per_s(0) == pytest.approx(200)
    longer = LoadSpec(target="", rate_per_s=100, rate_to_per_s=300, rate_ramp_s=10, seconds=20)
    assert longer.asked_per_s(0) == pytest.approx(250)
    stages = LoadSpec(target="", rate_per_s=10, rate_stages=[10, 30], users=[5, 5])
    assert [stages.asked_per_s(stage) for stage in range(2)] == [10, 30]
    assert LoadSpec(target="").asked_per_s(0) is None


def test_mix():
    """Kinds with their weights, and spaces where one likes them."""
    assert parse_mix("get=80, set = 2.5") == {"get": 80.0, "set": 2.5}


@pytest.mark.parametrize("text", ["get", "get=", "=5", "get=a", "get=1,,set=2"])
def test_mix_refuses(text: str):
    """What is no kind with a weight is refused with an example."""
    with pytest.raises(UsageError, match="get=80,set=20"):
        parse_mix(text)


@pytest.mark.parametrize("text", ["0", "5-1", "x", "-1", "1-", "99999999999"])
def test_payload_refuses(text: str):
    """What is no size is refused with examples of what is."""
    with pytest.raises(UsageError, match="--payload 64"):
        parse_payload(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"users": []}, "--users 50"),
        ({"mix": {"get": 0.0}}, "--mix get=80"),
        ({"rate_per_s": 1.0, "rate_to_per_s": 0.0}, "--rate"),
        ({"rate_per_s": 1.0, "rate_to_per_s": 1e9, "rate_ramp_s": 1.0}, "10000000 or less"),
        ({"rate_per_s": 1.0, "rate_to_per_s": 2.0, "users": [1, 2]}, "leave --stages out"),
        ({"rate_per_s": 1.0, "rate_stages": [1.0, 2.0], "users": [1]}, "leave --stages out"),
        ({"rate_per_s": 1.0, "rate_stages": [-1.0], "users": [1]}, "--rate-stages"),
        ({"rate_per_s": 1.0, "think": "10ms"}, "leave one of them out"),
        ({"mix": {"get": -1.0, "set": 1.0}}, "--mix get=80"),
        ({"mix": {"get": float("nan")}}, "--mix get=80"),
        ({"mix": {"get": 1.0}, "payload": "any"}, "leave out --mix"),
        ({"requests_file": "a", "payload": "64"}, "leave out --requests"),
        ({"feed_file": "a", "payload": "64"}, "leave out --payload"),
        ({"requests_as": "u16"}, "write --requests"),
        ({"users": [0]}, "--users 50"),
        ({"seconds": 0.0}, "--for"),
        ({"rate_per_s": -1.0}, "--rate"),
        ({"rate_per_s": float("inf")}, "--rate"),
        ({"warm_up_s": -1.0}, "--warm-up"),
        ({"users": [1], "processes": 2}, "--processes"),
    ],
)
def test_nonsense_is_refused(change: dict[str, object], words: str):
    """Each refusal names the option."""
    with pytest.raises(UsageError, match=words):
        LoadSpec(target="tcp://127.0.0.1:1", **change).check()


def test_decode_refuses_what_is_no_plan():
    """Text from elsewhere is data: it is checked, not trusted."""
    with pytest.raises(UsageError, match="not a load spec"):
        decode_spec('{"target": 5}')
