"""`run`: one cycle, or with --dry-run what the next one would do."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from adaptive_scheduler import cycle, lastgood, leave
from adaptive_scheduler.codes import Code
from adaptive_scheduler.commands import output, pulse
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.edges import Report, Watcher, Wish, World
from adaptive_scheduler.errors import SchedulerError, UsageError
from adaptive_scheduler.journal import SCHEDULER, Line
from adaptive_scheduler.opening import Opening, open_world, seams_in_force
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
    faults_only: bool = False,
) -> int:
    """Run one cycle and return its exit code; prints nothing without a terminal when all is fine.

    `faults_only` is for a caller that mails every word: what the log holds is not printed.
    """
    if force and not tasks:
        raise UsageError("--force starts tasks past their limits: name them with --task NAME")
    opening = open_world(config, strict=dry_run, write=not dry_run)
    notes = (lastgood.explanation(opening.opened),) if opening.faults else ()
    wish = Wish(known_tasks(opening.world.config, tasks) if tasks else None, force, wait, notes)
    if dry_run:
        report = preview(opening.world, wish)
        _print(report, as_json=as_json, as_table=True)
        return FINE
    silent = as_json or quiet or faults_only
    on_terminal = sys.stderr is not None and sys.stderr.isatty() and not silent
    with _logging_faults(opening.world), pulse.of(opening.world, wish) as beat:
        report = _watched(opening.world, wish) if on_terminal else cycle.run(opening.world, wish, Watcher())
        beat.faults = [*report.notes] if report.damaged or opening.faults else []
        _export(opening, report)
        if not (tasks or report.notes or opening.faults or report.interrupted):
            leave.note(opening.world, report)
    _print(report, as_json=as_json, as_table=on_terminal)
    return _complain(report, wish, config_fault=bool(opening.faults), faults_only=faults_only)


def _watched(world: World, wish: Wish) -> Report:
    from adaptive_scheduler.terminal import LiveWatcher

    with LiveWatcher() as watcher:
        return cycle.run(world, wish, watcher)


def _export(opening: Opening, report: Report) -> None:
    textfile = opening.world.config.metrics
    if textfile is not None:
        from adaptive_scheduler import exporter

        exporter.export(opening.world, textfile, report, config_ok=not opening.faults)


def _print(report: Report, *, as_json: bool, as_table: bool) -> None:
    if as_json:
        from adaptive_scheduler import plain

        output.as_json(plain.run(report))
    elif as_table:
        from adaptive_scheduler import render

        render.report(report, seams_in_force())


def _complain(report: Report, wish: Wish, *, config_fault: bool, faults_only: bool) -> int:
    """Say on stderr what went wrong, and return the exit code of the gravest of it."""
    problems = list(report.notes)
    problems += [
        f"task '{name}' {result.status}: {result.cause}; see 'adaptive-scheduler logs {name}'"
        for name, result in report.runs
        if not result.status.succeeded
    ]
    refused = [one for one in report.decisions if wish.force and not one.code.starts]
    problems += [f"task '{one.task}' was not started [{one.code}]: {one.reason}" for one in refused]
    errors = [one for one in report.decisions if one.code is Code.ERROR]
    problems += [f"task '{one.task}' could not start: {one.reason}" for one in errors]
    if report.interrupted:
        going = ", ".join(f"'{name}'" for name in report.live) or "none"
        problems.append(f"interrupted; runs that live on: {going} (a later cycle collects them)")
    if not faults_only or report.damaged or not report.logged:
        for problem in problems:
            output.problem(problem)
    if report.interrupted:
        return INTERRUPTED
    if report.damaged:
        return OUR_FAULT
    if config_fault:
        return CONFIG_FAULT
    return TASK_FAILED if report.failed or refused or errors else FINE


@contextmanager
def _logging_faults(world: World) -> Iterator[None]:
    """Put what ends a cycle into the log too: nobody may be there to read stderr, and pythonw has none."""
    try:
        yield
    except Exception as error:
        name = "" if isinstance(error, SchedulerError) else f"a fault of the program: {type(error).__name__}: "
        # What cannot be logged either is still raised.
        with suppress(OSError, TimeoutError):
            world.journal.write([Line(world.clock.now(), "ERROR", SCHEDULER, f"{name}{error}")])
        raise
