"""The swarm's loop by itself, in a process that Locust's patches may change."""

import json
import subprocess
import sys

import pytest

from tests.support.server_process import running

pytestmark = pytest.mark.usefixtures("loop_form")

_PROGRAM = """
import json, sys
import locust  # patches the process first
import gevent
from wireproof.load.workload.drawing import draw_corpus
from wireproof.load.swarm.measuring.phases import Stage
from wireproof.load.spec import LoadSpec
from wireproof.load.swarm.measuring.recorder import Recorder
from wireproof.load.swarm.loop import Swarm
from wireproof.protocols.loading.registry import find_protocol
from wireproof.target import parse_target, resolve

pairs = []
count = Recorder.stamp

def stamp(self, service_ns, wire_ns):
    pairs.append((service_ns, wire_ns))
    count(self, service_ns, wire_ns)

Recorder.stamp = stamp
spec = LoadSpec(target=sys.argv[1], users=[10])
protocol = find_protocol(spec.protocol, spec.settings)
done = gevent.event.Event()
troubles = []
swarm = Swarm(
    resolve(parse_target(spec.target))[0], protocol, draw_corpus(spec, protocol),
    timeout_s=5.0, open_loop=False, on_tally=lambda tally: None,
    on_stage_done=lambda stage: done.set(), on_trouble=troubles.append,
)
for _ in range(10):
    swarm.join()
swarm.start_stage(Stage(number=0, warm_up_s=0.1, seconds=0.7, ramp_s=5.0, drain_s=5.0))
assert done.wait(30.0) and not troubles
swarm.stop()
print(json.dumps(pairs))
"""


def test_no_reply_arrives_later_than_it_is_read():
    """Reply by reply, the wire latency is positive and at most the service latency."""
    with running("--port", "0", "--workers", "1") as server:
        command = [sys.executable, "-c", _PROGRAM, server.targets[0]]
        run = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    pairs = json.loads(run.stdout)
    assert len(pairs) > 100
    wrong = [pair for pair in pairs if not 0 < pair[1] <= pair[0]]
    assert wrong == [], f"{len(wrong)} of {len(pairs)}"
