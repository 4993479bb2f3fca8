"""Octets in the company in which some library or habit gives one of them a meaning."""

_LINE_ENDS = (
    b"\r\n",
    b"\n\r",
    b"\r\r\n",
    b"a\r\nb",
    b"a\nb",
    b"a\rb",
    b"a\n",
    b"a\r\n",
    b" a ",
    b"\ta\t",
)
_ENCODINGS = (
    *(b"\xef\xbb\xbfa", b"\xff\xfea"),  # byte order marks
    *(b"\xc3\xa9", b"\xc3", b"\xa9", b"\xed\xa0\x80"),  # UTF-8, whole, in parts, a surrogate
)
_CONTROLS = (
    *(b"a\x00b", b"a\x08b", b"a\x7fb", b"\x1b[2Ja"),
    *(b"\x03", b"\x04", b"a\x04", b"\x1a", b"a\x1ab"),  # ends of input
    *(b"\xff\xff", b"\xff\xf4"),  # Telnet (RFC 854)
)
_TEMPLATES = (
    b"%",
    b"%%",
    b"%s",
    b"%n",
    b"{}",
    b"{0}",
    b"\\",
    b"\\n",
    b"$a",
    b"'",
    b'"',
    b"<a>",
    b"&amp;",
)
_WORDS = (
    b"quit",
    b"QUIT",
    b"exit",
    b"bye",
    b"help",
    b"quit\n",
    b"quit\r\n",
    b"exit\n",
    b".",
    b"..",
    b".\r\n",
)

TRICKY = (*_LINE_ENDS, *_ENCODINGS, *_CONTROLS, *_TEMPLATES, *_WORDS)
