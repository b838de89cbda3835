"""`report`: everything that is known of this machine, as one HTML file that needs nothing else."""

import platform
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib import resources
from pathlib import Path

from adaptive_scheduler import __version__, files
from adaptive_scheduler.codes import Code
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.progress import progress
from adaptive_scheduler.commands.status import view_of
from adaptive_scheduler.errors import StateError, UsageError
from adaptive_scheduler.extras import lacking
from adaptive_scheduler.opening import Opening, open_world
from adaptive_scheduler.preview import look
from adaptive_scheduler.report.book import Book, Held
from adaptive_scheduler.report.document import GENERATOR, Kit, document
from adaptive_scheduler.times import local_time
from adaptive_scheduler.trends import trends

NAME = "report.html"
SCRIPTS = ("lod.js", "base.js", "timeline.js", "taskcharts.js", "page.js")
HEAD_BYTES = 400
"""In so many bytes of a page of ours it says what made it."""

PAGES = (".html", ".htm")
"""A file of somebody else is written over only when it is named, and has such an ending: never tasks.toml."""

STEPS = 6
"""How often the progress bar moves: once for each part of `_book`, then for drawing and for writing."""

MOST_EVENTS = 2000
"""So many of the newest events are marked in the charts."""


def report(config: str | None, *, path: Path | None, days: int) -> int:
    """Write the page and say where it is."""
    brought = kit()
    opening = open_world(config, strict=False, write=False)
    folder = opening.world.store.folder
    target = _target(path, folder)
    with progress("report", STEPS) as advance:
        book = _book(opening, days, advance)
        page = document(book, brought).encode()
        advance()
        if path is None:
            files.private_folder(folder)
        _write(target, page)
        advance()
    if sys.stdout is not None and sys.stdout.isatty():
        output.line(f"written to '{target}' ({len(page) / 1e6:.1f} MB); open it in a browser")
    else:
        output.line(str(target))
    return 0


def kit() -> Kit:
    """Return what the page brings along; UsageError where plotly is not installed."""
    if problem := lacking("the charts of the report", "report", "plotly"):
        raise UsageError(problem)
    from plotly.offline import get_plotlyjs

    room = resources.files("adaptive_scheduler.report")
    script = "\n".join((room / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return Kit(get_plotlyjs(), f"(() => {{\n{script}\n}})();", (room / "page.css").read_text(encoding="utf-8"))


def _book(opening: Opening, days: int, advance: Callable[[], None]) -> Book:
    """Read everything that the page tells."""
    world = opening.world
    seen = look(world)
    view = view_of(opening, seen)
    advance()
    now, since = seen.now, seen.now - timedelta(days=days)
    samples = world.history.samples(since, now)
    runs = world.history.runs_between(since, now, elsewhere=True)
    advance()
    local, tick = local_time(now), world.config.rules.tick
    here = [(name, run) for name, run in runs if not run.node]
    habits = trends(samples, here, world.config.tasks, now, tick, local)
    advance()
    held: dict[str, list[Held]] = {}
    for task, code, times, cycles in world.history.held(since, now):
        if code in set(Code):
            held.setdefault(task, []).append(Held(Code(code), times, cycles))
    happened = world.history.events(MOST_EVENTS, since)
    started = world.history.runs_by_event([one.id for one in happened])
    advance()
    return Book(
        machine=platform.node() or "this machine",
        version=__version__,
        days=days,
        config=world.config,
        view=view,
        trends=habits,
        samples=samples,
        runs=runs,
        held=held,
        happened=[(one, started.get(one.id, ())) for one in happened],
        learning=seen.learning,
        local=local,
    )


def _target(path: Path | None, folder: Path) -> Path:
    """Return where to write: what is there already must be a page of ours, or be named and end like a page."""
    target = (folder / NAME if path is None else path).absolute()
    try:
        if target.is_dir():
            raise UsageError(f"'{target}' is a folder; name a file with --output FILE.html")
        if path is not None and not target.parent.is_dir():
            raise UsageError(f"there is no folder '{target.parent}' for '{target.name}'")
        if not target.exists() or _is_ours(target):
            return target
    except OSError as error:
        raise UsageError(f"cannot look at '{target}': {error.strerror}; name another file with --output") from error
    if path is None:
        raise UsageError(f"'{target}' is no report of ours, and stays as it is; name another file with --output")
    if target.suffix.lower() not in PAGES:
        raise UsageError(f"'{target}' is no report and no .html file, and stays as it is; name another file")
    return target


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(HEAD_BYTES)


def _write(target: Path, page: bytes) -> None:
    try:
        files.replace_file(target, page)
    except OSError as error:
        raise StateError(
            f"cannot write '{target}': {error.strerror or error}; free the disk, mend its permissions, "
            "or name another file with --output"
        ) from error
