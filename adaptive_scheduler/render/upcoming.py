"""The next hours as strips: a row a task, a sign for each ten minutes in which it will probably start."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len, set_cell_size

from adaptive_scheduler.render.base import QUIET
from adaptive_scheduler.terminal import Text
from adaptive_scheduler.times import local_time

HOURS = 6
CELL = timedelta(minutes=10)
CELLS = HOURS * (timedelta(hours=1) // CELL)

SIGN, PLAIN_SIGN = "\u25aa", "#"  # a small black square, and what every encoding has
MOST_ROWS = 20
NAME_WIDTH = 24


def strips(ahead: Mapping[str, Sequence[datetime]], by: str, now: datetime, encoding: str) -> list[Text]:
    """Return a heading, a row for each task that will start, the soonest first, and what that rests on."""
    soon = sorted((starts[0], name) for name, starts in ahead.items() if starts)
    if not ahead:
        return []
    title = f"Next {HOURS} h, by {by}, each task alone"
    if not soon:
        return [Text(f"{title}: nothing is expected to start", QUIET)]
    width = min(NAME_WIDTH, max(cell_len(name) for _, name in soon))
    begin = local_time(now)(now)
    sign = _sign(encoding)
    rows = [Text(title, QUIET), Text(f"{'':{width}}  {_scale(begin)}".rstrip(), QUIET)]
    for first, name in soon[:MOST_ROWS]:
        row = Text(f"{set_cell_size(name, width)}  ")
        row.append(_strip(ahead[name], now, sign))
        rows.append(row.append(f" {len(ahead[name]):3d}, first {first.astimezone(begin.tzinfo):%H:%M}", QUIET))
    if len(soon) > MOST_ROWS:
        rows.append(Text(f"and {len(soon) - MOST_ROWS} more", QUIET))
    return rows


def _sign(encoding: str) -> str:
    try:
        SIGN.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN_SIGN
    return SIGN


def _scale(begin: datetime) -> str:
    """Return the full hours above the cells in which they begin."""
    scale = [" "] * (CELLS + len("00:00"))
    for cell in range(CELLS):
        moment = begin + cell * CELL
        if moment.minute < CELL // timedelta(minutes=1):
            scale[cell : cell + 5] = f"{moment:%H}:00"
    return "".join(scale)


def _strip(starts: Sequence[datetime], now: datetime, sign: str) -> str:
    marked = {(start - now) // CELL for start in starts}
    return "".join(sign if cell in marked else "." for cell in range(CELLS))
