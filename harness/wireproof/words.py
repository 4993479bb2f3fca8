"""Words that depend on a number."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 byte` or `2,048 bytes`; `plural` where an s will not do."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
