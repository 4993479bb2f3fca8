import pytest

from wireproof.reporting.figures import duration, percent, rate, seconds, short


@pytest.mark.parametrize(
    ("value_us", "shown"),
    [
        (0, "0 µs"),
        (3.5, "3.5 µs"),
        (9.96, "10 µs"),
        (79.4, "79 µs"),
        (999.4, "999 µs"),
        (999.6, "1.00 ms"),
        (2_500, "2.50 ms"),
        (99_960, "100 ms"),
        (999_600, "1.00 s"),
        (60_000_000, "60.0 s"),
    ],
)
def test_durations_choose_their_unit(value_us: float, shown: str) -> None:
    """A duration has three digits at most and never reads `1000`."""
    assert duration(value_us) == shown


def test_the_micro_sign_can_be_ascii() -> None:
    """A terminal without µ gets `us`."""
    assert duration(5, micro="us") == "5 us"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1.24, "1.2"),
        (87.4, "87"),
        (999.4, "999"),
        (999.6, "1k"),
        (1_240, "1.2k"),
        (270_400, "270k"),
        (999_600, "1M"),
        (1.5e9, "1.5G"),
    ],
)
def test_short_numbers_take_four_characters(value: float, shown: str) -> None:
    """A number for a narrow cell takes four characters at most."""
    assert short(value) == shown
    assert len(shown) <= 4


def test_seconds_rates_and_shares() -> None:
    """The other figures read as people say them."""
    assert [seconds(value) for value in (0.42, 12.4, 200)] == ["0.4 s", "12 s", "3 min 20 s"]
    assert [rate(value) for value in (1.234, 45.67, 123456.7)] == ["1.23", "45.7", "123,457"]
    assert [percent(0.0312), percent(-0.5)] == ["+3.1 %", "-50.0 %"]
