# ruff: noqa: F401 - imported for those that come after
"""What commands import, once for all of them."""

import hypothesis.strategies

import harness.accept_queue.survey
import harness.cli.backlog
import harness.cli.check
import harness.cli.load
import harness.conformance.session
import harness.load.launch
import harness.protocols.http1
import harness.reporting.render
import harness.reporting.terminal
