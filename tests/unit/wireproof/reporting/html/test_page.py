import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.support import result_samples as samples
from wireproof.reporting.html.page import MAX_PAGE_BYTES, html
from wireproof.reporting.markdown import markdown
from wireproof.reporting.terminal.summary import print_summary
from wireproof.results import KindResult, Results, Verdict, decode, encode


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_asks_for_nothing(tmp_path: Path) -> None:
    """No element loads anything, and the policy forbids what one might."""
    samples.write_evidence(tmp_path)
    tags = _Tags(html(samples.results(), tmp_path, tmp_path)).found
    for tag, attributes in tags:
        assert "src" not in attributes
        assert tag not in {"iframe", "object", "embed", "img", "base", "form"}
        if tag == "link":
            assert attributes["href"] == "data:,"
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes
    (policy,) = [a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_links_to_evidence_are_relative_to_the_page(tmp_path: Path) -> None:
    """A page in another folder finds the evidence; one on standard output has no links."""
    samples.write_evidence(tmp_path)
    below = html(samples.results(), tmp_path, tmp_path / "below")
    assert 'href="../evidence/SEG-09/replay.py"' in below
    assert "SEG-09/replay.py</a>" not in html(samples.results(), tmp_path)


def test_every_link_inside_the_page_has_its_place(tmp_path: Path) -> None:
    """Each fragment names an element."""
    tags = _Tags(html(samples.results(), tmp_path)).found
    places = {attributes.get("id") for _, attributes in tags}
    fragments = [a["href"] or "" for tag, a in tags if tag == "a"]
    assert {fragment[1:] for fragment in fragments if fragment.startswith("#")} <= places


_MARKUP = ["</script><script>x", "<!--", "{{ 7*7 }}", '"><img onerror=x>', "&lt;"]


@pytest.mark.parametrize("text", _MARKUP)
def test_text_of_a_peer_is_text(text: str) -> None:
    """Tags, comments, attributes and template signs of a server open no element."""
    line = samples.requirement(text, Verdict.FAIL, text, title=text, expected=text, actual=text)
    load = msgspec.structs.replace(samples.load(), failures={text: 1}, stages=[], bottleneck=text)
    model = msgspec.structs.replace(samples.backlog().ladder[0], model=text)
    backlog = msgspec.structs.replace(samples.backlog(), ladder=[model], explanation=[text])
    hostile = samples.results(
        text, check=samples.check(line), load=load, backlog=backlog, target=text
    )
    page = html(hostile, Path("nowhere"))
    tame = html(_tame(hostile, text), Path("nowhere"))
    assert [tag for tag, _ in _Tags(page).found] == [tag for tag, _ in _Tags(tame).found]
    assert "49" not in re.findall(r"<h1>.*?</h1>", page)[0]


def _tame(results: Results, text: str) -> Results:
    encoded = encode(results).decode().replace(json.dumps(text)[1:-1], "plain")
    return decode(encoded.encode())


def test_the_page_stays_small(tmp_path: Path) -> None:
    """A whole run is far below the limit, and a run of a day with huge texts is within it."""
    assert len(html(samples.results(), tmp_path)) < 200_000
    lines = [
        samples.requirement(f"A-{number}", Verdict.FAIL, *["x" * 90_000], expected="y" * 90_000)
        for number in range(300)
    ]
    load = msgspec.structs.replace(samples.load(), series=samples.series(1e5, 90_000))
    page = html(samples.results(check=samples.check(*lines), load=load), tmp_path)
    assert len(page.encode()) < MAX_PAGE_BYTES


def test_kinds_of_requests_have_a_row_each(tmp_path: Path) -> None:
    """In every view; one that has no reply has no latency; names are text, and so is advice."""
    hostile = "<b>\x1b[2J|get"
    kinds = [
        KindResult(kind=hostile, requests=7, failures={"timeout": 2}, throughput_per_s=5.0),
        KindResult(
            kind="set",
            requests=5,
            throughput_per_s=5.0,
            service_us=samples.load().latency_us["service"],
        ),
    ]
    load = msgspec.structs.replace(samples.load(), kinds=kinds, details={"advice": hostile})
    results = samples.results("load", load=load)
    screen = io.StringIO()
    print_summary(results, Path("results.json"), Console(file=screen, width=100))
    for text in (html(results, tmp_path, tmp_path), markdown(results), screen.getvalue()):
        assert "set" in text
        assert "\x1b[2J" not in text
    assert "<b>" not in html(results, tmp_path, tmp_path).partition("<body")[2]
    assert "<b>" not in markdown(results)
