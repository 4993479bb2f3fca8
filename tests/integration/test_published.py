"""What people take from here: examples that run, workflows, the action and the container file."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.printed import understood

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
ACTION = ROOT / ".github" / "actions" / "wireproof" / "action.yml"
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), EXAMPLES / "ci.yml"]
BIN = Path(sys.executable).parent
TIMEOUT_S = 100


def run(*words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program of this environment."""
    return subprocess.run(
        [BIN / words[0], *words[1:]],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_the_pytest_project_holds():
    """Its fixture starts the server, and requirements of two families hold."""
    only = ("-p", "no:cacheprovider", "-k", "SEG-SINGLE or CLOSE-HALF")
    done = run("pytest", "-q", *only, cwd=EXAMPLES / "pytest_project")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_locustfile_loads(tmp_path: Path):
    """Two players for a second, and no failure."""
    server = EXAMPLES / "pytest_project" / "gateway.py"
    with subprocess.Popen(
        [sys.executable, server], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split()[-1]
        words = ("-f", EXAMPLES / "locustfile.py", "--headless", "-u", "2", "-r", "2", "-t", "2s")
        done = run("locust", *words, "--host", f"tcp://127.0.0.1:{port}", cwd=tmp_path)
        process.kill()
    assert done.returncode == 0, done.stderr
    assert "greet" in done.stdout + done.stderr


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_one(path: Path):
    """Each step does one thing, and a target of make that it names is there."""
    workflow = yaml.safe_load(path.read_text())
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step), step
        for target in re.findall(r"make (\w+)", step.get("run", "")):
            assert target in targets


def test_the_action_checks_and_reports():
    """The example gives its inputs; each reaches the shell as a variable, never as text."""
    action = yaml.safe_load(ACTION.read_text())
    used = next(
        step
        for step in steps(yaml.safe_load((EXAMPLES / "ci.yml").read_text()))
        if "actions/wireproof" in step.get("uses", "")
    )
    assert set(used["with"]) <= set(action["inputs"])
    needed = {name for name, one in action["inputs"].items() if one.get("required")}
    assert needed <= set(used["with"])
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_script_of_the_action_runs(tmp_path: Path):
    """The check's exit code is the step's; summary and SARIF log are there."""
    script = yaml.safe_load(ACTION.read_text())["runs"]["steps"][1]["run"]
    server = EXAMPLES / "pytest_project" / "gateway.py"
    text = server.read_text().replace('("127.0.0.1", 0)', '("127.0.0.1", int(sys.argv[1]))')
    (tmp_path / "gateway.py").write_text(
        text.replace("import socketserver", "import socketserver, sys")
    )
    summary = tmp_path / "summary.md"
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "TARGET": "tcp://127.0.0.1:0",
        "PROTOCOL": "line-echo",
        "START": f"{sys.executable} gateway.py {{port}}",
        "DEPTH": "quick",
        "BASELINE": "",
        "OUT": "out",
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    script = script.replace("--force)", "--force --only SEG-SINGLE)")
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert summary.read_text().startswith("## Wireproof: PASS")
    assert (tmp_path / "out" / "wireproof.sarif").is_file()


def test_the_compose_file_checks_a_server():
    """Its command is one of ours, and is allowed to go where it goes."""
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    check = services["check"]
    assert understood(" ".join(["wireproof", *check["command"]]))
    assert (EXAMPLES / check["build"] / "Dockerfile").is_file()
    assert set(check["depends_on"]) <= set(services)


def test_the_container_file_takes_what_is_there_and_runs_without_rights():
    """What it copies exists, and its last user is not root."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for name in line.split()[1:-1]:
                assert (ROOT / name).exists(), name
    (user,) = (line.split()[1] for line in lines if line.startswith("USER"))
    assert user != "root"
    assert any(line.startswith("RUN useradd") and user in line for line in lines)
