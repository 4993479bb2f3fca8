"""What a browser may do with Locust's web page: change users, rate and time of this run, no more.

Two attacks reach a page that listens on loopback alone. A page of another site sends requests that
the browser lets through because they look like a form's (cross-site posts); and a name that its
owner turns to 127.0.0.1 later makes the browser take this page for a part of that site (DNS
rebinding). The first is seen by `Origin`, the second by `Host`.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.datastructures import ImmutableMultiDict

from wireproof.errors import UsageError
from wireproof.load.spec import MAX_RATE_PER_S
from wireproof.target import is_loopback_host

if TYPE_CHECKING:
    from locust.env import Environment

_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_Headers = list[tuple[str, str]]

PAGE_MAY_SET = frozenset({"user_count", "spawn_rate", "run_time", "rate"})
"""Fields of the form that starts a load; all others stay as the command line has them."""
_PICKER_MAY_SET = frozenset({"user_classes", "shape_class"})
USER_MAY_HAVE = frozenset({"user_class_name", "tasks", "weight", "fixed_count"})
"""What may be changed of a user class while Locust runs."""
MAX_USERS = 1_000_000
_MAX_FORM_BYTES = 1_000_000
_LONGEST_TIME = 12
"""Characters: longer ones are more than Locust's timer can count."""


class OwnPagesOnly:
    """A WSGI application in front of Locust's, which lets only its own pages' requests through."""

    def __init__(
        self, app: _App, names: Iterable[str], *, any_address: bool, shown_at: str | None = None
    ) -> None:
        """Guard `app`.

        Args:
            app: answers what is let through.
            names: that this machine is called by, without ports.
            shown_at: the URL of a proxy that shows the page, where there is one.
            any_address: whether an address instead of a name is right, whichever it is: where the
                page listens on all of them. An address cannot be rebound.

        """
        self._app = app
        self._names = {name.lower() for name in names}
        self._proxy = _origin_of(shown_at or "")
        if self._proxy is not None:
            self._names.add(self._proxy.partition(":")[0])
        self._any_address = any_address

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, as PEP 3333 has it."""
        if problem := self.problem_of(environ):
            text = f"wireproof: {problem}\n".encode()
            start_response(
                "403 Forbidden",
                [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))],
            )
            return [text]

        def start(status: str, headers: _Headers, exc_info: Any = None) -> Any:
            kept = [one for one in headers if not one[0].lower().startswith("access-control-")]
            kept += [
                ("X-Frame-Options", "DENY"),  # nor in a frame of another site, to be clicked at
                ("X-Content-Type-Options", "nosniff"),
            ]
            return start_response(status, kept, exc_info)

        return self._app(environ, start)

    def problem_of(self, environ: Mapping[str, Any]) -> str:
        """Return why a request is not let through; empty if it is."""
        host = str(environ.get("HTTP_HOST", ""))
        name = _name_of(f"//{host}")
        if name is None or not self._is_ours(name):
            return f"this page is not called {ascii(host)[1:-1]:.80}"
        origin = environ.get("HTTP_ORIGIN")
        own = {host.lower(), self._proxy} - {None}
        if origin is not None and _origin_of(str(origin)) not in own:
            return f"a page of {ascii(origin)[1:-1]:.80} may not do this"
        changes = environ.get("REQUEST_METHOD") not in {"GET", "HEAD", "OPTIONS"}
        if changes and environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in {
            "same-origin",
            "none",
        }:
            return "a page of another site may not do this"
        return ""

    def _is_ours(self, name: str) -> bool:
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")  # RFC 6761, 6.3
        return self._any_address or address.is_loopback


def _origin_of(origin: str) -> str | None:
    """Return host and port of an origin, or None where it is none, such as `null`."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _name_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc and not parts.path and not parts.username else None


def guard_page(environment: Environment, app: Flask, web_host: str, shown_as: str | None) -> None:
    """Put the guards before Locust's web page.

    Args:
        environment: Locust's.
        app: its page's; it does not serve yet.
        web_host: where it will listen; empty for everywhere.
        shown_as: the URL that the user says it is reached by, `--web-host-display-name`.

    """
    names = [web_host]
    if not is_loopback_host(web_host):
        names += [socket.gethostname(), socket.getfqdn()]
    every = not web_host or web_host in {"0.0.0.0", "::"}
    app.wsgi_app = OwnPagesOnly(  # type: ignore[method-assign]
        app.wsgi_app, filter(None, names), any_address=every, shown_at=shown_as
    )
    app.config["MAX_CONTENT_LENGTH"] = _MAX_FORM_BYTES
    app.before_request(lambda: _check_form(environment))


def _check_form(environment: Environment) -> Response | None:
    """Leave in a form what it may set; refuse it in the page's own way if it would set more."""
    if request.method != "POST" or request.endpoint != "locust.swarm":
        return None
    options = vars(environment.parsed_options) if environment.parsed_options else {}
    may_set = PAGE_MAY_SET
    if environment.web_ui is not None and environment.web_ui.userclass_picker_is_active:
        may_set |= _PICKER_MAY_SET
    try:
        _check_numbers(request.form)
        for name in request.form.keys() - may_set:
            now = environment.host if name == "host" else options.get(name)
            if name in {"host", *options} and not _is_same(request.form.getlist(name), now):
                option = name.replace("_", "-")
                raise UsageError(
                    f"this page sets users, rate and time; --{option} stays as the command line"
                    " has it"
                )
    except UsageError as problem:
        text = json.dumps({"success": False, "message": problem.problem, "host": environment.host})
        return Response(text, mimetype="application/json")
    kept = [pair for pair in request.form.items(multi=True) if pair[0] in may_set]
    request.form = ImmutableMultiDict(kept)
    return None


def _check_numbers(form: Mapping[str, str]) -> None:
    """Refuse numbers beyond reason; what else is none, Locust's own page refuses.

    Raises:
        UsageError: there is one.

    """
    users = form.get("user_count", "0")
    if len(users) > 20 or (users.isdigit() and int(users) > MAX_USERS):
        raise UsageError(f"no more than {MAX_USERS:,} users")
    try:
        rate = float(form.get("rate", "0"))
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= MAX_RATE_PER_S:
        raise UsageError(f"a rate is a number of requests per second up to {MAX_RATE_PER_S:,}")
    if len(form.get("run_time", "")) > _LONGEST_TIME:
        raise UsageError("a time is as short as 1h20m")


def _is_same(given: list[str], now: object) -> bool:
    """Whether the texts of a form's field say what an option is already."""
    if isinstance(now, bool):
        return given == [str(now).lower()] or given == [str(now)]
    if isinstance(now, list):
        return given == [str(one) for one in now] or ",".join(given) == ",".join(map(str, now))
    return given == ["" if now is None else str(now)] or (now is not None and given == [repr(now)])


def check_user_class(user_class: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the settings may be set of a user class while Locust runs.

    Raises:
        UsageError: they would change more, such as its host or its protocol.

    """
    kept = {name: value for name, value in settings.items() if name in USER_MAY_HAVE}
    for name in settings.keys() - USER_MAY_HAVE:
        if getattr(user_class, name, None) != settings[name]:
            raise UsageError(f"{name[:40]!r} of a user class stays as its file has it")
    for name in ("weight", "fixed_count"):
        value = kept.get(name, 0)
        if type(value) not in {int, float} or not 0 <= value <= MAX_USERS:
            raise UsageError(f"{name} of a user class is a number up to {MAX_USERS:,}")
    return kept
