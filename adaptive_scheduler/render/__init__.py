"""Values -> pages of rich, one file a page: right at 80 columns, without colour, piped, or on any console.

Times are shown local and relative. The page of `trends` (days.py) is imported by its command alone, with all that
it rests on.
"""

from adaptive_scheduler.render.base import relative, words_s
from adaptive_scheduler.render.checks import findings
from adaptive_scheduler.render.overview import overview_page, status
from adaptive_scheduler.render.past import history, short_id
from adaptive_scheduler.render.reason import why
from adaptive_scheduler.render.replay import comparison, simulation
from adaptive_scheduler.render.run import report
from adaptive_scheduler.times import clock_time

__all__ = [
    "clock_time",
    "comparison",
    "findings",
    "history",
    "overview_page",
    "relative",
    "report",
    "short_id",
    "simulation",
    "status",
    "why",
    "words_s",
]
