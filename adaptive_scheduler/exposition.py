"""From the end of a cycle to the metrics: their names, what they mean, and their values. Pure.

Units are seconds and ratios from 0 to 1, as Prometheus has them. What is not known has no sample, and what
makes no sense for a task (an interval of one that only events start) has none either.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import HELD_BACK
from adaptive_scheduler.lateness import is_overdue
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result, State, Status, Task, TaskState
from adaptive_scheduler.settings import Rules
from adaptive_scheduler.tally import Count, Tally

GAUGE, COUNTER = "gauge", "counter"

PREFIX = "adaptive_scheduler_"

ALWAYS_COUNTED = (Status.OK, Status.FAILED)
"""Results whose counter begins at 0; the others appear with their first run, for series cost memory everywhere."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is: its kind, its labels, and a sentence."""

    kind: str
    labels: tuple[str, ...]
    means: str


_TASK = ("task",)

METRICS: Mapping[str, Metric] = {
    "info": Metric(GAUGE, ("version",), "Always 1; the version of the program is the label."),
    "config_ok": Metric(GAUGE, (), "1 when tasks.toml is in force, 0 when it is broken and its last good copy is."),
    "cycles_total": Metric(COUNTER, (), "Cycles so far."),
    "last_cycle_timestamp_seconds": Metric(GAUGE, (), "When the last cycle began."),
    "last_cycle_duration_seconds": Metric(GAUGE, (), "How long it took, waiting for its runs included."),
    "tick_seconds": Metric(GAUGE, (), "How often a cycle should come."),
    "cpu_usage_ratio": Metric(GAUGE, (), "CPU use of the machine since the cycle before, 0 to 1."),
    "foreign_cpu_usage_ratio": Metric(GAUGE, (), "The same without what our own tasks used."),
    "memory_usage_ratio": Metric(GAUGE, (), "Memory use of the machine, 0 to 1."),
    "task_runs_total": Metric(COUNTER, ("task", "result"), "Runs that ended, by what became of them."),
    "task_deferrals_total": Metric(
        COUNTER, ("task", "reason"), "Cycles that ended with the task due and held back, by their last reason."
    ),
    "task_last_run_start_timestamp_seconds": Metric(GAUGE, _TASK, "When its last finished run started."),
    "task_last_run_duration_seconds": Metric(GAUGE, _TASK, "How long that run took."),
    "task_last_run_exit_code": Metric(
        GAUGE, _TASK, "With what that run ended; none where a signal or nothing ended it."
    ),
    "task_last_run_success": Metric(GAUGE, _TASK, "1 when that run succeeded (also with a warning), 0 when not."),
    "task_consecutive_failures": Metric(GAUGE, _TASK, "How many runs in a row did not succeed."),
    "task_interval_seconds": Metric(GAUGE, _TASK, "Its base interval."),
    "task_adaptive_interval_seconds": Metric(GAUGE, _TASK, "The base interval as the load bends it now."),
    "task_cpu_ceiling_ratio": Metric(
        GAUGE, _TASK, "The busiest CPU at which it may start at its present age: 0 is never, 1 is always."
    ),
    "task_learned": Metric(GAUGE, _TASK, "1 when that ceiling is a learned one, 0 when it is the classic rule's."),
    "task_waiting_seconds": Metric(GAUGE, _TASK, "How long it has been due and held back, 0 when it is not."),
    "task_max_defer_seconds": Metric(GAUGE, _TASK, "After how long of that no load holds it back any more."),
    "task_overdue": Metric(GAUGE, _TASK, "1 when it should have started long ago, as `status` says it."),
    "task_paused": Metric(GAUGE, _TASK, "1 when `pause` holds it."),
    "task_running": Metric(GAUGE, _TASK, "1 when a run of it is live."),
    "task_next_look_timestamp_seconds": Metric(GAUGE, _TASK, "When a start is looked at next."),
}
"""Every metric by its name without the prefix, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known when a cycle has ended; `decisions` has one for each task."""

    version: str
    config_ok: bool
    began: datetime
    now: datetime
    sample: Sample
    tasks: Mapping[str, Task]
    state: State
    rules: Rules
    decisions: Mapping[str, Decision]
    tally: Tally


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples: the values of its labels, and the value."""

    name: str
    metric: Metric
    samples: tuple[tuple[tuple[str, ...], float], ...]


Value = tuple[str, tuple[str, ...], float | None]


def families(scene: Scene) -> list[Family]:
    """Return every metric that has a value."""
    found: dict[str, list[tuple[tuple[str, ...], float]]] = {name: [] for name in METRICS}
    for name, labels, value in _values(scene):
        if value is not None:
            found[name].append((labels, value))
    return [Family(PREFIX + name, METRICS[name], tuple(samples)) for name, samples in found.items() if samples]


def _values(scene: Scene) -> Iterator[Value]:
    sample = scene.sample
    yield "info", (scene.version,), 1.0
    yield "config_ok", (), float(scene.config_ok)
    yield "cycles_total", (), float(scene.state.cycle)
    # Of cycles that overlap the one that began first may be the last to write.
    latest = max(scene.began, scene.state.last_cycle_at or scene.began)
    yield "last_cycle_timestamp_seconds", (), latest.timestamp()
    yield "last_cycle_duration_seconds", (), max(0.0, (scene.now - scene.began).total_seconds())
    yield "tick_seconds", (), scene.rules.tick.total_seconds()
    yield "cpu_usage_ratio", (), _ratio(sample.cpu)
    yield "foreign_cpu_usage_ratio", (), _ratio(sample.foreign_cpu)
    yield "memory_usage_ratio", (), _ratio(sample.memory)
    for name, task in scene.tasks.items():
        mine, decision = scene.state.tasks.get(name) or TaskState(first_seen=scene.now), scene.decisions[name]
        case = Case(task, mine, sample, scene.rules, scene.now)
        yield from _counts(name, scene.tally.tasks.get(name) or Count())
        if mine.last is not None:
            yield from _last_run(name, mine.last)
        if task.beats:
            yield from _rhythm(name, case, decision)
        yield "task_consecutive_failures", (name,), float(mine.failures)
        yield "task_overdue", (name,), float(is_overdue(task, mine, decision.code, scene.now, scene.rules))
        yield "task_paused", (name,), float(mine.paused)
        yield "task_running", (name,), float(mine.live is not None)
        look = decision.next_look
        yield "task_next_look_timestamp_seconds", (name,), None if look is None else look.timestamp()


def _counts(name: str, count: Count) -> Iterator[Value]:
    for result in Status:
        if result in count.runs or result in ALWAYS_COUNTED:
            yield "task_runs_total", (name, result.value), float(count.runs.get(result, 0))
    for reason in HELD_BACK:
        if reason in count.deferrals:
            yield "task_deferrals_total", (name, reason.value), float(count.deferrals[reason])


def _last_run(name: str, last: Result) -> Iterator[Value]:
    yield "task_last_run_start_timestamp_seconds", (name,), last.started_at.timestamp()
    yield "task_last_run_duration_seconds", (name,), last.duration_s
    yield "task_last_run_exit_code", (name,), None if last.exit_code is None else float(last.exit_code)
    yield "task_last_run_success", (name,), float(last.status.succeeded)


def _rhythm(name: str, case: Case, decision: Decision) -> Iterator[Value]:
    held = decision.code in HELD_BACK
    yield "task_interval_seconds", (name,), case.task.interval.total_seconds()
    yield "task_adaptive_interval_seconds", (name,), decision.interval.total_seconds()
    yield "task_cpu_ceiling_ratio", (name,), 1.0 if case.mine.anchor is None else _ratio(case.ceiling)
    yield "task_learned", (name,), float(case.learned is not None)
    yield "task_waiting_seconds", (name,), case.waited.total_seconds() if held else 0.0
    yield "task_max_defer_seconds", (name,), case.task.patience.total_seconds()


def _ratio(percent: float | None) -> float | None:
    """Return a percentage as Prometheus has it; what lies outside, such as no limit at all, is at its edge."""
    return None if percent is None else round(min(1.0, max(0.0, percent / 100)), 6)
