"""The hours of the week as blocks: one row a weekday, then the means of all days."""

import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from adaptive_scheduler.busy import DAYS_A_WEEK, HOURS_A_DAY, Hour, mean
from adaptive_scheduler.case import percent
from adaptive_scheduler.render.base import BAD, GOOD, QUIET, WARN
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.terminal import Text, blocks
from adaptive_scheduler.trends import Trends

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LABEL = 9
CELL = 2
"""How many characters the label of a row and an hour take: 9 + 24 * 2 + the mean fit into 80."""


def heatmap(out: Console, view: Trends, law: Rhythm) -> None:
    """Print how busy the hours of the week are; heights are relative to the busiest one, colours follow the law."""
    signs = blocks(getattr(sys.stdout, "encoding", None) or "ascii")
    known = [hour for hour in view.hours if hour.cpu is not None]
    top = max((hour.cpu or 0.0 for hour in known), default=0.0) or 1.0
    heights = f"'{signs[0]}' below {percent(top / len(signs))}, '{signs[-1]}' up to {percent(top)}"
    ruler = "".join(f"{hour:02}".ljust(3 * CELL) for hour in range(0, HOURS_A_DAY, 3))
    out.print(Text(f"{'':{LABEL}}{ruler} mean", QUIET))
    week = [view.hours[day * HOURS_A_DAY : (day + 1) * HOURS_A_DAY] for day in range(DAYS_A_WEEK)]
    for name, hours in zip(WEEKDAYS, week, strict=True):
        out.print(_row(name, [hour.cpu for hour in hours], signs, top, law))
    by_hour = [view.hours[hour::HOURS_A_DAY] for hour in range(HOURS_A_DAY)]
    out.print(_row("all days", _means(by_hour, lambda hour: hour.cpu), signs, top, law))
    if view.foreign is not None:
        out.print(_row("not ours", _means(by_hour, lambda hour: hour.foreign), signs, top, law))
    out.print(_row("memory", _means(by_hour, lambda hour: hour.memory), signs, 100.0, None))
    out.print(Text(f"{heights} (memory: of 100 %); blank: no samples", QUIET))
    if out.color_system is not None and not out.no_color:
        colours = Text("green", GOOD).append(f" below {law.low_cpu:g} %: tasks come sooner; ", QUIET)
        out.print(colours.append("red", BAD).append(f" above {law.high_cpu:g} %: they come later", QUIET))
    if known:
        busiest, quietest = max(known, key=_cpu), min(known, key=_cpu)
        out.print(f"busiest: {_named(busiest)}; quietest: {_named(quietest)}")


def _cpu(hour: Hour) -> float:
    return hour.cpu or 0.0


def _named(hour: Hour) -> str:
    return f"{WEEKDAYS[hour.weekday]} {hour.hour:02}:00-{hour.hour + 1:02}:00 ({percent(hour.cpu)})"


def _means(by_hour: Sequence[Sequence[Hour]], what: Callable[[Hour], float | None]) -> list[float | None]:
    return [mean((what(hour), hour.days) for hour in hours) for hours in by_hour]


def _row(name: str, values: Sequence[float | None], signs: str, top: float, law: Rhythm | None) -> Text:
    row = Text(f"{name:{LABEL}}")
    for value in values:
        sign = " " if value is None else signs[min(len(signs) - 1, int(value * len(signs) / top))]
        row.append(sign * CELL, _heat(value, law))
    whole = mean((value, 1.0) for value in values)
    return row.append(f" {'' if whole is None else percent(round(whole))}", "")


def _heat(value: float | None, law: Rhythm | None) -> str:
    if value is None or law is None:
        return ""
    return GOOD if value < law.low_cpu else WARN if value <= law.high_cpu else BAD
