"""JSON-RPC 2.0 as language servers, debug adapters' kin and MCP servers speak it.

LSP puts a header before each message, which says how many bytes it has; MCP puts each message on a
line. Either way a client first says who it is, and is told; then it says that it has heard.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wireproof.errors import UsageError
from wireproof.protocols.framing import delimited, find_end
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Judge
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import padded, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_END_OF_HEADER = b"\r\n\r\n"
_MOST_HEADER_BYTES = 4096
_METHOD_NOT_FOUND = -32601
_FIRST_ID = 1_000_000_000
"""All ids have as many digits, and fit the 32 bits that LSP allows."""
_IDS = 1_000_000_000
_LETTERS = b"abcdefghijklmnopqrstuvwxyz 0123456789"
_TEXTS = (
    "",
    "a",
    "\u00e9",
    "\u20ac and \U0001f600",
    'a "quoted" \\ word',
    "{[\r\n]}",
    "Content-Length: 5",
)
"""Bytes and characters are not as many; braces, quotes and ends of lines stand in strings too."""


@dataclass(frozen=True, slots=True)
class _Flavour:
    """How a family of servers speaks it.

    Attributes:
        has_header: whether `Content-Length` stands before a message; else each is a line.
        opening: the parameters of `initialize`; None where nothing opens.
        opened: the notification behind it.
        method: which every server answers: with a result, or that there is no such method.
        is_known: which of them.

    """

    has_header: bool
    opening: dict[str, Any] | None
    opened: str
    method: str
    is_known: bool


_FLAVOURS = {
    "lsp": _Flavour(
        has_header=True,
        opening={"processId": None, "rootUri": None, "capabilities": {}},
        opened="initialized",
        method="wireproof/unknown",
        is_known=False,
    ),
    "mcp": _Flavour(
        has_header=False,
        opening={
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "clientInfo": {"name": "wireproof", "version": "1"},
        },
        opened="notifications/initialized",
        method="ping",
        is_known=True,
    ),
    "plain": _Flavour(
        has_header=True, opening=None, opened="", method="wireproof/unknown", is_known=False
    ),
}


class JsonRpc(RequestReply):
    """JSON-RPC 2.0: each request has one reply that names it, in any order."""

    name = "json-rpc"
    source = "JSON-RPC 2.0; Language Server Protocol 3.17, base protocol; MCP 2025-03-26, stdio"
    ordered = False
    half_close = Level.MAY
    flavour: str = "lsp"
    """`lsp`: headers and `initialize`. `mcp`: a message a line. `plain`: headers, no opening."""
    method: str = ""
    """What is asked; one that there is not, or MCP's `ping`, unless said otherwise."""
    params: str = ""
    """Of that method, as JSON; an object with a text that grows, unless said otherwise."""

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return the length of a message with its header, or of a line."""
        if not self._as.has_header:
            return delimited(buffer, b"\n")
        end = find_end(buffer, _END_OF_HEADER)
        if end is None:
            if len(buffer) > _MOST_HEADER_BYTES:
                raise MalformedReplyError(f"a header of more than {_MOST_HEADER_BYTES} bytes")
            return None
        return end + _content_length(bytes(buffer[: end - len(_END_OF_HEADER)]))

    def greeting(self) -> None:
        """Wait for none."""

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is the server's own notification or request."""
        return "method" in self._said(message)

    def opening(self) -> list[bytes]:
        """Say who it is, and that the answer was heard."""
        how = self._as
        if how.opening is None:
            return []
        return [
            self._framed({"id": _FIRST_ID, "method": "initialize", "params": how.opening}),
            self._framed({"method": how.opened, "params": {}}),
        ]

    def requests(self) -> SearchStrategy[bytes]:
        """Return a call with a text of any characters, or the one that was set."""
        from hypothesis import strategies as st

        if self.params:
            return st.just(self._call(""))
        texts = st.one_of(
            st.sampled_from(_TEXTS),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
            payloads(100, _LETTERS).map(bytes.decode),
        )
        return texts.map(self._call)

    def example(self) -> bytes:
        """Return a call with a word."""
        return self._call("hello")

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a call with a long text."""
        if self.params:
            return None
        return padded(size_bytes, lambda text: self._call(text.decode()), _LETTERS)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Return the message with an id of its own, if it has one."""
        head, mark, rest = request.partition(b'"id":')
        if not mark:
            return request
        digits = len(b"%d" % _FIRST_ID)
        return head + mark + b"%d" % (_FIRST_ID + number % _IDS) + rest[digits:]

    def message_id(self, message: bytes) -> bytes | None:
        """Return the id, as JSON."""
        said = self._said(message)
        return json.dumps(said["id"]).encode() if said.get("id") is not None else None

    def expected(self, request: bytes) -> Judge | None:
        """Return a message that names the request and has a result or an error; which is said."""
        asked = json.loads(self._body(request))
        if "id" not in asked:
            return None
        wants_result = asked["method"] == "initialize" or self._as.is_known
        is_ours = asked["method"] == "initialize" or not self.method

        def answers(reply: bytes) -> bool:
            said = _read(self._body(reply))
            if said.get("jsonrpc") != "2.0":
                raise MalformedReplyError('no "jsonrpc": "2.0"')
            if ("result" in said) == ("error" in said):
                raise MalformedReplyError("neither a result nor an error, or both")
            if said.get("id") != asked["id"]:
                return False
            if not is_ours:
                return True
            if wants_result:
                return "result" in said
            return "error" in said and _code(said["error"]) == _METHOD_NOT_FOUND

        what = "a result" if wants_result else f"the error {_METHOD_NOT_FOUND}, no such method,"
        return Judge(answers, f"{what if is_ours else 'a reply'} with the id {asked['id']}")

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error."""
        return "error" in self._said(reply)

    def in_words(self, reply: bytes) -> str:
        """Return an error's code and message."""
        error = self._said(reply).get("error")
        if not isinstance(error, dict):
            return ""
        return first_line(f"error {error.get('code')}: {error.get('message')}".encode())

    @property
    def _as(self) -> _Flavour:
        """How it is spoken.

        Raises:
            UsageError: the setting names none.

        """
        if self.flavour not in _FLAVOURS:
            raise UsageError(
                f"json-rpc has no flavour {self.flavour!r}", f"it has: {', '.join(_FLAVOURS)}"
            )
        return _FLAVOURS[self.flavour]

    def _call(self, text: str) -> bytes:
        """Return a request for the method that is to be asked.

        Raises:
            UsageError: the parameters that were set are not JSON.

        """
        params: Any = {"text": text}
        if self.params:
            try:
                params = json.loads(self.params)
            except ValueError as error:
                raise UsageError(f"params={self.params} is not JSON: {error}") from None
        elif self._as.is_known and not self.method:
            params = {"_meta": {"text": text}}
        method = self.method or self._as.method
        return self._framed({"id": _FIRST_ID, "method": method, "params": params})

    def _framed(self, message: dict[str, Any]) -> bytes:
        text = json.dumps({"jsonrpc": "2.0"} | message, ensure_ascii=False, separators=(",", ":"))
        body = text.encode()
        if not self._as.has_header:
            return body + b"\n"
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def _said(self, message: bytes) -> dict[str, Any]:
        """Return a message as an object; an empty one where it is none, which `expected` tells."""
        try:
            return _read(self._body(message))
        except MalformedReplyError:
            return {}

    def _body(self, message: bytes) -> bytes:
        return message.partition(_END_OF_HEADER)[2] if self._as.has_header else message


def _content_length(header: bytes) -> int:
    """Return what the header says of the bytes behind it; the names of fields are of any case."""
    found = []
    for line in header.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            raise MalformedReplyError(f"{line!r:.60} is no header field")
        if name.strip().lower() == b"content-length":
            found.append(value.strip())
    if len(found) != 1 or not found[0].isdigit():
        raise MalformedReplyError(f"no Content-Length, or none that is a number: {header!r:.60}")
    return int(found[0])


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedReplyError(f"no JSON: {error}") from None
    if not isinstance(said, dict):
        raise MalformedReplyError("no JSON object")
    return said


def _code(error: object) -> object:
    return error.get("code") if isinstance(error, dict) else None
