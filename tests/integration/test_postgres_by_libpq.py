"""Messages and log-ins as libpq has them, which another hand wrote."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wireproof.protocols.built_in.postgres import login
from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.built_in.postgres.copying import (
    answers_to_query,
    answers_to_rows,
    copied_in,
    row,
)
from wireproof.protocols.built_in.postgres.queries import (
    extended,
    extended_answers,
    series,
    simple_answers,
)
from wireproof.protocols.built_in.postgres.queries import select as query_of

psycopg = pytest.importorskip("psycopg", reason="libpq for Python is not installed")
pq = psycopg.pq
_WAITS = {pq.PollingStatus.READING: (1, 0), pq.PollingStatus.WRITING: (0, 1)}
AUTHENTICATED = pg.message(b"R", bytes(4)) + pg.READY
SCRAM_SALT = b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=64"


class Wire:
    """The server's side of a connection, message by message."""

    def __init__(self, peer: socket.socket) -> None:
        self._file = peer.makefile("rwb")
        self.start = self._whole(b"")

    def read(self) -> bytes:
        """Return the next message; nothing at the end."""
        kind = self._file.read(1)
        return self._whole(kind) if kind else b""

    def say(self, *messages: bytes) -> None:
        """Send."""
        self._file.write(b"".join(messages))
        self._file.flush()

    def close(self) -> None:
        """End it."""
        self._file.close()

    def _whole(self, kind: bytes) -> bytes:
        head = self._file.read(4)
        return kind + head + self._file.read(int.from_bytes(head) - 4)


@contextlib.contextmanager
def connected(
    log_in: Callable[[Wire], None], serve: Callable[[Wire], None] = lambda _: None
) -> Iterator["pq.PGconn"]:
    """Yield libpq's connection to a server that is played by the two, one after the other."""

    def accept() -> None:
        peer, _ = listener.accept()
        with peer:
            wire = Wire(peer)
            with contextlib.closing(wire):
                log_in(wire)
                serve(wire)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        where = f"host=127.0.0.1 port={listener.getsockname()[1]} dbname=postgres"
        options = "user=ann password=pencil sslmode=disable gssencmode=disable"
        connection = pq.PGconn.connect_start(f"{where} {options}".encode())
        try:
            _go_on_connecting(connection)
            yield connection
        finally:
            connection.finish()
            thread.join(10)


def _go_on_connecting(connection: "pq.PGconn") -> None:
    """Wait step by step: at one go it would keep the interpreter from the server's thread."""
    while (status := connection.connect_poll()) in _WAITS:
        reads, writes = _WAITS[status]
        select.select([connection.socket] * reads, [connection.socket] * writes, [], 10)


def trusting(wire: Wire) -> None:
    """Ask for nothing."""
    wire.say(AUTHENTICATED)


def answering(wire: Wire, asked: list[bytes]) -> None:
    """Answer each query with what the oracle expects of a server; an extended one as `asked`."""
    while message := wire.read():
        if message.startswith(b"Q"):
            wire.say(*_bytes(simple_answers(message[5:-1])), pg.READY)
        elif message == pg.SYNC:
            wire.say(*_bytes(extended_answers(pg.split(asked[-1]))))


def _bytes(replies: Sequence[object]) -> list[bytes]:
    assert all(isinstance(one, bytes) for one in replies)
    return [one for one in replies if isinstance(one, bytes)]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
NUMBERS = st.integers(-(2**31) + 1, 2**31 - 1)
ROWS = st.lists(TEXTS.map(str.encode) | NUMBERS, min_size=1, max_size=5)


def test_libpq_reads_what_the_oracle_expects() -> None:
    """Names, types and values of literals, counted rows, and parameters in text and binary."""
    asked: list[bytes] = []
    with connected(trusting, lambda wire: answering(wire, asked)) as connection:

        @settings(max_examples=60, deadline=None)
        @given(ROWS)
        def literals(row: list[bytes | int]) -> None:
            result = connection.exec_(query_of(row))
            assert result.status == pq.ExecStatus.TUPLES_OK
            told = [b"%d" % one if isinstance(one, int) else one for one in row]
            assert [result.get_value(0, at) for at in range(result.nfields)] == told
            assert [result.fname(at) for at in range(result.nfields)] == [
                b"c%d" % at for at in range(len(row))
            ]
            kinds = [23 if isinstance(one, int) else 25 for one in row]
            assert [result.ftype(at) for at in range(result.nfields)] == kinds

        @settings(max_examples=40, deadline=None)
        @given(TEXTS.map(str.encode), NUMBERS, st.booleans())
        def parameters(text: bytes, number: int, binary: bool) -> None:
            asked.append(extended(text, number, binary=binary))
            echo = b"SELECT $1::text AS t, $2::integer AS n"
            result = connection.exec_params(
                echo, [text, b"%d" % number], result_format=pq.Format(binary)
            )
            assert result.get_value(0, 0) == text
            told = number.to_bytes(4, signed=True) if binary else b"%d" % number
            assert result.get_value(0, 1) == told

        literals()
        parameters()
        assert connection.exec_(series(300)).ntuples == 300


