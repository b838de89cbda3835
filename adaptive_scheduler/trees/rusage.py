"""What POSIX remembers of children that have been waited for: CPU seconds and the largest of them."""

import resource
import sys

MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def children_cpu_s() -> float:
    """Return the CPU seconds of all ended children, and of theirs that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def children_peak_bytes() -> int:
    """Return the resident bytes of the largest ended child, 0 when it cannot be told from ourselves.

    A child is a copy of its parent until it executes its program, so no value below our own means anything.
    """
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * MAXRSS_UNIT_BYTES if peak > own else 0
