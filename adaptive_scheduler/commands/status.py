"""`status`: is everything fine, where does each task stand, and what will probably run next."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import lastgood, outbox, recall, recent, registration, vigilance
from adaptive_scheduler.backends.base import Standing
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.opening import Opening, open_world, seams_in_force
from adaptive_scheduler.overview import Overview, overview
from adaptive_scheduler.preview import Look, look, present

REFRESH_S = 2.0
"""How often the live view looks whether anything has changed."""

AFRESH = timedelta(seconds=30)
"""How old the live view gets where nothing seems to have changed: CPU and memory change all the time."""

AHEAD = timedelta(hours=6)
MOST_AHEAD = 500
"""With more tasks than these nobody waits for a look ahead."""


def status(config: str | None, *, as_json: bool, watch: bool) -> int:
    """Print the overview; returns 1 when something is overdue or failing."""
    if watch and (as_json or sys.stdout is None or not sys.stdout.isatty()):
        raise UsageError("--watch is for a terminal; leave it out, or --json and the pipe")
    seen = _View(config)
    view = seen.view
    if as_json:
        from adaptive_scheduler import plain

        output.as_json(plain.status(view))
        return 0 if view.ok else 1
    from adaptive_scheduler import render, terminal

    if not watch:
        render.status(view)
        return 0 if view.ok else 1
    with terminal.screen() as show:
        for page in seen.lasting():
            show(render.overview_page(page))
    return 0


@dataclass(frozen=True)
class _Marks:
    """What tells that something has changed: the times of tasks.toml and of the state."""

    files: tuple[int | None, ...]

    @classmethod
    def of(cls, opening: Opening) -> "_Marks":
        store = opening.world.store
        paths = (Path(opening.world.config.path), store.path, store.folder / recent.NAME)
        return cls(tuple(path.stat().st_mtime_ns if path.exists() else None for path in paths))


class _View:
    """The overview, and how to keep it up to date at little cost."""

    def __init__(self, config: str | None) -> None:
        self._config = config
        self._standing: Standing | None = None
        self.view: Overview
        self._look()

    def lasting(self) -> Iterator[Overview]:
        """Yield the overview for ever: with new words for the time, and afresh when something has changed."""
        while True:
            yield self.view
            time.sleep(REFRESH_S)
            now = self._opening.world.clock.now()
            running = any(task.live for task in self.view.tasks)
            if running or now - self._looked_at >= AFRESH or _Marks.of(self._opening) != self._marks:
                self._look()
            else:
                self.view = replace(self.view, at=now)

    def _look(self) -> None:
        self._opening = open_world(self._config, strict=False, write=False)
        self._marks = _Marks.of(self._opening)
        # The system's own tools take their time: how the registration stands is asked once.
        self._standing = self._standing or registration.read_back(self._opening.world.config)
        self.view = view_of(self._opening, look(self._opening.world), self._standing)
        self._looked_at: datetime = self.view.at


def view_of(opening: Opening, seen: Look, standing: Standing | None = None) -> Overview:
    """Return the overview of a world as it was seen; how its registration stands is not asked here."""
    world = opening.world
    notes = [*seams_in_force(), *seen.notes]
    if opening.faults:
        notes.append(lastgood.explanation(opening.opened))
    kept = recall.shown(world.store.folder, world.config.rules.tick)
    notes += recall.troubles(kept.answered)
    notes += outbox.complaints(world.config, seen.now)
    decisions, samples = present(world, seen), recent.read(world.store.folder)
    view = overview(
        world.config,
        seen.state,
        decisions,
        seen.sample,
        samples,
        seen.now,
        notes,
        standing,
        seen.learning,
        vigilance.standings(world.config.watches, kept.baseline, seen.state.latches, world.config.probes),
        seen.fleet,
    )
    if len(world.config.tasks) > MOST_AHEAD:
        return view
    from adaptive_scheduler.commands.ahead import present_of
    from adaptive_scheduler.upcoming import upcoming

    load = seen.learning.load
    by = "the load as it is now" if load is None or not load.cells else "the load that is expected"
    return replace(view, ahead=upcoming(present_of(world, seen, decisions, samples), load, AHEAD), ahead_by=by)
