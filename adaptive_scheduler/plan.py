"""What starts now, what waits, and why: a pure function of (tasks, state, sample, rules, now).

The order of refusals is the law; the first that applies is the reason: DISABLED, PAUSED, RUNNING,
BACKOFF, WINDOW, NOT_DUE, CPU_CEILING, DEP_FAILED, DEP_WAIT, MEMORY_GATE, NO_SLOT.

There is no topological sort of starts: the cycle plans again whenever a run ends, and a task whose
dependency is about to run waits for that. A task starts at most once in a cycle.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from adaptive_scheduler import gates
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.gates import Case, percent
from adaptive_scheduler.model import Decision, Priority, Rules, Sample, State, Task, TaskState
from adaptive_scheduler.rhythm import is_due

Verdicts = dict[str, Decision]


def plan(
    tasks: Mapping[str, Task],
    state: State,
    sample: Sample,
    rules: Rules,
    now: datetime,
    *,
    only: Collection[str] | None = None,
    force: bool = False,
    started: Collection[str] = (),
) -> list[Decision]:
    """Return one decision a task: the starts first, in the order to start them, then the others.

    `only` looks at these tasks alone, `force` starts them past age, ceiling, window, pause, back-off
    and memory limit; `started` names what this cycle has started already.
    """
    looked_at = [name for name in tasks if only is None or name in only]
    cases = {
        name: Case(tasks[name], state.tasks.get(name) or TaskState(first_seen=now), sample, rules, now, force)
        for name in looked_at
    }
    verdicts: Verdicts = {}
    waiting = looked_at
    while waiting:
        # Dependencies are decided first; tasks.toml has no loops, so every pass decides at least one.
        ready = [n for n in waiting if all(d in verdicts or d not in cases for d in cases[n].task.depends_on)]
        for name in ready:
            verdicts[name] = _verdict(cases[name], tasks, state, verdicts, started)
        waiting = [n for n in waiting if n not in verdicts]
    starts = sorted((n for n in looked_at if verdicts[n].code.starts), key=lambda n: urgency(cases[n]))
    _give_slots(starts, cases, verdicts, state.live_runs, rules.max_parallel)
    first = [verdicts[n] for n in starts if verdicts[n].code.starts]
    return first + [verdicts[n] for n in looked_at if not verdicts[n].code.starts]


def urgency(case: Case) -> tuple[bool, float, float]:
    """Return the sort key of due tasks: what waited too long, then priority aged by lateness.

    A low task climbs linearly and stands level with critical ones when it has waited `max_defer`.
    """
    patience = case.task.patience.total_seconds()
    share = min(1.0, case.waited.total_seconds() / patience) if patience else 1.0
    return (not case.starving, case.task.priority.rank * (1.0 - share), -share)


def _verdict(
    case: Case, tasks: Mapping[str, Task], state: State, verdicts: Verdicts, started: Collection[str]
) -> Decision:
    """Return the refusal that applies first, or the start that only a slot may still prevent."""
    if case.task.name in started and case.mine.live is None:
        return case.say(Code.NOT_DUE, "it has run in this cycle", case.next_tick)
    for refuse in gates.BEFORE_DEPENDENCIES:
        if refusal := refuse(case):
            return refusal
    blocks = []
    for name in case.task.depends_on:
        theirs = state.tasks.get(name)
        live = theirs is not None and theirs.live is not None
        # A run of an earlier cycle is no reason to wait: the latest finished one counts.
        runs_first = (live and name in started) or (name in verdicts and verdicts[name].code.starts)
        if blocked := gates.dependency(case, tasks[name], theirs, runs_first=runs_first):
            blocks.append(blocked)
    if blocks:
        return min(blocks, key=lambda block: block.code is not Code.DEP_FAILED)
    for refuse in gates.AFTER_DEPENDENCIES:
        if refusal := refuse(case):
            return refusal
    return _start(case)


def _start(case: Case) -> Decision:
    """Return the start, marked FORCED when it passes something that would hold others back."""
    anchor, interval = case.mine.anchor, case.interval
    past_memory = case.task.priority is not Priority.CRITICAL and (case.sample.memory or 0.0) > case.memory_limit
    past_ceiling = anchor is not None and not case.retrying and not is_due(anchor, interval, case.now, case.rules.tick)
    elapsed = case.now - case.since
    beat = {"value": elapsed.total_seconds(), "limit": interval.total_seconds(), "unit": "seconds"}
    if case.forced:
        return case.say(Code.FORCED, "started by --force", case.now, **beat)  # type: ignore[arg-type]  # plain keywords
    if past_memory or past_ceiling:
        passed = (
            f"memory {percent(case.sample.memory)} above {percent(case.memory_limit)}"
            if past_memory
            else f"CPU {percent(case.sample.cpu)}"
        )
        return case.say(
            Code.FORCED,
            f"has waited {words(case.waited)}, max_defer is {words(case.task.patience)}: starts past {passed}",
            case.now,
            value=case.waited.total_seconds(),
            limit=case.task.patience.total_seconds(),
            unit="seconds",
        )
    if case.retrying:
        used, allowed = case.mine.retries_used, case.task.retries
        which = f"retry {used} of {allowed} after a failure" if used else "once more after an interruption"
        return case.say(Code.RUN, which, case.now, **beat)  # type: ignore[arg-type]  # plain keywords
    if anchor is None:
        return case.say(Code.RUN, "it has never run", case.now)
    reason = f"{words(elapsed)} since its beat; runs every {words(interval)} at {percent(case.sample.cpu)} CPU"
    return case.say(Code.RUN, reason, case.now, **beat)  # type: ignore[arg-type]  # plain keywords


def _give_slots(starts: list[str], cases: Mapping[str, Case], verdicts: Verdicts, live: int, max_parallel: int) -> None:
    """Turn the starts that find no slot into NO_SLOT; critical tasks need none but take one."""
    for name in starts:
        case = cases[name]
        if live >= max_parallel and case.task.priority is not Priority.CRITICAL:
            verdicts[name] = case.say(
                Code.NO_SLOT,
                f"{live} runs are live, max_parallel is {max_parallel}",
                case.next_tick,
                value=float(live),
                limit=float(max_parallel),
                unit="runs",
            )
        else:
            live += 1
