"""XML of the Windows Task Scheduler -> pieces, one a task. Pure.

It comes as a file of the store or the GUI, from Export-ScheduledTask, or from `schtasks /query /xml`, which puts
many documents behind one another, in an encoding that is not the one they name. So each <Task> is read alone.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adaptive_scheduler.backends.taskstore import decoded, leaves
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.imports import triggers, windows
from adaptive_scheduler.imports.base import Piece, described, values, written
from adaptive_scheduler.imports.triggers import child, children, local, text_of

UNLIMITED = "PT0S"
NO_LIMIT = "30d"
"""What `timeout` is for a task that had none; without one it would be an hour here, until more is known."""

USUAL_LIMIT = "PT72H"
"""What the Task Scheduler takes where the XML says nothing (MS-TSCH 2.5.4)."""

NORMAL = range(0, 7)
"""Priorities that are not below normal; 7 is the default, and what tasks have here too."""

MOST_RETRIES = 100
MINUTE = timedelta(minutes=1)
_BEGIN = re.compile(r"<(\w*:?)Task(?=[\s>])")
_COMMENT = re.compile(r"<!--([^<>]*)-->")
_BETWEEN = re.compile(r"<\?xml[^<>]*\?>|</?Tasks[^<>]*>|<!--[^<>]*-->|\s+")
_OURS = re.compile(r"adaptive[-_]scheduler\b.*\brun\b")
_SETTINGS = {
    (
        "MultipleInstancesPolicy",
        "Parallel",
    ): "a second run was allowed beside the first; here a task never runs twice at once",
    (
        "MultipleInstancesPolicy",
        "Queue",
    ): "a second start waited for the first run; here it is left out, and comes at the next beat",
    (
        "MultipleInstancesPolicy",
        "StopExisting",
    ): "a new start ended the run before; here that one goes on, and `timeout` ends it",
    ("DisallowStartIfOnBatteries", "true"): "it did not start on battery; here it does",
    ("StopIfGoingOnBatteries", "true"): "it was ended when the machine went on battery; here it goes on",
    (
        "RunOnlyIfIdle",
        "true",
    ): "it waited for an idle machine; here every task waits for calm moments, but not for nobody at the keys",
    ("RunOnlyIfNetworkAvailable", "true"): "it waited for a network; here its script must look for it",
    ("WakeToRun", "true"): "it woke the machine; here nothing does",
    ("DeleteExpiredTaskAfter", None): "it was to be deleted some time; here nothing is deleted by itself",
}
"""What has no equivalent here, by the name of a setting and its value; None for any."""


def pieces(data: bytes, name: str, environ: Mapping[str, str]) -> list[Piece]:
    """Return what each task in the XML becomes; `name` is for one that tells none.

    Raises UsageError for what declares entities, which can grow without bounds or read other files, and for what
    holds no task.
    """
    text = _text(data)
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise UsageError(
            "the XML declares a document type or entities, which no export of the Task Scheduler does: refused"
        )
    found: list[Piece] = []
    end, line = 0, 1
    while begin := _BEGIN.search(text, end):
        close = text.find(f"</{begin[1]}Task>", begin.end())
        if close < 0:
            break
        found += _between(text[end : begin.start()], line)
        line += text.count("\n", end, begin.start())
        above = _COMMENT.findall(text, end, begin.start())
        end = close + len(f"</{begin[1]}Task>")
        called = above[-1].strip() if above else name
        try:
            root = ET.fromstring(text[begin.start() : end])  # noqa: S314  # without entities, see above
            found.append(_piece(root, line, called, environ))
        except (ET.ParseError, ValueError) as error:
            found.append(Piece(line, called, "left out", (f"it cannot be read: {error}",)))
        line += text.count("\n", begin.start(), end)
    if not end:
        raise UsageError("the XML holds no <Task>: export one with 'schtasks /query /xml' or Export-ScheduledTask")
    return [*found, *_between(text[end:], line)]


def _text(data: bytes) -> str:
    """Return XML as text; UTF-16 without its mark is known by the zeros between its letters."""
    if data[:2] == b"<\0":
        return data.decode("utf-16-le", "replace")
    return decoded(data)


def _between(text: str, line: int) -> Iterator[Piece]:
    """Yield what stands between two tasks, if that is more than declarations and comments."""
    rest = _BETWEEN.sub(" ", text).strip()
    if rest:
        yield Piece(line, rest[:60], "left out", ("it is no <Task>",))


def _piece(root: ET.Element, line: int, name: str, environ: Mapping[str, str]) -> Piece:
    uri = text_of(root, "RegistrationInfo/URI") or name
    called = re.split(r"[\\/]", uri)[-1] or name
    beat, remarks = triggers.beat(children(root, "Triggers"))
    settings = leaves(settings_of) if (settings_of := child(root, "Settings")) is not None else {}
    remarks = (*remarks, *_left_behind(settings), *_principal(root))
    if beat is None:
        return Piece(line, uri, "left out", remarks, called)
    if any(_OURS.search(text_of(one, "Arguments")) for one in children(root, "Actions")):
        return Piece(line, uri, "left out", ("it calls this program itself",), called)
    work, folder, told = _work(root, environ)
    remarks = (*remarks, *told)
    if not work:
        return Piece(line, uri, "left out", (*remarks, "it runs no program"), called)
    if settings.get("Enabled") == "false":
        beat = replace(beat, enabled=False)
    found = values(
        beat,
        work,
        description=described(text_of(root, "RegistrationInfo/Description")),
        os="windows",
        cwd=folder,
        **_limits(settings),
    )
    return Piece(line, uri, "task", remarks, called, found)


def _work(root: ET.Element, environ: Mapping[str, str]) -> tuple[dict[str, Any], str | None, tuple[str, ...]]:
    """Return what the actions run, in which folder, and what to know of it."""
    steps: list[Mapping[str, Any]] = []
    folders: list[str] = []
    remarks: list[str] = []
    for action in children(root, "Actions"):
        if local(action) != "Exec":
            remarks.append(f"its action {local(action)} has no equivalent here and is left out")
            continue
        try:
            keys, told = windows.step(text_of(action, "Command"), text_of(action, "Arguments"), environ)
        except ValueError as error:
            remarks.append(f"{error}: left out")
            continue
        steps.append(keys)
        remarks += told
        folders.append(text_of(action, "WorkingDirectory").strip('"'))
    if len(set(folders)) > 1:
        remarks.append("its actions had different folders; here all of them run in that of the first")
    folder = folders[0] if folders and folders[0] else None
    if len(steps) == 1:
        return dict(steps[0]), folder, tuple(remarks)
    return ({"steps": [dict(one) for one in steps], "keep_going": True} if steps else {}), folder, tuple(remarks)


def _limits(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys for the settings that have an equivalent."""
    limit = settings.get("ExecutionTimeLimit") or USUAL_LIMIT
    found: dict[str, Any] = {"timeout": NO_LIMIT if limit == UNLIMITED else written(triggers.period(limit))}
    count, pause = settings.get("RestartOnFailure/Count", ""), settings.get("RestartOnFailure/Interval", "")
    if count.isdigit() and pause:
        found |= {"retries": min(int(count), MOST_RETRIES), "retry_delay": written(triggers.period(pause) or MINUTE)}
    priority = settings.get("Priority", "")
    if priority.isdigit() and int(priority) in NORMAL:
        found["background"] = False
    return found


def _left_behind(settings: Mapping[str, str]) -> Iterator[str]:
    for (name, value), remark in _SETTINGS.items():
        if name in settings and value in (None, settings[name]):
            yield remark
    if settings.get("ExecutionTimeLimit") == UNLIMITED:
        yield f"its runs had no limit; here they have {NO_LIMIT}"
    if "RestartOnFailure/Count" in settings:
        yield "pauses between tries are doubled here each time"


def _principal(root: ET.Element) -> Iterator[str]:
    """Yield with whose rights it ran, where they are named: tasks have those of whoever calls the scheduler."""
    for name in ("UserId", "GroupId"):
        who = text_of(root, f"Principals/Principal/{name}")
        if who:
            yield f"it ran as '{who}'; tasks run as whoever calls the scheduler"
    if text_of(root, "Principals/Principal/RunLevel") == "HighestAvailable":
        yield "it ran with the highest rights of its user: 'install --system' as administrator gives them to all tasks"
