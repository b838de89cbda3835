"""What a cycle does with a state, without its files: every fold, the plan, the starts, what is told and measured.

It is quick enough to be asked a thousand times a second whether a state that was read is one to go on with.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from adaptive_scheduler import alarms, codec, exposition, journal, metrics, notices
from adaptive_scheduler import state as folds
from adaptive_scheduler.account import excused
from adaptive_scheduler.collect import cpus_of, live_runs, own_cpu_s, settle
from adaptive_scheduler.events import as_text
from adaptive_scheduler.machine import Reading, Sample
from adaptive_scheduler.model import Live, State
from adaptive_scheduler.notify import Notify
from adaptive_scheduler.ownership import own_load
from adaptive_scheduler.plan import plan
from adaptive_scheduler.runners.base import Finished, Lost, RunState
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.tally import Tally, added
from tests.builders import NOW, event, minutes, task, tasks
from tests.scripted import ScriptedRunner
from tests.sights import watches
from tests.world import HandClock

TASKS = tasks(
    task("a", 10, on=("cpu_spike",), retries=2),
    task("b", 30, depends_on=("a",), expected_duration=minutes(1)),
    task("c", 60, windows=(), memory=1_000_000),
)
CONFIG = Config(
    path="tasks.toml",
    state_dir="outputs",
    rules=Rules(),
    tasks=TASKS,
    watches=watches(),
    notify=Notify(("OPS",)),
)
READING: Reading = {"boot": "b", "busy_s": 100.0, "total_s": 9000.0, "cpus": 4.0, "source": "host", "own_s": 0.1}


def cycle(state: State, config: Config = CONFIG, told: Mapping[str, RunState] | None = None) -> State:
    """Return the state after a cycle; `told` is what became of live runs, which are lost by default."""
    now, rules, tick = NOW, config.rules, config.rules.tick
    lost: dict[str, RunState] = {name: Lost(run_id, "gone") for name, run_id in live_runs(state).items()}
    reports = {**lost, **(told or {})}
    used_s, usage = own_cpu_s(state, reports, ScriptedRunner(HandClock(now), {}))
    earlier = metrics.choose(state.readings, now, tick)
    cpu = 50.0 if earlier is None else metrics.cpu_percent(earlier, READING, less_s=used_s)
    sample = Sample(now, cpu, 40.0, available_bytes=1 << 30, total_bytes=1 << 33)
    readings = metrics.keep(state.readings, READING, now, tick)
    own_load(state, sample, usage, cpus_of(readings), now, tick)
    metrics.mark(readings[-1])
    state, _ = folds.set_back(state, now, tick)
    state = folds.seen(folds.pauses_over(excused(state, {}, now, tick), now), config.tasks, now)
    state = folds.measured(folds.beat(state, now, tick), readings, usage)
    state, _ = folds.lapsed(state, config.tasks, now, tick)
    latches, _ = alarms.happened(state.latches, [], config.watches, now, tick)
    state = folds.alerted(replace(state, latches=latches), [event(at=now)], config.tasks, rules, now)
    settled = settle(state, reports, now, config)
    for name, result, report in settled.ends:
        steps, notes = (report.steps, report.notes) if isinstance(report, Finished) else ((), ())
        for line in journal.task_ended(name, result, steps, notes):
            (line.as_text() + line.as_json()).encode(errors="backslashreplace")
        json.dumps(codec.encode_result(result)).encode()
    state = settled.state
    decisions = plan(config.tasks, state, sample, rules, now)
    state = folds.decided(state, decisions)
    state, _ = notices.noticed(config, state, notices.Facts(now, sample, decisions, rules))
    for one in decisions:
        if one.code.starts:
            live = Live("20251102T223000Z-0000", now, one.code, one.reason)
            state = folds.claimed(state, config.tasks[one.task], live, sample, rules)
    for mine in state.tasks.values():
        if mine.event is not None:
            as_text(mine.event).encode()
    _measured(state, config, sample, now)
    written = json.dumps(codec.encode_state(state)).encode()
    again = codec.decode_state(json.loads(written))
    # Not the states themselves: a NaN is not equal to itself.
    assert json.dumps(codec.encode_state(again)).encode() == written
    return state


def _measured(state: State, config: Config, sample: Sample, now: datetime) -> None:
    decisions = {one.task: one for one in plan(config.tasks, state, sample, config.rules, now)}
    counted = added(Tally(), config.tasks, state, [], decisions.values())
    scene = exposition.Scene(
        "1", True, now, now, sample, config.tasks, state, config.rules, decisions=decisions, tally=counted
    )
    exposition.families(scene)
