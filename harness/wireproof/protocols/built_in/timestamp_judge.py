"""A judge of timestamp-echo that sees everything at once, with the standard library alone.

It goes into the scripts that replay a failure, and the oracle is tested against it.
"""

import re
import time
from datetime import datetime

HEADER = re.compile(rb"\[([A-Z][a-z]{2}) ([A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d \d{4})\] ")


def judge(sent: bytes, received: bytes, since_s: float, buffer_bytes: int, skew_s: float) -> bool:
    """Say whether some division of `sent` into chunks yields `received`, with right timestamps.

    Right is a timestamp of the time from `since_s`, in seconds of the epoch, to now, give or take
    `skew_s`; a chunk has `buffer_bytes` at the most.
    """
    headers = [one for one in HEADER.finditer(received) if _is_right_time(one, since_s, skew_s)]
    starts = [match.start() for match in headers]
    if b"[" not in sent and any(
        _moment(headers[number]) < _moment(headers[number - 1]) for number in range(1, len(headers))
    ):
        return False
    starts.append(len(received))
    # For each header: how many payload bytes may precede it.
    reached: dict[int, set[int]] = {start: set() for start in starts}
    reached.setdefault(0, set()).add(0)
    for number, start in enumerate(starts[:-1]):
        for offset in reached[start]:
            for end in starts[number + 1 :]:
                chunk = received[start + 27 : end]
                if len(chunk) > buffer_bytes or sent[offset : offset + len(chunk)] != chunk:
                    break
                if chunk:
                    reached[end].add(offset + len(chunk))
    return len(sent) in reached[len(received)]


def _moment(header: re.Match[bytes]) -> datetime:
    return datetime.strptime(header[2].decode(), "%b %d %H:%M:%S %Y")  # noqa: DTZ007 - local


def _is_right_time(header: re.Match[bytes], since_s: float, skew_s: float) -> bool:
    try:
        moment = _moment(header)
    except ValueError:
        return False
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    near = since_s - skew_s < moment.timestamp() < time.time() + skew_s
    return weekday == header[1].decode() and near
