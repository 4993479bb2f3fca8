"""DNS messages read octet by octet, for differential tests (RFC 1035, section 4.1)."""

import struct

ADDRESS = b"\xc0\x00\x02\x01"
A, CNAME = 1, 5
QR, TC = 0x8000, 0x0200


def query(number: int, label: bytes) -> bytes:
    """Return a query for the address of `label`.example.com."""
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + _question(label)


def answers(asked: bytes, reply: bytes, address: bytes) -> bool:
    """Say whether `reply` answers: with `address`, directly or by aliases, where there is one."""
    try:
        number, flags, name, kind, records = _read(reply)
    except (ValueError, IndexError, struct.error):
        return False
    sent_number, sent_flags, sent_name, sent_kind, _ = _read(asked)
    if (number, name, kind) != (sent_number, sent_name, sent_kind) or not flags & QR:
        return False
    if (flags ^ sent_flags) & 0x7800:  # the opcode is the query's
        return False
    if not address or flags & TC:
        return True
    if flags & 0x000F:  # an error
        return False
    for _ in records:  # each alias takes one record
        alias = [data for owner, kind, data in records if (owner, kind) == (name, (CNAME, 1))]
        if not alias:
            break
        name = alias[0]
    return (name, (A, 1), address) in records


def examples(asked: bytes, address: bytes) -> list[bytes]:
    """Return right responses; without an address they hold no records."""
    number, _, name, _, _ = _read(asked)
    label = name.split(b".")[0]
    truncated = _message(number, QR | TC | 0x0180, label)
    if not address:
        return [_message(number, flags, label) for flags in (0x8180, 0x8400, 0x8583)] + [truncated]
    record = struct.pack(">HHIH", A, 1, 60, 4) + address
    alias = struct.pack(">HHIH", CNAME, 1, 60, 6) + b"\x03www\xc0" + bytes([13 + len(label)])
    behind = b"\xc0" + bytes([12 + len(_question(label)) + 12])  # where `www` stands
    other = struct.pack(">HHIH", A, 1, 60, 4) + b"\xc0\x00\x02\x09"
    return [
        truncated,
        _message(number, 0x8180, label, b"\xc0\x0c" + record),
        _message(number, 0x8180, label.upper(), b"\xc0\x0c" + other, b"\xc0\x0c" + record),
        _message(number, 0x8180, label, b"\xc0\x0c" + alias, behind + record),
    ]


def wrong_examples(asked: bytes, address: bytes) -> list[bytes]:
    """Return responses that are wrong, or answer another query."""
    number, _, name, _, _ = _read(asked)
    label = name.split(b".")[0]
    record = struct.pack(">HHIH", A, 1, 60, 4) + (address or ADDRESS)
    wrong = [
        asked,
        _message(number, 0xA180, label, b"\xc0\x0c" + record),  # another opcode
        _message(number, 0x8180, b"x" + label, b"\xc0\x0c" + record),
        _message(number ^ 0x100, 0x8180, label, b"\xc0\x0c" + record),
        _message(number, 0x8180, label, b"\xc0\x0c" + record)[:-1],
        _message(number, 0x8180, label, b"\xc0\x0c" + record) + b"\x00",
    ]
    if address:
        text = struct.pack(">HHIH", 16, 1, 60, 10) + b"\x09192.0.2.1"
        other = struct.pack(">HHIH", A, 1, 60, 4) + b"\xc0\x00\x02\x09"
        wrong += [
            _message(number, 0x8180, label),
            _message(number, 0x8182, label, b"\xc0\x0c" + record),
            _message(number, 0x8183, label, b"\xc0\x0c" + record),
            _message(number, 0x8180, label, b"\x01z\xc0\x0c" + record),  # of another name
            _message(number, 0x8180, label, b"\xc0\x0c" + other),
            _message(number, 0x8180, label, b"\xc0\x0c" + text),
        ]
    return wrong


def _question(label: bytes) -> bytes:
    return bytes([len(label)]) + label + b"\x07example\x03com\x00\x00\x01\x00\x01"


def _message(number: int, flags: int, label: bytes, *records: bytes) -> bytes:
    head = struct.pack(">6H", number, flags, 1, len(records), 0, 0)
    return head + _question(label) + b"".join(records)


Record = tuple[bytes, tuple[int, int], bytes]
"""Owner, type and class, data; the data of an alias is the name in full."""


def _read(message: bytes) -> tuple[int, int, bytes, tuple[int, int], list[Record]]:
    """Return id, flags, name, type and class of the question, and the answers.

    Raises:
        ValueError: this is no message with one question.
        IndexError: it is cut short.
        struct.error: the same.

    """
    number, flags, questions, *counts = struct.unpack_from(">6H", message)
    if questions != 1:
        raise ValueError("not one question")
    asked, at = _name(message, 12)
    kind, group = struct.unpack_from(">HH", message, at)
    at += 4
    records: list[Record] = []
    for _ in range(sum(counts)):
        owner, at = _name(message, at)
        rr_type, rr_class, _, size = struct.unpack_from(">HHIH", message, at)
        at += 10
        data = message[at : at + size]
        if len(data) != size or (rr_type == A and rr_class == 1 and size != 4):
            raise ValueError("data of another size")
        if rr_type == CNAME:
            data, end = _name(message, at)
            if end != at + size:
                raise ValueError("an alias of another size")
        at += size
        records.append((owner, (rr_type, rr_class), data))
    if at != len(message):
        raise ValueError("bytes behind the message")
    return number, flags, asked, (kind, group), records[: counts[0]]


def _name(message: bytes, at: int) -> tuple[bytes, int]:
    """Return a name in lower case, and where it ends; a pointer only ever points back."""
    labels, end, limit = b"", 0, at
    while size := message[at]:
        if size >= 0xC0:
            end = end or at + 2
            at = (size & 0x3F) << 8 | message[at + 1]
            if at >= limit:
                raise ValueError("a pointer that does not point back")
            limit = at
        elif size < 0x40 and at + size < len(message):
            labels += message[at + 1 : at + 1 + size].lower() + b"."
            at += 1 + size
        else:
            raise ValueError("a label that is none")
    return labels, end or at + 1
