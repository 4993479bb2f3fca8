"""The command: where the server is, how it went, and the exit code."""

import sys

from wireproof.conformance.evidence.script.broken import Broken
from wireproof.conformance.evidence.script.case import CASE
from wireproof.conformance.evidence.script.stream_steps import run  # or datagram_steps


def main():
    """Replay, and say how it went."""
    address = sys.argv[1:] or CASE["address"]
    expected = 1 if CASE["scheme"] in ("unix", "exec") else 2
    if len(address) != expected or (expected == 2 and not str(address[1]).isdigit()):
        print(f"usage: {sys.argv[0]} {'PATH' if expected == 1 else 'HOST PORT'}")
        return 2
    address = address[0] if expected == 1 else (address[0], int(address[1]))
    try:
        for _ in range(CASE["runs"]):
            run(address)
    except Broken as broken:
        print(f"{CASE['requirement']} FAILS: {broken}")
        return 1
    except OSError as error:
        print(f"cannot reach the server: {error}")
        return 3
    print(f"{CASE['requirement']} holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
