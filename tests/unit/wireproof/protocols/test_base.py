"""What every protocol has by default, and what a subclass inherits."""

from hypothesis import strategies as st

from wireproof.protocols import Delimited, RawStream
from wireproof.protocols.built_in.http1 import Http1
from wireproof.protocols.loading.self_check import check_code


class Lines(Delimited):
    """One line in, the same line out."""

    name = "lines"

    def requests(self):
        """Return a line."""
        return st.just(b"a\n")

    def expected(self, request: bytes):
        """Return the line."""
        return request


def test_a_protocol_need_not_say_more_than_its_requests() -> None:
    """Nothing is plain, sized or named by default; all requests are of one kind."""
    lines = Lines()
    assert lines.example() is None
    assert lines.sized_conversation(10) is None
    assert lines.same_identity() is None
    assert not lines.is_last(b"a\n")
    ((name, (strategy, weight)),) = lines.workload().items()
    assert (name, weight) == ("lines", 1)
    assert [*lines.kinds()] == ["lines"]
    assert repr(strategy) == repr(lines.requests())


def test_kinds_are_those_of_the_load_unless_named() -> None:
    """Who names a mix names kinds, too."""

    class Mixed(Lines):
        def workload(self) -> dict[str, tuple[st.SearchStrategy[bytes], float]]:
            return {"a": (st.just(b"a\n"), 80), "b": (st.just(b"b\n"), 20)}

    assert [*Mixed().kinds()] == ["a", "b"]


def test_who_draws_other_requests_inherits_nothing_that_is_said_of_them() -> None:
    """A class on top of a built-in one, with requests of its own, has no example of the base's."""

    class Calls(Http1):
        name = "calls"

        def requests(self) -> st.SearchStrategy[bytes]:
            return st.just(self.post(b"/call", b"1"))

    class Named(Calls):
        def example(self) -> bytes:
            return self.post(b"/call", b"2")

    assert Calls().example() is None
    assert Calls().sized_conversation(10) is None
    assert [*Calls().kinds()] == [*Calls().workload()] == ["calls"]
    assert Named().example() == Calls().post(b"/call", b"2")
    assert [*Named().kinds()] == ["calls"]
    check_code(Calls())


def test_settings_alone_change_nothing_that_is_said() -> None:
    """Without requests of its own a subclass says what its base does."""

    class Slow(Http1):
        most_requests = 10

    assert Slow().example() == Http1().example()
    assert [*Slow().kinds()] == [*Http1().kinds()]


def test_what_stands_between_is_kept() -> None:
    """A base that leaves requests to its subclasses may say what is plain for all of them."""

    class Greeted(Delimited):
        def example(self) -> bytes:
            return b"hello\n"

    class Own(Greeted):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.just(b"a\n")

        def expected(self, request: bytes) -> bytes:
            return request

    class Stream(RawStream):
        pass

    assert Own().example() == b"hello\n"
    assert Stream().example() is None
