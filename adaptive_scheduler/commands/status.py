"""`status`: is everything fine, and where does each task stand."""

import time

from adaptive_scheduler import lastgood, recall, recent, registration, vigilance
from adaptive_scheduler.backends.base import Standing
from adaptive_scheduler.commands import output
from adaptive_scheduler.opening import Opening, open_world, seams_in_force
from adaptive_scheduler.overview import Overview, overview
from adaptive_scheduler.preview import Look, look, present

REFRESH_S = 2.0


def status(config: str | None, *, as_json: bool, watch: bool) -> int:
    """Print the overview; returns 1 when something is overdue or failing."""
    view = _view(config)
    if as_json:
        from adaptive_scheduler import plain

        output.as_json(plain.status(view))
        return 0 if view.ok else 1
    from adaptive_scheduler import render, terminal

    if not watch:
        render.status(view)
        return 0 if view.ok else 1
    with terminal.screen() as show:
        while True:
            show(render.overview_page(view))
            time.sleep(REFRESH_S)
            # The system's own tools take their time: how the registration stands is asked once.
            view = _view(config, view.standing)


def _view(config: str | None, standing: Standing | None = None) -> Overview:
    opening = open_world(config, strict=False, write=False)
    standing = standing or registration.read_back(opening.world.config)
    return view_of(opening, look(opening.world), standing)


def view_of(opening: Opening, seen: Look, standing: Standing | None = None) -> Overview:
    """Return the overview of a world as it was seen; how its registration stands is not asked here."""
    world = opening.world
    notes = [*seams_in_force(), *seen.notes]
    if opening.faults:
        notes.append(lastgood.explanation(opening.opened))
    kept = recall.shown(world.store.folder, world.config.rules.tick)
    notes += recall.troubles(kept.answered)
    return overview(
        world.config,
        seen.state,
        present(world, seen),
        seen.sample,
        recent.read(world.store.folder),
        seen.now,
        notes,
        standing,
        seen.learning,
        vigilance.standings(world.config.watches, kept.baseline, seen.state.latches, world.config.probes),
        seen.fleet,
    )
