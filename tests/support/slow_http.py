"""HTTP responses read by pattern, for differential tests (RFC 9112)."""

import re


def read_response(reply: bytes) -> tuple[int, bytes, str] | None:
    """Status, body, and whether the connection stays `open`; None for what is no whole response.

    Read by RFC 9112; a bare LF ends a line of the head, as section 2.2 lets a recipient take it.
    """
    head = re.match(
        rb"HTTP/1\.([0-9]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?\r?\n"
        rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r?\n)*)\r?\n",
        reply,
    )
    if head is None:
        return None
    minor, status, body = int(head[1]), int(head[2]), reply[head.end() :]
    lines = [line.partition(b":") for line in head[3].splitlines()]
    fields: dict[bytes, list[bytes]] = {}
    for name, _, value in lines:
        items = [item.strip(b" \t").lower() for item in value.split(b",")]
        fields.setdefault(name.lower(), []).extend(items)
    if status < 200:
        return None if status == 101 else read_response(body)
    options = fields.get(b"connection", [])
    closes = b"close" in options or (minor == 0 and b"keep-alive" not in options)
    end = "close" if closes else "open"
    sizes, codings = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    length_is_faulty = bool(sizes) and not (len(set(sizes)) == 1 and sizes[0].isdigit())
    if status in {204, 304}:
        return None if body or length_is_faulty else (status, b"", end)
    if codings:
        content = _chunks(body)
        faulty = content is None or sizes or codings != [b"chunked"] or minor == 0
        return None if faulty or content is None else (status, content, end)
    if sizes:
        return (status, body, end) if not length_is_faulty and int(sizes[0]) == len(body) else None
    return status, body, "end of stream"


def _chunks(body: bytes) -> bytes | None:
    """The content of a chunked body; None for what is none, or not a whole one.

    A bare CR in an extension may stand for a space (section 2.2).
    """
    content = b""
    while chunk := re.match(rb"([0-9A-Fa-f]+)(?:;[^\n]*)?\r\n", body):
        size, body = int(chunk[1], 16), body[chunk.end() :]
        if size == 0:
            trailer = rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r?\n)*\r?\n"
            return content if re.fullmatch(trailer, body) else None
        content, body, end = content + body[:size], body[size + 2 :], body[size : size + 2]
        if end != b"\r\n":
            return None
    return None
