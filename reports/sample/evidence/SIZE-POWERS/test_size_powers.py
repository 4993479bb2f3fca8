"""Recorded by Wireproof; it belongs beside replay.json; set TARGET."""

from pathlib import Path

from wireproof.conformance import replay

TARGET = 'tcp://127.0.0.1:28812'


def test_size_powers_holds():
    """SIZE-POWERS holds for the conversation that once broke it."""
    outcome = replay(Path(__file__).with_name("replay.json"), TARGET, protocol='timestamp-echo')
    assert outcome.fate == "FIXED", outcome
