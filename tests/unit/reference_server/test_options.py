"""reference_server.options."""

import os

import pytest

from reference_server.options import parse


def test_defaults_are_the_article_s() -> None:
    """Port 28812 on loopback, chunks of 1024, backlog 50, a worker a core."""
    config = parse([])
    assert (config.host, config.port) == ("127.0.0.1", 28812)
    assert (config.buffer_bytes, config.backlog, config.model) == (1024, 50, "prefork")
    assert config.workers == len(os.sched_getaffinity(0))
    assert (config.idle_timeout_s, config.max_connections) == (None, None)


@pytest.mark.parametrize(
    ("options", "host", "port"),
    [
        ([], None, 28812),
        (["--port", "0"], "127.0.0.1", 0),
        (["--host", "::1"], "::1", 28812),
    ],
)
def test_a_unix_path_replaces_tcp_unless_both_are_asked_for(
    options: list[str], host: str | None, port: int
) -> None:
    """With --unix, TCP is served only if host or port is given."""
    config = parse(["--unix", "/run/s", *options])
    assert (config.unix_path, config.host, config.port) == ("/run/s", host, port)


def test_durations_are_read_as_wireproof_reads_them() -> None:
    """A number with a unit; seconds without one."""
    config = parse(["--idle-timeout", "2m", "--grace", "500ms"])
    assert (config.idle_timeout_s, config.grace_s) == (120, 0.5)
    assert parse(["--grace", "1.5"]).grace_s == 1.5


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--port", "65536"], "65536 is not between 0 and 65535"),
        (["--buffer", "0"], "0 is not between 1"),
        (["--grace", "0"], "0 is not above 0 and below 1000000 s"),
        (["--grace", "soon"], "invalid duration 'soon': write 500ms, 5s or 2m"),
        (["--idle-timeout", "1e3"], "invalid duration '1e3'"),
        (["--workers", "x"], "invalid whole number value: 'x'"),
        (["--tls-cert", "a"], "--tls-cert and --tls-key go together"),
        (["--model", "threads"], "invalid choice: 'threads'"),
        (["--fault", "grets"], "did you mean greets?"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the value that was refused."""
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert len(told.splitlines()) == 1


def test_a_fault_is_served_by_one_worker() -> None:
    """Unless more are asked for: a defect in one of several would be met by chance."""
    assert parse(["--fault", "greets"]).workers == 1
    assert parse(["--fault", "greets", "--workers", "3"]).workers == 3
