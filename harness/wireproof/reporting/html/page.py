"""The page: one self-contained file that needs no network and no server.

Charts are drawn by uPlot (MIT; its licence stands beside it in `assets/`), chosen over Plotly and
ECharts for its size: 51 kB in each report instead of 1 to 4.7 MB, so that a report can be mailed,
kept by a CI server and opened on a phone. The page's policy allows no request and no script but
its own two, by their hashes; all text is escaped by the template engine.
"""

import base64
import hashlib
import json
import os
import urllib.parse
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from wireproof.reporting import digest, figures
from wireproof.reporting.html.charts import chart_data
from wireproof.reporting.html.check_view import Link, boundary_views, finding_views, matrix
from wireproof.reporting.learnt import SPAN_HEADINGS, learnt_lines, span_row
from wireproof.reporting.markdown import environment_line
from wireproof.reporting.text import escaped
from wireproof.results import Results, outcome
from wireproof.words import counted

MAX_PAGE_BYTES = 5_000_000


def html(results: Results, folder: Path, page_folder: Path | None = None) -> str:
    """Return the page.

    Args:
        results: what it shows.
        folder: of the result file, where its evidence lies.
        page_folder: where the page will lie, for its links to the evidence; None: no links.

    """
    page = _render(results, folder, page_folder, with_conversations=True)
    if len(page.encode()) > MAX_PAGE_BYTES:
        page = _render(results, folder, page_folder, with_conversations=False)
    return page


def _render(
    results: Results, folder: Path, page_folder: Path | None, *, with_conversations: bool
) -> str:
    check = results.check
    found = outcome(results)
    link = _linker(folder, page_folder)
    scripts = [asset("uPlot.iife.min.js"), asset("page.js")]
    styles = [asset("uPlot.min.css") + asset("page.css")]
    page: str = page_template("page.html.j2").render(
        answer=found,
        reasons=digest.reasons(found),
        place=digest.place(results),
        started=digest.when(results.started_at),
        results=results,
        effort=digest.effort(check, results.between) if check else "",
        rows=matrix(check) if check else [],
        findings=finding_views(check, folder, link, with_conversations=with_conversations)
        if check
        else [],
        boundaries=boundary_views(check) if check else [],
        learnt=learnt_lines(check, found) if check else [],
        span_headings=SPAN_HEADINGS,
        spans=[span_row(one) for one in check.learnt.spans] if check and check.learnt else [],
        stages=digest.steady_stages(results.load) if results.load else [],
        open_loop=bool(results.load and results.load.rate_per_s is not None),
        kinds_note=_kinds_note(results),
        unsteady=bool(
            results.load and any(second.phase != "steady" for second in results.load.series)
        ),
        load_length=digest.length(results.load) if results.load else "",
        models=digest.ladder_models(results.backlog) if results.backlog else {},
        latency_kinds=digest.LATENCY_KINDS,
        bottleneck_words=digest.BOTTLENECK_WORDS,
        queue_sources=digest.QUEUE_SOURCES,
        environment_line=environment_line(results.environment),
        charts=_json(chart_data(results)),
        scripts=[Markup(text) for text in scripts],  # noqa: S704 - our own files
        styles=[Markup(text) for text in styles],  # noqa: S704 - our own files
        policy=page_policy(scripts, styles),
    )
    return page


def _kinds_note(results: Results) -> str:
    """Return what the latencies are, and what lies between them, of those that were measured."""
    kinds = results.load.latency_us if results.load else {}
    said = "; ".join(
        f"{kind}: {words}" for kind, words in digest.LATENCY_KINDS.items() if kind in kinds
    )
    note = f"{said[:1].upper()}{said[1:]}." if said else ""
    if {"scheduled", "service"} <= kinds.keys():
        note += " Between scheduled and service lies the time that requests waited to be sent."
    if {"service", "wire"} <= kinds.keys():
        note += " Between service and wire lies the load generator's own delay."
    return note


def _linker(folder: Path, page_folder: Path | None) -> Link:
    """Return what makes a relative link of an evidence file's name, or nothing."""

    def link(name: str) -> str | None:
        if page_folder is None:
            return None
        relative = os.path.relpath(folder / name, page_folder)
        return urllib.parse.quote(relative, safe="/")

    return link


def page_policy(scripts: list[str], styles: list[str]) -> str:
    """Return the content security policy that lets these inline texts work, and nothing else."""
    sources = {"script-src": scripts, "style-src": styles}
    own = [f"{name} {' '.join(map(_hash, texts))}" for name, texts in sources.items() if texts]
    return "; ".join(
        ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:", *own]
    )


def _hash(text: str) -> str:
    digested = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digested}'"


def _json(data: dict[str, Any]) -> Markup:
    r"""Return JSON that no text in it can end: `<`, `>` and `&` are written as \uNNNN."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - what could be markup has just been escaped


@cache
def asset(name: str) -> str:
    """Return the text of a file that comes with the package."""
    return (
        resources.files("wireproof.reporting.html")
        .joinpath("assets", name)
        .read_text("utf-8")
        .strip()
    )


@cache
def page_template(name: str) -> Template:
    """Return a template whose every value is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "safe_text": escaped,
        "duration": figures.duration,
        "rate": figures.rate,
        "seconds": figures.seconds,
        "causes": digest.causes,
    }
    environment.globals["counted"] = counted
    environment.globals["leading_latency"] = digest.leading_latency
    return environment.from_string(asset(name))
