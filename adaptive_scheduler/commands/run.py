"""`run`: one cycle, or with --dry-run what the next one would do."""

import sys
from datetime import timedelta

from adaptive_scheduler import cycle, lastgood
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.edges import Report, Watcher, Wish, World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.model import Code
from adaptive_scheduler.opening import open_world, seams_in_force
from adaptive_scheduler.preview import preview

FINE, TASK_FAILED, CONFIG_FAULT, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def run(
    config: str | None,
    *,
    tasks: list[str],
    dry_run: bool,
    force: bool,
    wait: timedelta | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run one cycle and return its exit code; prints nothing without a terminal when all is fine."""
    if force and not tasks:
        raise UsageError("--force starts tasks past their limits: name them with --task NAME")
    opening = open_world(config, strict=dry_run, write=not dry_run)
    notes = (lastgood.explanation(opening.opened),) if opening.faults else ()
    wish = Wish(known_tasks(opening.world.config, tasks) if tasks else None, force, wait, notes)
    if dry_run:
        report = preview(opening.world, wish)
        _print(report, as_json=as_json, as_table=True)
        return FINE
    on_terminal = sys.stderr is not None and sys.stderr.isatty() and not (as_json or quiet)
    report = _watched(opening.world, wish) if on_terminal else cycle.run(opening.world, wish, Watcher())
    _print(report, as_json=as_json, as_table=on_terminal)
    return _complain(report, wish, config_fault=bool(opening.faults))


def _watched(world: World, wish: Wish) -> Report:
    from adaptive_scheduler.terminal import LiveWatcher

    with LiveWatcher() as watcher:
        return cycle.run(world, wish, watcher)


def _print(report: Report, *, as_json: bool, as_table: bool) -> None:
    if as_json:
        from adaptive_scheduler import plain

        output.as_json(plain.run(report))
    elif as_table:
        from adaptive_scheduler import render

        render.report(report, seams_in_force())


def _complain(report: Report, wish: Wish, *, config_fault: bool) -> int:
    """Say on stderr what went wrong, and return the exit code of the gravest of it."""
    for note in report.notes:
        output.problem(note)
    for name, result in report.runs:
        if not result.status.succeeded:
            output.problem(f"task '{name}' {result.status}: {result.cause}; see 'adaptive-scheduler logs {name}'")
    refused = [one for one in report.decisions if wish.force and not one.code.starts]
    for one in refused:
        output.problem(f"task '{one.task}' was not started [{one.code}]: {one.reason}")
    errors = [one for one in report.decisions if one.code is Code.ERROR]
    for one in errors:
        output.problem(f"task '{one.task}' could not start: {one.reason}")
    if report.interrupted:
        going = ", ".join(f"'{name}'" for name in report.live) or "none"
        output.problem(f"interrupted; runs that live on: {going} (a later cycle collects them)")
        return INTERRUPTED
    if report.damaged:
        return OUR_FAULT
    if config_fault:
        return CONFIG_FAULT
    return TASK_FAILED if report.failed or refused or errors else FINE
