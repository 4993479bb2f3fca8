"""The page in a real browser: drawn, silent, offline, usable with keys and on a phone."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.support import result_samples as samples
from tests.support.browser import chromium, needs_chromium, show
from wireproof.reporting.render import write_reports
from wireproof.results import Verdict

pytestmark = needs_chromium

CHARTS = ["percentiles", "throughput", "latency", "depth", "comb", "ladder", "ladder-latency"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for all tests of this file."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every part, its evidence beside it."""
    folder = tmp_path_factory.mktemp("report")
    samples.write_evidence(folder)
    write_reports(samples.results(), folder)
    return folder / "index.html"


def _press(browser: Any, selector: str, *keys: str) -> None:
    from selenium.webdriver.common.by import By

    browser.find_element(By.CSS_SELECTOR, selector).send_keys(*keys)


def _text(browser: Any, selector: str) -> str:
    found: str = browser.execute_script(
        "return document.querySelector(arguments[0]).textContent", selector
    )
    return found


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 360])
def test_every_chart_is_drawn_and_the_console_is_silent(
    browser: Any, page: Path, width: int, dark: bool
) -> None:
    """On a desk and on a phone, light and dark: ink on each canvas, no error, no overflow."""
    browser.get_log("browser")
    show(browser, page, width=width, dark=dark)
    drawn = browser.execute_script("""
        return [...document.querySelectorAll("figure.chart")].map((figure) => {
          const canvas = figure.querySelector("canvas");
          const ink = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const colours = new Set();
          for (let at = 0; at < ink.length; at += 4)
            if (ink[at + 3] > 200) colours.add(`${ink[at]},${ink[at + 1]},${ink[at + 2]}`);
          return [figure.dataset.chart, figure.hidden, colours.size];
        })""")
    assert [name for name, _, _ in drawn] == CHARTS
    assert not any(hidden for _, hidden, _ in drawn)
    assert all(colours > 5 for _, _, colours in drawn), drawn
    assert browser.get_log("browser") == []
    widths = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") != dark


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(browser: Any, page: Path, width: int, dark: bool) -> None:
    """No fault that a screen reader, a keyboard or weak eyes would meet: names, roles, contrast."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    show(browser, page, width=width, dark=dark)
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    found = browser.execute_async_script("""
        const done = arguments[arguments.length - 1];
        axe.run().then((all) => done(all.violations.map((one) => [one.id, one.nodes[0].html])));
        """)
    assert found == []


def test_a_conversation_is_never_cut_off(browser: Any, page: Path) -> None:
    """On a phone what does not fit beside goes on below."""
    show(browser, page, width=390)
    sizes = browser.execute_script(
        "const lanes = document.querySelector('.lanes');"
        "return [lanes.scrollWidth, lanes.clientWidth]"
    )
    assert sizes[0] <= sizes[1]


def test_the_page_loads_nothing_but_itself(browser: Any, page: Path) -> None:
    """The one request of the browser is for the page."""
    browser.get_log("performance")
    show(browser, page)
    requests = [
        message["params"]["request"]["url"]
        for entry in browser.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"]
        == "Network.requestWillBeSent"
    ]
    assert {url for url in requests if not url.startswith("data:")} == {page.as_uri()}


def test_every_link_works(browser: Any, page: Path) -> None:
    """Fragments name an element that can be seen, and files lie where the links say."""
    from urllib.parse import unquote, urlsplit

    show(browser, page)
    links = browser.execute_script(
        "return [...document.querySelectorAll('a')].map((a) => [a.getAttribute('href'), a.href])"
    )
    fragments = [href[1:] for href, _ in links if href.startswith("#")]
    files = [unquote(urlsplit(url).path) for href, url in links if not href.startswith("#")]
    assert len(fragments) > 10
    assert len(files) == 2
    for fragment in fragments:
        assert browser.execute_script(
            "return document.getElementById(arguments[0]).getClientRects().length", fragment
        )
    assert all(Path(file).is_file() for file in files)


def test_charts_answer_to_keys(browser: Any, page: Path) -> None:
    """Arrows speak the values, plus zooms in, zero shows all again."""
    show(browser, page)
    plot = 'figure[data-chart="throughput"] .plot'
    said = 'figure[data-chart="throughput"] .said'
    _press(browser, plot, "\ue014")  # arrow right
    first = _text(browser, said)
    _press(browser, plot, "\ue014")
    assert first.startswith("1 s, 50 connections: requests/s ")
    assert _text(browser, said).startswith("2 s, ")
    _press(browser, plot, "\ue010")  # end
    assert _text(browser, said).startswith("20 s, ")
    _press(browser, plot, "+")
    _press(browser, plot, "\ue011")  # home: the first point that is still shown
    zoomed = _text(browser, said)
    assert int(zoomed.split()[0]) > 3
    _press(browser, plot, "0", "\ue011")
    assert _text(browser, said) == first


def test_a_conversation_can_be_walked_with_keys(browser: Any, page: Path) -> None:
    """Arrow keys move along the lanes and show the bytes of each segment."""
    show(browser, page)
    _press(browser, ".lanes", "\ue014", "\ue014", "\ue014")
    detail = _text(browser, ".timeline .detail")
    assert "sent 6 bytes: ello\\r\\n" in detail
    assert "65 6c 6c 6f 0d 0a" in detail
    _press(browser, ".lanes", "\ue010")
    assert "Here it went wrong" in browser.execute_script(
        "return document.querySelector('.lanes .on').getAttribute('aria-label')"
    )
    _press(browser, ".strip", "\ue014", "\ue014")
    assert "offset 1: tried 3, failed 3" in _text(browser, ".map .detail")


def test_everything_that_acts_can_be_reached_with_tab(browser: Any, page: Path) -> None:
    """Tab visits every link, button, field, chart and lane, and each shows that it has focus."""
    show(browser, page)
    wanted = browser.execute_script("""
        return [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
          .filter((e) => e.tabIndex >= 0 && e.getClientRects().length).length""")
    seen = browser.execute_script("window.visited = new Set(); return 0")
    for _ in range(wanted + 3):
        _press_active(browser)
        seen = browser.execute_script("""
            const e = document.activeElement;
            if (e !== document.body && getComputedStyle(e).outlineStyle === "none")
              throw new Error("no focus ring on " + e.outerHTML.slice(0, 80));
            visited.add(e); return visited.size""")
    assert seen >= wanted


def _press_active(browser: Any) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys("\ue004").perform()


def test_the_matrix_is_filtered_by_button_and_words(browser: Any, page: Path) -> None:
    """What needs attention, and what holds the words, is what is left."""
    show(browser, page)
    rows = "return [...document.querySelectorAll('.matrix tbody tr')].filter(r => !r.hidden).length"
    assert browser.execute_script(rows) == 15
    _press(browser, '[data-show="attention"]', "\ue007")
    assert browser.execute_script(rows) == 5
    _press(browser, "#find", "seg-09")
    assert browser.execute_script(rows) == 1
    assert _text(browser, "#shown") == "1 shown"


def test_colours_can_be_chosen(browser: Any, page: Path) -> None:
    """The button goes from the system's colours to light and to dark."""
    show(browser, page)
    grounds = []
    for _ in range(3):
        _press(browser, "#theme", "\ue007")
        grounds.append(
            browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        )
    assert grounds[0] == grounds[2] != grounds[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("</script><script>window.owned = 1</script>", "<script>window.owned = 1</script>"),
        ("<img src=x onerror='window.owned = 1'>", "<img src=x onerror='window.owned = 1'>"),
        (
            "\u202e\u2066evil\u200b\x1b[31m\x00\ufffe",
            "\\u202e\\u2066evil\\u200b\\x1b[31m\\x00\\ufffe",
        ),
        ("x" * 1_000_000, "characters left out"),
    ],
    ids=["script", "image", "invisible", "megabyte"],
)
def test_text_of_a_server_does_nothing(browser: Any, tmp_path: Path, text: str, shown: str) -> None:
    """Markup is shown, invisible signs are written out, and a megabyte fits a phone's screen."""
    line = samples.requirement("A-1", Verdict.FAIL, text, title=text, expected=text, actual=text)
    results = samples.results(check=samples.check(line), load=samples.load(), target=text)
    write_reports(results, tmp_path)
    browser.get_log("browser")
    show(browser, tmp_path / "index.html", width=360)
    assert browser.execute_script("return window.owned") is None
    assert browser.get_log("browser") == []
    visible = browser.execute_script("return document.body.innerText + document.title")
    assert not set(visible) & set("\u202e\u2066\u200b\x1b\x00\ufffe")
    assert shown in visible
    widths = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]


def test_print_cuts_no_chart_off(browser: Any, page: Path) -> None:
    """Paper is narrower than the window: what was drawn for the window shrinks to it."""
    show(browser, page, width=1280)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        reaches = browser.execute_script("""
            const content = document.getElementById("content");
            content.style.width = "600px";
            const edge = content.getBoundingClientRect().right + 1;
            return [...document.querySelectorAll("figure.chart canvas")]
              .filter((canvas) => canvas.getBoundingClientRect().right > edge).length""")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert reaches == 0
