"""What the pages share: styles, tables, and times as people say them."""

from datetime import datetime, timedelta

from rich.table import Table

from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.terminal import Text

GOOD, BAD, WARN, QUIET = "green", "bold red", "yellow", "bright_black"
STATUS_STYLE = {
    "ok": GOOD,
    "warning": WARN,
    "running": "cyan",
    "failed": BAD,
    "timeout": BAD,
    "interrupted": BAD,
    "error": BAD,
}


def relative(moment: datetime | None, now: datetime) -> str:
    """Return a time as people say it: '3 min ago', 'in 2 h', 'now'."""
    if moment is None:
        return "-"
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {words(moment - now)}" if seconds > 0 else f"{words(now - moment)} ago"


def words_s(seconds: float | None) -> str:
    """Return seconds as people say them; below ten with one decimal."""
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds < 10 else words(timedelta(seconds=round(seconds)))


GAP = 2
"""Columns between two cells."""


def columns(*headings: str) -> Table:
    """Return an empty table without borders, with these headings."""
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=True, header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def code_text(code: Code) -> Text:
    """Return a code in the colour of what it means: started, held back, waiting, broken."""
    style = GOOD if code.starts else BAD if code in (Code.ERROR, Code.DEP_FAILED) else QUIET
    return Text(code.value, style if code in (Code.NOT_DUE, Code.DISABLED) or code.starts or style == BAD else WARN)
