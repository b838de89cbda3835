"""The schedulers of operating systems that can call a cycle, one sibling each behind the Protocol in base.py.

Pure: they decide what is to be read, written and run; registrar.py does it. A sibling is loaded when it is asked.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import cast

from adaptive_scheduler.backends.base import Backend, Registration


class _Siblings(Mapping[str, Backend[Registration]]):
    """The rooms of this folder, by name."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Backend[Registration]:
        if name not in self._names:
            raise KeyError(name)
        return cast(Backend[Registration], import_module(f"{__name__}.{name}"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


BACKENDS = _Siblings("systemd", "cron", "windows", "launchd")
"""By the name that --backend takes, in the order in which `auto` prefers them."""
