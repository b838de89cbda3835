"""Certificates for tests: made now unless a test says when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler.cluster import certs

NOW = datetime.now(UTC)
"""TLS goes by the true time, so these tests do too."""


def make(folder: Path, *hosts: str, ago: timedelta = timedelta(0), **more: Any) -> certs.Made:
    return certs.make(folder, [certs.Host.of(host) for host in hosts], now=NOW - ago, **more)


def copied(folder: Path, source: Path) -> Path:
    """Copy what `make` wrote for a machine, to be spoilt; returns the copy."""
    folder.mkdir(mode=0o700)
    for one in source.iterdir():
        (folder / one.name).write_bytes(one.read_bytes())
        (folder / one.name).chmod(0o600)
    return folder
