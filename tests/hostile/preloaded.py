# ruff: noqa: F401 - imported for those that come after
"""What commands import, once for all of them."""

import hypothesis.strategies

import wireproof.accept_queue.survey
import wireproof.cli.backlog
import wireproof.cli.check
import wireproof.cli.load
import wireproof.conformance.session
import wireproof.load.launch
import wireproof.protocols.built_in.http1
import wireproof.reporting.render
import wireproof.reporting.terminal.summary
