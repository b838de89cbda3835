"""The only reader of the clock: wall time with the user's local offset, and monotonic time for distances.

`ADAPTIVE_FAKE_NOW` is a documented test seam: the first reading is exactly that moment, later ones advance
with the monotonic clock. It is the cycle's clock; supervisors know nothing of it.
"""

import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from adaptive_scheduler.errors import UsageError

FAKE_NOW = "ADAPTIVE_FAKE_NOW"

UPTIME_CLOCKS = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC_RAW"}
"""By sys.platform the clock that goes on while the machine sleeps and that nobody sets; the BSDs have none."""


class Clock:
    """The time of this machine, or a pretended one that starts at `pretended` when it is first read."""

    def __init__(self, pretended: datetime | None = None) -> None:
        self._pretended = pretended
        self._first_read_s: float | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Clock":
        """Return the clock that the environment asks for; UsageError when it asks for nonsense."""
        text = environ.get(FAKE_NOW)
        if not text:
            return cls()
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return cls(moment if moment.tzinfo is not None else moment.astimezone())
        except (ValueError, OverflowError, OSError) as error:
            raise UsageError(
                f"{FAKE_NOW}='{text}' is no time; write it as 2025-11-02T22:35:00+09:00, or unset it"
            ) from error

    @property
    def fake(self) -> bool:
        """Whether the time is pretended."""
        return self._pretended is not None

    def now(self) -> datetime:
        """Return the present moment with its local offset."""
        if self._pretended is None:
            return datetime.now().astimezone()
        read_s = self.monotonic()
        if self._first_read_s is None:
            self._first_read_s = read_s
        return self._pretended + timedelta(seconds=read_s - self._first_read_s)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    def uptime(self) -> float | None:
        """Return seconds since boot, those asleep included; None where the system or a pretence does not tell."""
        if self.fake:
            return None
        if sys.platform == "win32":
            return _ticks_of_windows_s()
        number: int | None = getattr(time, UPTIME_CLOCKS.get(sys.platform, ""), None)
        return None if number is None else time.clock_gettime(number)

    def pause(self, seconds: float) -> None:
        """Let this much time pass."""
        time.sleep(seconds)


if sys.platform == "win32":

    def _ticks_of_windows_s() -> float:
        """Return seconds since boot; unlike the performance counter this one is known to count sleep."""
        import ctypes

        count = ctypes.WinDLL("kernel32").GetTickCount64
        count.restype = ctypes.c_ulonglong
        return float(count()) / 1000