def test_what_libpq_sends_is_what_we_send() -> None:
    """The start-up, up to parameters of its own, and a query."""
    heard: list[bytes] = []

    def hear(wire: Wire) -> None:
        heard.append(wire.start)
        heard.append(wire.read())
        wire.say(*_bytes(simple_answers(heard[1][5:-1])), pg.READY)
        wire.read()

    with connected(trusting, hear) as connection:
        connection.exec_(query_of([b"a"]))
    assert heard[0] == pg.startup({"user": "ann", "database": "postgres"})
    assert heard[1] == pg.query(query_of([b"a"]))


@pytest.mark.parametrize("gives_up", [False, True])
def test_libpq_copies_what_we_copy(gives_up: bool) -> None:
    """It sends the rows as we do, and reads them, their counts and the error as we expect them."""
    rows = [row(b"a\\b\t", 1), row(None, -7), row("é".encode(), 2**31 - 1)]
    request = copied_in(b"".join(rows), 10, gives_up=gives_up)
    query, *pieces, _ = pg.split(request)
    heard: list[bytes] = []

    def serve(wire: Wire) -> None:
        heard.append(wire.read())
        wire.say(*(answers_to_query(heard[0][5:-1]) or ()))
        while heard[-1][:1] not in {b"c", b"f"}:
            heard.append(wire.read())
        if gives_up:  # of the error we know the SQLSTATE only
            wire.say(pg.message(b"E", b"SERROR\0C57014\0Mno\0\0"), pg.READY)
        else:
            wire.say(*_bytes(answers_to_rows(b"".join(heard[1:]))))
        wire.read()

    with connected(trusting, serve) as connection:
        connection.send_query(query[5:-1])
        found = [_next(connection).status, _next(connection).status]
        for piece in pieces:
            connection.put_copy_data(piece[5:])
        connection.put_copy_end(b"enough" if gives_up else None)
        ended = _next(connection)
        if gives_up:
            assert ended.error_field(pq.DiagnosticField.SQLSTATE) == b"57014"
        else:
            assert (ended.status, ended.command_tuples) == (pq.ExecStatus.COMMAND_OK, 3)
            assert _next(connection).status == pq.ExecStatus.COPY_OUT
            connection.consume_input()
            assert [bytes(connection.get_copy_data(1)[1]) for _ in rows] == rows
            assert connection.get_copy_data(1)[0] == -1
            assert _next(connection).command_tuples == 3
            assert _next(connection).command_status == b"DROP TABLE"
        assert connection.get_result() is None
    assert found == [pq.ExecStatus.COMMAND_OK, pq.ExecStatus.COPY_IN]
    assert b"".join(heard) == request


def _next(connection: "pq.PGconn") -> "pq.PGresult":
    """Return the next result, waited for step by step as above."""
    connection.flush()
    while connection.is_busy():
        select.select([connection.socket], [], [], 10)
        connection.consume_input()
    result = connection.get_result()
    assert result is not None
    return result


def test_libpq_makes_the_same_of_a_salt() -> None:
    """MD5, and a password in clear."""
    heard: list[bytes] = []

    def ask(wire: Wire) -> None:
        wire.say(pg.message(b"R", (5).to_bytes(4), b"s\0lt"))
        heard.append(wire.read())
        wire.say(AUTHENTICATED)

    def ask_in_clear(wire: Wire) -> None:
        wire.say(pg.message(b"R", (3).to_bytes(4)))
        heard.append(wire.read())
        wire.say(AUTHENTICATED)

    for way in (ask, ask_in_clear):
        with connected(way) as connection:
            assert connection.status == pq.ConnStatus.OK
    assert heard == [login.md5_answer("ann", "pencil", b"s\0lt"), pg.password("pencil")]


@pytest.mark.parametrize("knows", [True, False])
def test_libpq_agrees_on_scram(knows: bool) -> None:
    """Its proof is ours, and it takes our signature: it refuses that of another password."""
    heard: list[tuple[bytes, bytes]] = []

    def ask(wire: Wire) -> None:
        wire.say(pg.message(b"R", (10).to_bytes(4), login.MECHANISM + b"\0\0"))
        nonce = wire.read().rpartition(b",r=")[2]
        first = b"r=" + nonce + b"more" + SCRAM_SALT
        wire.say(pg.message(b"R", (11).to_bytes(4), first))
        final = wire.read()
        scram = login.Scram("pencil", first, nonce)
        heard.append((final, pg.message(b"p", scram.final)))
        proof = scram if knows else login.Scram("penguin", first, nonce)
        wire.say(pg.message(b"R", (12).to_bytes(4), proof.signature), AUTHENTICATED)

    with connected(ask) as connection:
        assert (connection.status == pq.ConnStatus.OK) == knows
    assert [libpq == ours for libpq, ours in heard] == [True]
