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
        ({"mix": {"get": -1.0, "set": 1.0}}, "--mix get=80"),
        ({"mix": {"get": float("nan")}}, "--mix get=80"),
        ({"mix": {"get": 1.0}, "payload": "any"}, "leave out --mix"),
        ({"requests_file": "a", "payload": "64"}, "leave out --requests"),
        ({"feed_file": "a"}, "write --requests"),
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
