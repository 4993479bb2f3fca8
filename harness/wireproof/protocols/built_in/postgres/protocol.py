"""PostgreSQL (protocol 3): start-up, simple and extended queries over SELECT of literals.

Strategy: each message of the server's is a reply of its own. Queries name their columns and cast
their literals, so that every message of a result is known to the byte; of an error the SQLSTATE is
known. Notices and reports of parameters come whenever the server likes (documentation,
Asynchronous Operations).

A user with a password logs in as `pg_hba.conf` says: in clear, by MD5, or by SCRAM, where it is
verified that the server knows the password, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wireproof.errors import UsageError
from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.postgres import copying, login
from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.built_in.postgres.queries import (
    DIVISION,
    extended,
    extended_answers,
    failing,
    in_portions,
    named,
    select,
    series,
    simple_answers,
)
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected, Judge, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import LETTERS, integers, octets, ordinary_values, padded
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_AUTHENTICATED, _IN_CLEAR = bytes(4), (3).to_bytes(4)
_ASKED = {
    2: "Kerberos; only trust, password, md5 and scram-sha-256 are spoken here",
    3: "a password in clear; write --set password=... --set auth=password",
    5: "MD5; write --set password=... --set auth=md5",
    7: "GSSAPI; only trust, password, md5 and scram-sha-256 are spoken here",
    9: "SSPI; only trust, password, md5 and scram-sha-256 are spoken here",
    10: "SCRAM; write --set password=... --set auth=scram-sha-256",
}
_WAYS = ("password", "md5", "scram-sha-256")
_INTEGERS = (-(2**31) + 1, 2**31 - 1)


class Postgres(RequestReply):
    """PostgreSQL: simple and extended queries, each message of the results known."""

    name = "postgres"
    source = "PostgreSQL documentation, Frontend/Backend Protocol"
    half_close: ClassVar[Level] = Level.MAY
    """An end of stream without Terminate is no orderly end."""
    max_request_bytes: int = 1024 * 1024
    user: str = "postgres"
    password: str = ""
    """Where it is empty, the server has to trust the user."""
    auth: str = "password"
    """How a password is given, as in `pg_hba.conf`: `password`, `md5` or `scram-sha-256`."""
    database: str = "postgres"
    starttls: bool = False
    """Whether TLS begins inside the connection (documentation, SSL Session Encryption)."""
    copy: bool = False
    """Whether rows are copied in and out; the user has to be allowed to make temporary tables."""

    def __init__(self) -> None:
        """Know no answer to a number, and no proof, yet."""
        self._answer = self._proof = b""

    def opening(self) -> list[bytes]:
        """Ask for TLS if that is wanted, start up, and give the password if there is one."""
        begin = pg.startup({"user": self.user, "database": self.database})
        first = [pg.ASK_FOR_TLS] if self.starttls else []
        return [*first, begin, *(self._log_in() if self.password else ())]

    def _log_in(self) -> list[bytes]:
        if self.auth == "scram-sha-256":
            return [login.client_first(), login.client_final_blank()]
        if self.auth not in _WAYS:
            raise UsageError(
                f"{self.auth!r} is not a log-in", f"write auth={', auth='.join(_WAYS)}"
            )
        return [login.md5_blank() if self.auth == "md5" else pg.password(self.password)]

    def filled_in(self, request: bytes) -> bytes | None:
        """Return a password as the server's number wants it."""
        if request[:1] != b"p" or self._log_in()[-1] != request or self.auth == "password":
            return request
        return self._answer or None

    def parts(self, request: bytes) -> Sequence[bytes]:
        """Return a query and the rows behind it, which the server asks for; or the one request."""
        end = pg.message_length(request) if request[:1] == b"Q" else None
        return (request[:end], request[end:]) if end and end < len(request) else (request,)

    def pauses(self, request: bytes) -> Sequence[int]:
        """Return where a query ends whose rows are asked for."""
        query, *rows = self.parts(request)
        return [len(query)] if rows else []

    def begins_tls(self, request: bytes) -> bool:
        """Say whether it is the request for TLS."""
        return request == pg.ASK_FOR_TLS

    def requests(self) -> SearchStrategy[bytes]:
        """Return one query, simple or extended."""
        from hypothesis import strategies as st

        return st.one_of(*(each for name, each in self.kinds().items() if name != "close"))

    def example(self) -> bytes:
        """Return a query of one literal."""
        return pg.query(select([b"hello"]))

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return queries of literals, of rows, of nothing, and wrong ones."""
        from hypothesis import strategies as st

        texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
        values = st.one_of(
            texts.map(str.encode),
            st.sampled_from([127, 128, 255, 256]).map(lambda size: octets(size, LETTERS)),
        )
        numbers = integers(*_INTEGERS)
        literals = st.lists(st.one_of(values, numbers), min_size=1, max_size=5)
        counts = st.sampled_from([0, 1, 2, 127, 128, 300])
        return {
            "simple": literals.map(lambda each: pg.query(select(each))),
            "several": st.lists(literals, min_size=2, max_size=4).map(
                lambda several: pg.query(b"; ".join(map(select, several)))
            ),
            "rows": counts.map(lambda count: pg.query(series(count))),
            "empty": st.sampled_from([b"", b" ", b";"]).map(pg.query),
            "extended": st.builds(extended, values, numbers, binary=st.booleans()),
            "named": st.builds(named, values, numbers),
            "portal": st.builds(in_portions, counts, st.sampled_from([1, 50, 1000])),
            "error": st.sampled_from([pg.query(b"SELEC 1"), pg.query(DIVISION)]),
            "error-extended": st.builds(failing, values),
            **(copying.kinds(texts.map(str.encode), numbers) if self.copy else {}),
            "close": st.just(pg.TERMINATE),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return simple and extended queries of ordinary values."""
        values = ordinary_values()
        copied = {"copy": (copying.ordinary(values), 10)} if self.copy else {}
        return {
            "simple": (values.map(lambda value: pg.query(select([value]))), 50),
            "extended": (values.map(lambda value: extended(value, 7)), 50),
            **copied,
        }

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return a query with a parameter of text; there is none of NUL, and of no UTF-8."""
        try:
            payload.decode()
        except UnicodeDecodeError:
            return None
        return None if b"\0" in payload else extended(payload, 7)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a simple query of a long literal."""
        return padded(size_bytes, lambda payload: pg.query(select([payload])), LETTERS)

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a query with a parameter that comes back."""
        request = extended(octets(size_bytes, LETTERS), 7, binary=True)
        return [request] if len(request) <= self.max_request_bytes else None

    def malformed(self) -> SearchStrategy[bytes]:
        """Return messages of no kind, of impossible lengths, and with fields that do not fit."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                pg.message(b"\x00", b"x"),
                pg.message(b"w", b""),
                b"Q\x00\x00\x00\x03",
                b"Q\x7f\xff\xff\xff",
                b"Q\xff\xff\xff\xff",
                pg.message(b"Q", b"no end"),
                pg.message(b"B", b"\0\0\0\x01") + pg.SYNC,
                pg.message(b"D", b"X\0") + pg.SYNC,
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what the documentation says of errors and of several statements."""
        plain, source = self.example(), "PostgreSQL documentation, "
        tricky = b"';--\\n$1 \"\x01\x7f\xc3\xa9"
        return [
            Rule(
                "POSTGRES-001",
                Level.MUST,
                "After an error in an extended query, everything up to Sync is skipped.",
                source + "Extended Query",
                "A client that has sent more reads replies to work that was never done.",
                ((failing(b"skipped"), plain),),
            ),
            Rule(
                "POSTGRES-002",
                Level.MUST,
                "Several statements in one query each have a result, and share one end.",
                source + "Simple Query",
                "A pooler that counts results takes the connection back too early.",
                ((pg.query(b"; ".join([select([b"a"]), select([1])])), plain),),
            ),
            Rule(
                "POSTGRES-003",
                Level.MUST,
                "A literal and a parameter come back as they were, quotes and escapes too.",
                source + "Message Formats",
                "What looks for quotes, semicolons or dollars between the two spoils them.",
                ((pg.query(select([tricky])), extended(tricky, 7), plain),),
            ),
            Rule(
                "POSTGRES-004",
                Level.MUST,
                "A portal gives as many rows as are asked for, and goes on where it stopped.",
                source + "Extended Query",
                "Rows that are fetched in parts are lost or come twice.",
                ((in_portions(300, 50), plain),),
            ),
            *(copying.rules(plain) if self.copy else ()),
        ]

    def is_last(self, request: bytes) -> bool:
        """Say whether it is Terminate."""
        return request == pg.TERMINATE

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int | None:
        """Return the length of a message; whether there will be TLS is told by one byte."""
        if request == pg.ASK_FOR_TLS and bytes(buffer[:1]) in {b"S", b"N"}:
            return 1
        return pg.message_length(buffer)

    def answerable_at(self, message: bytes) -> int:
        """Return where the first message ends of what may fail at once: it isn't waited to end."""
        may_fail = message[:1] in {b"P", b"B"} or copying.may_fail(message)
        first = pg.message_length(message) if may_fail else None
        return first or len(message)

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is a notice, or the report of a parameter."""
        return message[:1] in {b"N", b"S"} and len(message) > 1

    def closes(self, reply: bytes) -> bool:
        """Say whether it is an error behind which the server closes."""
        return reply.startswith(b"E") and pg.error_fields(reply).get("V") in {"FATAL", "PANIC"}

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error."""
        return reply.startswith(b"E")

    def in_words(self, reply: bytes) -> str:
        """Return the severity, SQLSTATE and text of an error, or what log-in is asked for."""
        if reply == b"N":
            return "it has no TLS"
        if self.refused(reply):
            fields = pg.error_fields(reply)
            return first_line(" ".join(fields.get(key, "") for key in "SCM").strip().encode())
        if reply.startswith(b"R") and len(reply) >= 9:
            how = _ASKED.get(int.from_bytes(reply[5:9]), "")
            return f"it asks for {how}" * bool(how)
        return ""

    def expected(self, request: bytes) -> Expected:
        """Return the messages that answer one of the client's, or several up to a Sync."""
        match request[:1]:
            case b"\0" | b"p":
                return self._expected_of_log_in(request)
            case b"X":
                return None
            case b"Q":
                copied = copying.answers_to_query(request[5:-1])
                return copied or [*simple_answers(request[5:-1]), pg.READY]
            case b"d" | b"c" | b"f":
                return copying.answers_to_rows(request)
        return extended_answers(pg.split(request))

    def _expected_of_log_in(self, request: bytes) -> Expected:
        if request == pg.ASK_FOR_TLS:
            return b"S"
        if request[:1] == b"\0":
            return self._asks_for_password() if self.password else _logged_in()
        if request == login.client_first():
            return Judge(self._takes_first, "the server's first message of SCRAM")
        if self.auth == "scram-sha-256":
            return [Reply(Judge(self._proves_itself, "the server's proof")), *_logged_in()]
        self._answer = b""  # connections that are logged in are all alike
        return _logged_in()

    def _asks_for_password(self) -> Expected:
        if self.auth == "md5":
            return Judge(self._takes_salt, "a question for MD5, with a salt")
        if self.auth == "password":
            return pg.message(b"R", _IN_CLEAR)
        return Judge(_offers_scram, f"a question for SASL that offers {login.MECHANISM.decode()}")

    def _takes_salt(self, reply: bytes) -> bool:
        salt = login.md5_salt(reply)
        if salt is not None:
            self._answer = login.md5_answer(self.user, self.password, salt)
        return salt is not None

    def _takes_first(self, reply: bytes) -> bool:
        first = login.sasl_data(reply, 11)
        if first is None:
            return False
        scram = login.Scram(self.password, first)
        self._answer, self._proof = pg.message(b"p", scram.final), scram.signature
        if len(self._answer) != len(login.client_final_blank()):
            raise MalformedReplyError(
                f"the server's part of the nonce has not {login.NONCE_CHARACTERS} characters"
            )
        return True

    def _proves_itself(self, reply: bytes) -> bool:
        proof = login.sasl_data(reply, 12)
        if proof is not None and proof != self._proof:
            raise MalformedReplyError("the server's signature is wrong: it knows another password")
        self._answer = self._proof = b""  # connections that are logged in are all alike
        return proof is not None


def _offers_scram(reply: bytes) -> bool:
    offered = login.sasl_data(reply, 10)
    return offered is not None and login.MECHANISM in offered.split(b"\0")


def _logged_in() -> list[Reply]:
    """Return what ends the log-in; a pooler may leave the key out."""
    return [
        Reply(pg.message(b"R", _AUTHENTICATED)),
        Reply(Judge(lambda reply: reply.startswith(b"K"), "BackendKeyData"), optional=True),
        Reply(pg.READY),
    ]
