"""Limits of descriptors, lowered for a while."""

import os
import resource
import subprocess
import sys

from wireproof.wire.kernel.descriptor_limit import few_descriptors

OPENS = """
import os
while input() != "end":
    try:
        print(os.open(os.devnull, 0), flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


def test_a_process_may_open_a_few_more_and_then_as_many_as_before() -> None:
    """The limit is lowered while the process runs, and then raised to where it was."""
    with subprocess.Popen(
        [sys.executable, "-c", OPENS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def opened(count: int) -> list[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("open\n" * count)
            process.stdin.flush()
            return [process.stdout.readline().strip() for _ in range(count)]

        opened(1)
        before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        with few_descriptors([process.pid], 3) as most:
            found = opened(most + 1)
        assert found[-1] == os.strerror(24)
        assert all(one.isdigit() for one in found[:3])
        assert opened(1)[0].isdigit()
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == before
        process.stdin.write("end\n")


def test_what_is_gone_is_left_alone() -> None:
    """There is nothing to lower."""
    with few_descriptors([2**22 - 1], 3) as most:
        assert most == 0
