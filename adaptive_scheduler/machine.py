"""What was measured of a machine at one moment: frozen values.

CPU and memory are per cent of all that the machine (or its container) may use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adaptive_scheduler.reading import Reading

__all__ = ["Memory", "Reading", "Sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The machine at one moment: CPU is the mean since the cycle before, None where unknown.

    `available_bytes` is what a program could have without swapping, of `total_bytes`; None = not asked.
    """

    at: datetime
    cpu: float | None
    memory: float | None
    foreign_cpu: float | None = None
    pressure: Mapping[str, float] = field(default_factory=dict)
    source: str = "counters"
    available_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory at one moment: use in per cent, and what is left in bytes; None where unknown."""

    percent: float | None
    available_bytes: int | None = None
    total_bytes: int | None = None
