"""What the values of tasks.toml say about each other: names, dependencies, loops, limits, exclusions.

Each check takes the values as TOML gave them, so that it finds its faults beside those of types; what
has the wrong type is left to the models. A fault is the path of a key and a sentence.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

Fault = tuple[tuple[str | int, ...], str]
Raw = Mapping[str, Any]

LONGEST_NAME = 64
LONGEST_NAME_BYTES = 200
"""Names become folders; file systems take 255 bytes."""

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)", re.IGNORECASE)


def crosschecks(raw: Raw) -> Iterator[Fault]:
    """Yield every fault between the values of a whole tasks.toml."""
    yield from _rhythm(_table(raw, "rhythm"))
    yield from _memory_gate(_table(raw, "memory_gate"))
    tasks = _table(raw, "tasks")
    if not tasks and isinstance(raw.get("tasks", {}), dict):
        yield ("tasks",), "no task is defined; add a table such as [tasks.backup] with interval and script"
    yield from _names(tasks)
    known = {name: task for name, task in tasks.items() if isinstance(task, dict)}
    for name, task in known.items():
        for path, sentence in _task(task):
            yield ("tasks", name, *path), sentence
    yield from _dependencies(known)


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


def _names(tasks: Raw) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for name in tasks:
        fault = _name(name)
        if fault:
            yield ("tasks", name), fault
        same = unicodedata.normalize("NFKC", name).casefold()
        if same in seen:
            other = seen[same]
            yield (
                ("tasks", name),
                f"'{name}' and '{other}' differ only in case; some systems cannot tell: rename one",
            )
        seen.setdefault(same, name)


def _name(name: str) -> str | None:
    """Return what makes a task's name impossible as a folder or on a command line, if anything does."""
    if not name:
        return "a task's name must not be empty"
    if len(name) > LONGEST_NAME or len(name.encode("utf-8", "replace")) > LONGEST_NAME_BYTES:
        return f"'{name[:20]}...' is too long for a task's name: {LONGEST_NAME} letters at most"
    bad = next((letter for letter in name if not re.match(r"[\w.-]", letter)), None)
    if bad is not None:
        shown = bad if bad.isprintable() else f"U+{ord(bad):04X}"
        return f"'{shown}' cannot stand in a task's name; use letters, digits, '_', '-' and '.'"
    if name[0] in ".-" or name[-1] == ".":
        return f"'{name}' cannot be a task's name: it must not begin with '.' or '-', nor end with '.'"
    if _DEVICE.match(name):
        return f"'{name}' cannot be a task's name: Windows keeps it for a device"
    return None


def _task(task: Raw) -> Iterator[Fault]:
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
                yield path, f"unknown task '{other}'; {_instead(other, tasks)}"
    for loop in _loops(needs):
        place = tasks[loop[0]]["depends_on"].index(loop[1])
        sentence = f"the dependencies form a loop, so that none could ever run: {' -> '.join(loop)}; break it here"
        yield ("tasks", loop[0], "depends_on", place), sentence


def _instead(name: str, tasks: Mapping[str, Raw]) -> str:
    folded = {other.casefold(): other for other in tasks}
    close = get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    return f"the tasks are: {', '.join(list(tasks)[:8])}{', ...' if len(tasks) > 8 else ''}"


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
                names = list(trail)
                loop = names[names.index(other) :]
                if not told.issuperset(loop):
                    told.update(loop)
                    yield [*loop, other]
            elif other not in done:
                trail[other] = iter(needs[other])
