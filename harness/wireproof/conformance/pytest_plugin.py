"""The pytest face of the catalogue: one test item a requirement.

    pytest --wireproof-target tcp://127.0.0.1:7 --protocol echo

This file is loaded by every pytest run where Wireproof is installed, so it imports next to nothing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options of the suite."""
    group = parser.getgroup("wireproof", "conformance of a socket server")
    group.addoption("--target", metavar="TARGET", help="the server under test, tcp://HOST:PORT")
    group.addoption(
        "--wireproof-target",
        metavar="TARGET",
        help="the same, and the suite is run beside whatever else is",
    )
    group.addoption("--protocol", metavar="NAME", default="timestamp-echo", help="how it speaks")
    group.addoption(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="protocol_settings",
        help="a setting of the protocol",
    )
    group.addoption(
        "--depth", choices=["quick", "default", "deep"], default="quick", help="how much to try"
    )
    group.addoption("--wire-seed", type=int, default=0, help="seed of what is drawn")
    group.addoption(
        "--allow-host",
        metavar="HOST",
        action="append",
        default=[],
        help="a host beyond this machine that you own",
    )


def pytest_configure(config: "pytest.Config") -> None:
    """Add the suite to what is collected, where `--wireproof-target` asks for it."""
    suite = str(Path(__file__).with_name("suite"))
    if config.getoption("--wireproof-target") and suite not in config.args:
        config.args.append(suite)
