"""reference_server.config."""

import pytest

from reference_server.config import Config


@pytest.mark.parametrize(
    ("buffer_bytes", "max_buffered_bytes", "read_bytes"),
    [(1024, 65536, 62 * 1024), (1024, 1, 1024), (1024, 2102, 2048), (1, 65536, 2340)],
)
def test_what_is_read_at_once_fits_the_buffer_limit_when_framed(
    buffer_bytes: int, max_buffered_bytes: int, read_bytes: int
) -> None:
    """As many whole frames as fit, and at least one."""
    config = Config(buffer_bytes=buffer_bytes, max_buffered_bytes=max_buffered_bytes)
    assert config.read_bytes == read_bytes


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"port": 65536}, "port: 65536 is not between 0 and 65535"),
        ({"buffer_bytes": 0}, "buffer_bytes: 0 is not between 1"),
        ({"workers": 0}, "workers: 0 is not between 1 and 1024"),
        ({"max_connections": 0}, "max_connections: 0 is not between 1"),
        ({"grace_s": 0.0}, "grace_s: 0.0 is not a number of seconds above 0"),
        ({"idle_timeout_s": -1.0}, "idle_timeout_s: -1.0 is not a number of seconds above 0"),
        ({"model": "threads"}, "model: 'threads' is none of prefork, fork, iterative"),
        ({"tls_key": "k"}, "tls_cert and tls_key go together"),
    ],
)
def test_what_no_server_can_be_is_refused(values: dict[str, object], complaint: str) -> None:
    """Whoever makes a configuration, with or without a command line."""
    with pytest.raises(ValueError, match=f"^{complaint}"):
        Config(**values)  # type: ignore[arg-type]
