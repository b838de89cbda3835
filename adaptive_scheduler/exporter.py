"""The metrics of a cycle that has ended, for node_exporter's textfile collector.

Scheduling depends on none of it: whatever fails here costs a note, and is told when it begins and when it ends.
All is done under one lock, so that of cycles that overlap each adds what it counted, and the file is that of the
last. prometheus_client is imported by a cycle with [metrics] alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_scheduler import __version__, extras, files, locks, tally
from adaptive_scheduler.edges import Report, World
from adaptive_scheduler.exposition import COUNTER, Family, Scene, families
from adaptive_scheduler.journal import SCHEDULER, Line
from adaptive_scheduler.model import Decision, State
from adaptive_scheduler.plan import plan
from adaptive_scheduler.tally import Tally
from adaptive_scheduler.textfile import Textfile

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

NAME = "metrics_totals.json"
LOCK_WAIT_S = 2.0
"""Others hold the lock for milliseconds; a cycle that cannot have it leaves the metrics as they are."""

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)

LIBRARY = "prometheus_client"


def lacking() -> str:
    """Return what to do about the missing extra in a sentence, empty where it is there."""
    return extras.lacking("metrics", "metrics", LIBRARY)


def export(world: World, textfile: Textfile, report: Report, *, config_ok: bool) -> None:
    """Count what the cycle did, and write the metrics; never raises.

    `config_ok` is whether tasks.toml itself is in force. Complaints go to the log and to the report's notes.
    """
    try:
        files.private_folder(world.store.folder)
        with locks.hold(world.store.folder / f"{NAME}.lock", timeout_s=LOCK_WAIT_S):
            _export(world, textfile, report, config_ok=config_ok)
    except Exception as error:  # whatever is wrong with us, the disk or a foreign library
        _complain(world, report, f"the metrics cannot be written: {_told(error)}")


def _export(world: World, textfile: Textfile, report: Report, *, config_ok: bool) -> None:
    state, tasks = world.store.read().state, world.config.tasks
    before, lost = _read(world.store.folder, textfile)
    if lost:
        _complain(world, report, f"{lost}: the counters of the metrics begin again at 0")
    now = world.clock.now()
    totals = tally.added(before, tasks, state, report.runs, report.decisions)
    unkept = _keep(world.store.folder, before, totals, lost=bool(lost))
    scene = Scene(
        *(__version__, config_ok, report.at, now, report.sample, tasks, state, report.rules),
        decisions=_decisions(world, report, state),
        # What could not be kept would be missing in the next cycle, and a counter never goes back.
        tally=before if unkept else totals,
    )
    unpublished = _publish(scene, textfile)
    problem = unkept or unpublished
    if problem == before.problem:
        return
    if problem:
        _complain(world, report, problem)
    else:
        _log(world, report, "INFO", f"the metrics are written again to '{textfile.path}'")
    if not unkept:
        _keep(world.store.folder, totals, replace(totals, problem=problem))


def _decisions(world: World, report: Report, state: State) -> dict[str, Decision]:
    """Return what holds of each task now: the cycle's last word, and a new one where it started or was not asked."""
    known = {one.task: one for one in report.decisions if not one.code.starts}
    others = world.config.tasks.keys() - known.keys()
    given = (world.config.tasks, state, report.sample, report.rules, world.clock.now())
    return known | {one.task: one for one in plan(*given, only=others, brief=True)}


# -- the two files -----------------------------------------------------------------------------------


def _read(folder: Path, textfile: Textfile) -> tuple[Tally, str]:
    """Return what was counted so far, and in a sentence what became of it where it is lost."""
    path = folder / NAME
    try:
        return tally.decode(json.loads(files.read_bytes(path))), ""
    except FileNotFoundError:
        # A first cycle with [metrics] finds neither file.
        return Tally(), f"'{path}' is missing" if Path(textfile.path).exists() else ""
    except DAMAGE as error:
        return Tally(), f"'{path}' cannot be used ({_told(error)})"


def _keep(folder: Path, before: Tally, totals: Tally, *, lost: bool = False) -> str:
    """Write what was counted where anything is new; returns why that cannot be, empty where it can."""
    if totals == before and not lost:
        return ""
    try:
        files.replace_file(folder / NAME, json.dumps(tally.encode(totals), separators=(",", ":")).encode())
    except OSError as error:
        return f"cannot write '{folder / NAME}': {_told(error)}"
    return ""


def _publish(scene: Scene, textfile: Textfile) -> str:
    """Write the metrics for node_exporter, which is another user; returns why that cannot be, empty where it can."""
    if problem := lacking():
        return problem
    try:
        content = rendered(families(scene), textfile.project)
        files.replace_file(Path(textfile.path), content, durable=False, mode=files.FOR_ALL_TO_READ)
    except OSError as error:
        return f"cannot write '{textfile.path}': {_told(error)}"
    return ""


def rendered(found: Sequence[Family], project: str = "") -> bytes:
    """Return metrics in Prometheus' text format, with a label `project` where there is one."""
    # Any part of the package imports nearly all of it.
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    names, values = (("project",), (project,)) if project else ((), ())
    made: list[Metric] = []
    for one in found:
        kind = CounterMetricFamily if one.metric.kind == COUNTER else GaugeMetricFamily
        family = kind(one.name, one.metric.means, labels=(*names, *one.metric.labels))
        for labels, value in one.samples:
            family.add_metric((*values, *labels), value)
        made.append(family)
    return generate_latest(_Collected(made))


@dataclass(frozen=True)
class _Collected:
    """What the library wants of a registry, without the metrics of this very process."""

    found: "Sequence[Metric]"

    def collect(self) -> "Sequence[Metric]":
        return self.found


# -- what is told ------------------------------------------------------------------------------------


def _complain(world: World, report: Report, problem: str) -> None:
    text = f"{problem}, continuing"
    report.notes.append(text)
    _log(world, report, "WARNING", text)


def _log(world: World, report: Report, level: str, text: str) -> None:
    try:
        world.journal.write([Line(world.clock.now(), level, SCHEDULER, text)])
    except (OSError, TimeoutError):
        report.logged = False


def _told(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
