"""Wireproof's options in Locust's command line, and the spec that they make.

Of these a worker takes its master's numbers, and has the others on its own command line. In the web
form is the rate alone. No Locust is imported here.
"""

from __future__ import annotations

import argparse
from typing import Any

from wireproof.durations import parse_duration
from wireproof.errors import UsageError
from wireproof.load.spec import Arrivals, LoadSpec, decode_spec

_DEFAULTS = LoadSpec(target="")
OPTIONS = (
    *("protocol", "settings", "payload", "pipeline", "rate", "arrivals", "warm_up"),
    *("reply_timeout", "seed", "allow_host", "wireproof_spec", "num_users"),
)
"""What a spec is made of, as Locust's options are named; all but the last are ours."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to Locust's parser."""
    group = parser.add_argument_group("Wireproof", "What the connections say, and how often.")
    group.add_argument(
        "--protocol",
        default=_DEFAULTS.protocol,
        help="a built-in protocol, module:Class or file.py:Class",
    )
    group.add_argument(
        "--settings", default="", metavar="NAME=VALUE,…", help="the protocol's own settings"
    )
    group.add_argument(
        "--payload", default="", help="size of a request: 64, 1-4096, or any (drawn)"
    )
    group.add_argument("--pipeline", type=int, default=1, help="requests sent in one go")
    rate = group.add_argument(
        "--rate", type=float, default=0.0, help="requests per second in all; 0: a closed loop"
    )
    vars(rate)["include_in_web_ui"] = True  # Locust's page leaves out what is in a group
    group.add_argument(
        "--arrivals", choices=[str(one) for one in Arrivals], default="constant", help="with --rate"
    )
    group.add_argument(
        "--warm-up", type=_duration, default=1.0, metavar="TIME", help="what is not measured: 1s"
    )
    group.add_argument(
        "--reply-timeout", type=_duration, default=5.0, metavar="TIME", help="for a reply: 5s"
    )
    group.add_argument("--seed", type=int, default=0, help="of the payloads and Poisson arrivals")
    group.add_argument(
        "--allow-host", default="", metavar="HOST,…", help="hosts beyond this machine that you own"
    )
    group.add_argument("--wireproof-spec", default="", help=argparse.SUPPRESS)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(error.problem) from None


def spec_of(options: Any, host: str | None) -> LoadSpec:
    """Return the spec that the options make.

    Args:
        options: Locust's, ours among them.
        host: the target, where no whole spec is among the options.

    Raises:
        UsageError: they make none.

    """
    if options.wireproof_spec:
        return decode_spec(options.wireproof_spec)
    settings = {}
    for item in filter(None, options.settings.split(",")):
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--settings {item!r} has no value", "write --settings name=value")
        settings[name.strip()] = value.strip()
    return LoadSpec(
        target=host or "",
        allow_hosts=[one for one in options.allow_host.split(",") if one],
        protocol=options.protocol,
        settings=settings,
        users=[options.num_users or 1],
        warm_up_s=options.warm_up,
        rate_per_s=options.rate or None,
        arrivals=Arrivals(options.arrivals),
        payload=options.payload,
        pipeline=options.pipeline,
        timeout_s=options.reply_timeout,
        seed=options.seed,
    )


def told_spec(told: Any, host: str) -> LoadSpec:
    """Return the spec that a master's options make, as a worker was told them.

    Args:
        told: options by name, from the network.
        host: the target.

    Raises:
        UsageError: they make none.

    """
    defaults = argparse.ArgumentParser()
    add_options(defaults)
    options = defaults.parse_args([], argparse.Namespace(num_users=1))
    for name, value in (told if isinstance(told, dict) else {}).items():
        known = getattr(options, str(name), None)
        if value is None or known is None:
            continue
        if isinstance(known, str) != isinstance(value, str) or not isinstance(
            value, str | int | float
        ):
            raise UsageError(f"the master's {name} is no {type(known).__name__}: refused")
        setattr(options, name, value)
    try:
        return spec_of(options, host)
    except ValueError as error:  # arrivals that there are not
        raise UsageError(f"the master's options make no load: {error}") from None
