"""Where a measurement was made."""

import os
import platform
import socket
from importlib import metadata
from pathlib import Path

from wireproof.loop_form import loop_form
from wireproof.results import Environment

_LIBRARIES = ("hypothesis", "locust", "gevent", "pytest")
_SYSCTLS = (
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_syncookies",
)


def collect_environment(version: str) -> Environment:
    """Describe this machine; what it does not tell is left out."""
    versions = {"wireproof": version}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return Environment(
        host=socket.gethostname(),
        kernel=f"{platform.system()} {platform.release()}",
        cpu=_cpu_model(),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions=versions,
        sysctls={name: value for name in _SYSCTLS if (value := _sysctl(name)) is not None},
        loop=loop_form(),
    )


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", *name.split(".")).read_text().strip().replace("\t", " ")
    except OSError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
