"""The text of a tasks.toml with a task more, a task less, or another value; every other letter stays. Pure.

A library that edits TOML was tried (tomlkit): it gives the comment above a table to the table before it, so that
removing one takes its neighbour's comment along, and ends new lines with LF in files of CR LF. Here an edit is a
splice between two lines, and what was added can be taken out again to the letter.
"""

from collections.abc import Sequence

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.toml_spans import Table, tables
from adaptive_scheduler.toml_write import key, value

TASKS = "tasks"


def added(text: str, block: Sequence[str]) -> str:
    """Return the text with these lines at its end, set apart by an empty line; its end is what it was."""
    if not text:
        return "\n".join(block) + "\n"
    end = _line_end(text)
    whole = text.endswith("\n")
    return text + ("" if whole else end) + end + end.join(block) + (end if whole else "")


def without(text: str, name: str) -> str:
    """Return the text without a task: its tables, the comments right above and within them, and an empty line.

    Raises UsageError where the task has no table of its own.
    """
    lines = _lines(text)
    spans = [_block(lines, one) for one in _own(text, name)]
    for first, after in reversed(spans):
        del lines[first:after]
        if first and not lines[first - 1].strip():
            del lines[first - 1]
        elif not first and lines and not lines[0].strip():
            del lines[0]
    rest = "".join(lines)
    return rest if text.endswith("\n") or not rest.endswith("\n") else rest.removesuffix("\n").removesuffix("\r")


def with_value(text: str, name: str, setting: str, wanted: object) -> str:
    """Return the text with a key of a task set: in its place, or in a new line below the last one.

    Raises UsageError where the task has no table of its own.
    """
    own = next((one for one in _own(text, name) if one.path == (TASKS, name)), None)
    if own is None:
        raise _elsewhere(name)
    if (setting,) in own.values:
        first, after = own.values[(setting,)]
        return text[:first] + value(wanted) + text[after:]
    if any(path[0] == setting for path in own.values) or any(
        one.path == (TASKS, name, setting) for one in tables(text)
    ):
        raise UsageError(f"'{setting}' of '{name}' is written in several lines; edit tasks.toml by hand")
    lines, end = _lines(text), _line_end(text)
    fresh = f"{key(setting)} = {value(wanted)}"
    if lines[own.last].endswith("\n"):
        lines.insert(own.last + 1, fresh + end)
    else:
        lines[own.last] += end + fresh
    return "".join(lines)


def _own(text: str, name: str) -> list[Table]:
    """Return the tables of a task, in their order."""
    found = [one for one in tables(text) if one.path[:2] == (TASKS, name)]
    if not found:
        raise _elsewhere(name)
    return found


def _elsewhere(name: str) -> UsageError:
    return UsageError(f"'{name}' has no table [{TASKS}.{key(name)}] of its own; edit tasks.toml by hand")


def _block(lines: Sequence[str], one: Table) -> tuple[int, int]:
    """Return the first line of a table and the one after it, with the comments that are its own.

    Those right above it are, and those right below its last value, unless they lead on to the next table.
    """
    first, after = one.line, one.last + 1
    while first and _is_comment(lines[first - 1]):
        first -= 1
    below = after
    while below < len(lines) and _is_comment(lines[below]):
        below += 1
    leads_on = below < len(lines) and lines[below].lstrip().startswith("[")
    return first, after if leads_on else below


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _lines(text: str) -> list[str]:
    """Return the lines with their ends; nothing but LF ends one, as in TOML."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [last for last in text.split("\n")[-1:] if last]


def _line_end(text: str) -> str:
    """Return the line end of most lines."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
