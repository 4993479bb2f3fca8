from collections.abc import Callable
from typing import Any

import pytest

from wireproof.errors import UsageError
from wireproof.load.on_locust.page import OwnPagesOnly, check_user_class


def _app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    del environ
    start_response("200 OK", [("Access-Control-Allow-Origin", "*"), ("X-Kept", "1")])
    return [b"page"]


def _ask(guarded: OwnPagesOnly, method: str = "GET", **headers: str) -> tuple[str, dict[str, str]]:
    """Status and headers of a request's answer."""
    answer: list[Any] = []
    environ = {f"HTTP_{name.upper()}": text for name, text in headers.items()}
    list(guarded({"REQUEST_METHOD": method, **environ}, lambda *given: answer.extend(given)))
    return answer[0], dict(answer[1])


@pytest.fixture
def loopback() -> OwnPagesOnly:
    """The guard of a page that listens on loopback."""
    return OwnPagesOnly(_app, ["127.0.0.1"], any_address=False)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8089", "localhost:8089", "LOCALHOST", "[::1]:8089", "127.1.2.3", "a.localhost"],
)
def test_own_names_are_served(host: str, loopback: OwnPagesOnly) -> None:
    """As a browser on this machine, or a script, calls the page; from the page itself."""
    assert _ask(loopback, host=host)[0] == "200 OK"
    own = {"host": host, "origin": f"http://{host}".lower(), "sec_fetch_site": "same-origin"}
    assert _ask(loopback, "POST", **own)[0] == "200 OK"
    assert _ask(loopback, "POST", host=host)[0] == "200 OK"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8089",
        "localhost.evil.example",
        "evillocalhost",
        "192.0.2.1:8089",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "localhost/x",
        "localhost:x",
        "[::1",
        "",
        "2130706433",
        "\x00",
    ],
)
def test_a_rebound_name_is_refused(host: str, loopback: OwnPagesOnly) -> None:
    """A name that somebody else turned to this machine is not this page's."""
    status, headers = _ask(loopback, host=host)
    assert status == "403 Forbidden"
    assert headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:9",
        "http://[",
        "file://",
        "",
        "http://localhost:8089",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_sites_are_refused(origin: str, method: str, loopback: OwnPagesOnly) -> None:
    """Another site, another port of this machine, another name of it: other pages."""
    assert _ask(loopback, method, host="127.0.0.1:8089", origin=origin)[0] == "403 Forbidden"


def test_a_browser_that_names_no_origin_says_from_where(loopback: OwnPagesOnly) -> None:
    """What it says of the site counts for what changes something; a link may lead here."""
    host = "localhost:8089"
    for site in ("cross-site", "same-site"):
        assert _ask(loopback, "POST", host=host, sec_fetch_site=site)[0] == "403 Forbidden"
        assert _ask(loopback, "GET", host=host, sec_fetch_site=site)[0] == "200 OK"


def test_no_other_site_may_read_or_frame_the_page(loopback: OwnPagesOnly) -> None:
    """Locust's permission for every site to read is taken out."""
    _, headers = _ask(loopback, host="localhost")
    assert headers == {
        "X-Kept": "1",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
    }


def test_a_page_for_all_machines_is_served_by_address_and_by_its_names() -> None:
    """An address cannot be rebound; a name has to be this machine's."""
    everywhere = OwnPagesOnly(_app, ["bench.example"], any_address=True)
    for host in ("192.0.2.1:8089", "[2001:db8::1]:8089", "BENCH.example:8089", "localhost"):
        assert _ask(everywhere, host=host)[0] == "200 OK"
    assert _ask(everywhere, host="evil.example:8089")[0] == "403 Forbidden"


def test_a_proxy_that_shows_the_page_is_named_by_the_user() -> None:
    """With its own name in Host, or with ours; another site is another one all the same."""
    shown = OwnPagesOnly(_app, [], any_address=False, shown_at="https://Load.example/locust")
    for host in ("load.example", "127.0.0.1:8089"):
        assert _ask(shown, "POST", host=host, origin="https://load.example")[0] == "200 OK"
        assert _ask(shown, "POST", host=host, origin="https://evil.example")[0] == "403 Forbidden"


class _Tasks:
    host = "tcp://127.0.0.1:7"
    weight = 1


def test_a_user_class_takes_numbers_and_tasks() -> None:
    """What stays as it is may be named, too."""
    given = {"user_class_name": "Tasks", "weight": 2, "tasks": ["a"], "host": _Tasks.host}
    kept = check_user_class(_Tasks, given)
    assert kept == {"user_class_name": "Tasks", "weight": 2, "tasks": ["a"]}


@pytest.mark.parametrize(
    "change",
    [
        {"host": "tcp://192.0.2.1:7"},
        {"protocol": "evil.py:Evil"},
        {"allow_hosts": ["192.0.2.1"]},
        {"__init__": None},
        {"weight": -1},
        {"weight": float("nan")},
        {"weight": "1"},
        {"fixed_count": 10**9},
    ],
)
def test_a_user_class_takes_no_more(change: dict[str, Any]) -> None:
    """No host, no protocol, no number beyond reason."""
    with pytest.raises(UsageError):
        check_user_class(_Tasks, {"user_class_name": "Tasks", **change})
