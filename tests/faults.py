"""Short ways to read a tasks.toml in tests, and to have its faults."""

from pathlib import Path

import pytest

from adaptive_scheduler import config
from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.settings import Config

FILE = Path("tasks.toml")
ONE = '[tasks.a]\ninterval = "10m"\nscript = "a.py"\n'


def read(content: str | bytes, path: Path = FILE) -> Config:
    return config.read(content, path, platform="linux")


def faults(content: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(content)
    return caught.value.faults


def fault(content: str | bytes) -> str:
    (only,) = faults(content)
    return only
