"""Numbers as people read them: two or three significant digits, the unit beside them.

Microseconds are whole from 10 on: histograms resolve no less than one.
"""


def duration(value_us: float, *, micro: str = "µs") -> str:
    """Return microseconds as `12 µs`, `1.23 ms` or `4.5 s`."""
    if value_us < 999.5:
        return f"{_two_digits(value_us)} {micro}"
    if value_us < 999_500:
        return f"{_three_digits(value_us / 1e3)} ms"
    return f"{_three_digits(value_us / 1e6)} s"


def seconds(value_s: float) -> str:
    """Return seconds as `0.4 s`, `12 s` or `3 min 20 s`."""
    if value_s < 10:
        return f"{value_s:.1f} s"
    if value_s < 120:
        return f"{value_s:.0f} s"
    minutes, rest = divmod(round(value_s), 60)
    return f"{minutes} min {rest:02d} s"


def rate(value_per_s: float) -> str:
    """Return a rate as `12.3`, `1,234` or `123,456`."""
    return _three_digits(value_per_s) if value_per_s < 100 else f"{value_per_s:,.0f}"


def short(value: float) -> str:
    """Return a number in at most four characters: `1.2`, `87`, `1.2k`, `270k`, `1.2M`."""
    for bound, divisor, unit in ((999.5, 1.0, ""), (999_500, 1e3, "k"), (999_500_000, 1e6, "M")):
        if value < bound:
            return f"{_two_digits(value / divisor)}{unit}"
    return f"{_two_digits(value / 1e9)}G"


def percent(part: float) -> str:
    """Return a signed share as `+3.2 %`."""
    return f"{part * 100:+.1f} %"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _two_digits(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
