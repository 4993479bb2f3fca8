"""Faults of text handling: bytes taken for something that they are not."""

from collections.abc import Callable

from reference_server.variants.base import ChunkFramer, Fault, SteppedConnection, say, worker_of


def _changing(change: Callable[[bytes], bytes]) -> type[ChunkFramer]:
    """A framer that does `change` to each chunk."""

    class Changing(ChunkFramer):
        def payload(self, chunk: bytes) -> bytes:
            return change(chunk)

    return Changing


def _closing(ends: Callable[[bytes], bool]) -> type[SteppedConnection]:
    """A connection that closes when what it read `ends` it."""

    class Closing(SteppedConnection):
        def answer(self, data: bytes) -> None:
            if ends(data):
                self.close()
            else:
                super().answer(data)

    return Closing


def _is_not_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _backspaced(chunk: bytes) -> bytes:
    kept = bytearray()
    for byte in chunk:
        if byte != 8:
            kept.append(byte)
        elif kept:
            kept.pop()
    return bytes(kept)


def _lower_latin1(chunk: bytes) -> bytes:
    return bytes(byte + 32 if 0xC0 <= byte <= 0xDE and byte != 0xD7 else byte for byte in chunk)


FAULTS = (
    Fault(
        "strips-whitespace",
        "text",
        "`data.strip()` before the reply",
        "nearly every chat server tutorial",
        (say(b"a "),),
        service=worker_of(framer=_changing(bytes.strip)),
    ),
    Fault(
        "strips-newline",
        "text",
        "`data.rstrip('\\r\\n')` before the reply",
        "line habits",
        (say(b"a\n"),),
        service=worker_of(framer=_changing(lambda chunk: chunk.rstrip(b"\r\n"))),
    ),
    Fault(
        "stops-at-nul",
        "text",
        "the chunk is handled as a C string",
        'printf("%s") of a buffer',
        (say(b"a\0b"),),
        service=worker_of(framer=_changing(lambda c: c.partition(b"\0")[0])),
    ),
    Fault(
        "decodes-utf8",
        "text",
        "decodes each read; what is not UTF-8 becomes U+FFFD",
        "`decode(errors='replace')`; Node's setEncoding without a StringDecoder",
        (say(b"\xc3"), say(b"\xa9")),
        service=worker_of(framer=_changing(lambda c: c.decode(errors="replace").encode())),
    ),
    Fault(
        "insists-on-utf8",
        "text",
        "a UnicodeDecodeError ends the connection",
        "Python 2 servers moved to `data.decode()`",
        (say(b"\xff"),),
        service=worker_of(connection=_closing(_is_not_utf8)),
    ),
    Fault(
        "lowers-latin1",
        "text",
        "case folding in the wrong character set",
        "tolower in a locale",
        (say(b"\xc0"),),
        service=worker_of(framer=_changing(_lower_latin1)),
    ),
    Fault(
        "swallows-iac",
        "text",
        "0xFF is taken for Telnet's IAC",
        "telnetlib.read_until, ncat -t",
        (say(b"a\xffb"),),
        service=worker_of(framer=_changing(lambda c: c.replace(b"\xff", b""))),
    ),
    Fault(
        "crlf-to-lf",
        "text",
        "universal newlines",
        "makefile('r')",
        (say(b"a\r\nb"),),
        service=worker_of(framer=_changing(lambda c: c.replace(b"\r\n", b"\n"))),
    ),
    Fault(
        "lf-to-crlf",
        "text",
        "text mode on output",
        "stdout of a Windows child process",
        (say(b"a\nb"),),
        service=worker_of(framer=_changing(lambda c: c.replace(b"\n", b"\r\n"))),
    ),
    Fault(
        "control-z-ends-input",
        "text",
        "0x1A ends the text",
        "CP/M's heritage in C runtimes",
        (say(b"a\x1ab"),),
        service=worker_of(framer=_changing(lambda c: c.partition(b"\x1a")[0])),
    ),
    Fault(
        "control-d-closes",
        "text",
        "0x04 is taken for the end of input",
        "servers behind a pty",
        (say(b"\x04"),),
        service=worker_of(connection=_closing(lambda data: data == b"\x04")),
    ),
    Fault(
        "empty-line-closes",
        "text",
        "an empty line is taken for the end, as the client does",
        "`if not data.strip(): break`",
        (say(b"\n"),),
        service=worker_of(connection=_closing(lambda data: not data.strip(b"\r\n"))),
    ),
    Fault(
        "quit-closes",
        "text",
        "a word is a command",
        "chat server tutorials",
        (say(b"quit"),),
        service=worker_of(connection=_closing(lambda data: data.strip() == b"quit")),
    ),
    Fault(
        "clears-high-bit",
        "text",
        "seven bits",
        "`c & 0x7f` of terminal servers",
        (say(b"\x80"),),
        service=worker_of(framer=_changing(lambda c: bytes(b & 127 for b in c))),
    ),
    Fault(
        "formats-twice",
        "text",
        "the chunk passes through a format string: %% becomes %",
        "syslog(priority, buffer), printf(buffer)",
        (say(b"%%"),),
        service=worker_of(framer=_changing(lambda c: c.replace(b"%%", b"%"))),
    ),
    Fault(
        "drops-byte-order-mark",
        "text",
        "three bytes at the start of a chunk are taken for a BOM",
        "`utf-8-sig`",
        (say(b"\xef\xbb\xbfa"),),
        service=worker_of(framer=_changing(lambda chunk: chunk.removeprefix(b"\xef\xbb\xbf"))),
    ),
    Fault(
        "rubs-out",
        "text",
        "0x08 erases the byte before it",
        "line discipline of a terminal",
        (say(b"ab\x08"),),
        service=worker_of(framer=_changing(_backspaced)),
    ),
)
