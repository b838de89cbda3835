"""What the values of tasks.toml say about each other: names, dependencies, loops, limits, exclusions.

Each check takes the values as TOML gave them, so that it finds its faults beside those of types; what
has the wrong type is left to the models. A fault is the path of a key and a sentence.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from adaptive_scheduler import clusterchecks, eventchecks, names

Fault = tuple[tuple[str | int, ...], str]
Raw = Mapping[str, Any]


def crosschecks(raw: Raw) -> Iterator[Fault]:
    """Yield every fault between the values of a whole tasks.toml."""
    yield from _rhythm(_table(raw, "rhythm"))
    yield from _memory_gate(_table(raw, "memory_gate"))
    tasks = _table(raw, "tasks")
    if not tasks and isinstance(raw.get("tasks", {}), dict):
        yield ("tasks",), "no task is defined; add a table such as [tasks.backup] with interval and script"
    for name, sentence in names.faults(tasks, "a task"):
        yield ("tasks", name), sentence
    known = {name: task for name, task in tasks.items() if isinstance(task, dict)}
    for name, task in known.items():
        for path, sentence in _task(task):
            yield ("tasks", name, *path), sentence
    yield from _dependencies(known)
    yield from eventchecks.eventchecks(_table(raw, "events"), _table(raw, "probes"), known)
    yield from clusterchecks.clusterchecks(raw.get("cluster"), known)


def _table(raw: Raw, key: str) -> Raw:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _said(table: Raw, key: str, default: float) -> str:
    return f"{key} ({_number(table.get(key), default):g}{'' if key in table else ', the default'})"


def _rhythm(table: Raw) -> Iterator[Fault]:
    if _number(table.get("low_cpu"), 20) >= _number(table.get("high_cpu"), 70):
        key = "low_cpu" if "low_cpu" in table else "high_cpu"
        low, high = _said(table, "low_cpu", 20), _said(table, "high_cpu", 70)
        yield ("rhythm", key), f"{low} must be below {high}"


def _memory_gate(table: Raw) -> Iterator[Fault]:
    # A priority or a task may go above the hard limit: whoever writes `high = 100` wants no gate for it.
    if _number(table.get("hard_limit"), 90) < _number(table.get("limit"), 60) <= 100:
        limits = f"{_said(table, 'limit', 60)} is above {_said(table, 'hard_limit', 90)}"
        yield ("memory_gate", "limit" if "limit" in table else "hard_limit"), limits


def _task(task: Raw) -> Iterator[Fault]:
    if "interval" not in task and task.get("on", []) == []:
        yield ("interval",), 'is missing; add interval = "10m", or on = ["cpu_spike"] to start it by events alone'
    if "script" in task and "steps" in task:
        yield ("steps",), "'script' and 'steps' exclude each other; keep one"
    elif "steps" in task and "args" in task:
        yield (
            ("args",),
            "a task with steps has its arguments at each step: steps = [{ script = ..., args = [...] }]",
        )
    elif not task.keys() & {"script", "steps"}:
        yield ("script",), 'is missing; add script = "backup.py", or several steps'
    success, warning = (task.get(key, default) for key, default in (("success_codes", [0]), ("warning_codes", [])))
    if isinstance(success, list) and isinstance(warning, list):
        for place, code in enumerate(warning):
            if code in success:
                yield ("warning_codes", place), f"'{code}' is among the success_codes too; keep one"


def _dependencies(tasks: Mapping[str, Raw]) -> Iterator[Fault]:
    needs: dict[str, list[str]] = {}
    for name, task in tasks.items():
        listed = task.get("depends_on", [])
        needs[name] = []
        for place, other in enumerate(listed if isinstance(listed, list) else []):
            path = ("tasks", name, "depends_on", place)
            if not isinstance(other, str):
                continue
            if other == name:
                yield path, f"'{name}' cannot depend on itself"
            elif other in needs[name]:
                yield path, f"'{other}' is named twice"
            elif other in tasks:
                needs[name].append(other)
            else:
                yield path, f"unknown task '{other}'; {names.instead(other, tasks, 'tasks')}"
    for loop in _loops(needs):
        place = tasks[loop[0]]["depends_on"].index(loop[1])
        sentence = f"the dependencies form a loop, so that none could ever run: {' -> '.join(loop)}; break it here"
        yield ("tasks", loop[0], "depends_on", place), sentence


def _loops(needs: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield loops as "a, b, c, a", each from its first task in the order of the file.

    A walk in depth with its own stack, since a chain may be longer than Python's; a task that stands
    in a loop already told is not told again unless the loop holds a new one.
    """
    done: set[str] = set()
    told: set[str] = set()
    for start in needs:
        trail: dict[str, Iterator[str]] = {} if start in done else {start: iter(needs[start])}
        while trail:
            last = next(reversed(trail))
            other = next(trail[last], None)
            if other is None:
                done.add(last)
                del trail[last]
            elif other in trail:
                path = list(trail)
                loop = path[path.index(other) :]
                if not told.issuperset(loop):
                    told.update(loop)
                    yield [*loop, other]
            elif other not in done:
                trail[other] = iter(needs[other])
