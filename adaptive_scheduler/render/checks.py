"""The page of `check`: every fault in a line, its cure below it."""

from collections.abc import Sequence

from adaptive_scheduler.checkup import Finding
from adaptive_scheduler.render.base import BAD, GOOD, QUIET, WARN
from adaptive_scheduler.terminal import Text, console


def findings(found: Sequence[Finding], path: str) -> None:
    """Print what `check` found."""
    out = console()
    styles = {"error": BAD, "warning": WARN, "info": QUIET}
    for one in found:
        where = f"{one.where}: " if one.where else ""
        out.print(Text(f"{one.severity}: ", styles[one.severity]).append(f"{where}{one.message}", ""), soft_wrap=True)
        if one.hint:
            out.print(f"  {one.hint}", style=QUIET, soft_wrap=True)
    bad = sum(one.severity == "error" for one in found)
    if bad:
        out.print(f"{bad} error{'s' if bad > 1 else ''}", style=BAD)
    else:
        out.print(f"'{path}' is fine", style=GOOD, soft_wrap=True)
