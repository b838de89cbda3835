r"""The Windows Task Scheduler: one task, registered as XML, because `schtasks` has no options for half of it.

Its defaults would not start a task on battery and would stop it there, end it after three days, run it below
normal priority, skip what was missed, and drop a call while another one runs; every one of these is set here
and compared with what is read back. `pythonw` opens no console window.
"""

import re
import xml.etree.ElementTree as ET

from adaptive_scheduler.backends import taskstore, taskxml
from adaptive_scheduler.backends.base import Answers, Look, Plan, Registered, Registration
from adaptive_scheduler.durations import words

EPOCH = "2025-01-01T00:"
"""Any moment in the past: the repetition counts from it for ever. The offset is added in minutes and seconds."""


def looks(wish: Registration) -> tuple[Look, ...]:
    """Read the task from the store's file, and ask schtasks for it."""
    return taskstore.looks(wish)


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a Task Scheduler."""
    return taskstore.silence(wish, answers)


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the task in the store with the wish, value by value."""
    found = taskstore.found(wish, answers)
    if found is None:
        return None
    wanted = taskstore.leaves(_xml(wish))
    # Whoever edits the action leaves the description, and whoever edits that leaves the action.
    described = found.get("RegistrationInfo/Description") == wanted["RegistrationInfo/Description"]
    ours = described or f"--config {taskxml.quoted(wish.config)} run" in found.get("Actions/Exec/Arguments", "")
    summary = f"the Task Scheduler's task '{wish.name}', every {words(wish.every)} {taskstore.when(wish, found)}"
    return Registered(ours, summary, taskstore.differences(found, wanted) if ours else ())


def install(wish: Registration, answers: Answers) -> Plan:
    """Write the XML and register it, in place of an older task of this name."""
    found = registered(wish, answers)
    notes = taskxml.notes(wish)
    if found is not None and found.ours and not found.faults:
        return Plan((), notes)
    return Plan(taskxml.creation(wish, _xml(wish)), notes)


def uninstall(wish: Registration, answers: Answers) -> Plan:
    """Delete the task."""
    if taskstore.found(wish, answers) is None:
        return Plan()
    return Plan((taskxml.deletion(wish),))


def document(wish: Registration) -> bytes:
    """Return the task as a file."""
    return taskxml.document(_xml(wish))


def _xml(wish: Registration) -> ET.Element:
    minutes, seconds = divmod(int(wish.offset.total_seconds()), 60)
    root = taskxml.task(wish, f"One cycle of adaptive-scheduler for {wish.config}")
    trigger = ET.SubElement(ET.SubElement(root, "Triggers"), "TimeTrigger")
    taskxml.fill(trigger, "Repetition", Interval=_iso(wish), StopAtDurationEnd="false")
    taskxml.add(trigger, StartBoundary=f"{EPOCH}{minutes:02d}:{seconds:02d}", Enabled="true")
    taskxml.principal(root, wish)
    taskxml.settings(root, instances="Parallel")
    taskxml.action(root, wish, folder=_folder_of(wish.config))
    return root


def _folder_of(path: str) -> str:
    """Return a path without its last part; that of a drive keeps its backslash, or it would mean another folder."""
    folder = re.sub(r"[\\/][^\\/]*$", "", path)
    return folder + "\\" if folder.endswith(":") else folder


def _iso(wish: Registration) -> str:
    """Return the tick as ISO 8601 says it, such as PT5M."""
    hours, rest = divmod(int(wish.every.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    return "PT" + "".join(f"{count}{unit}" for count, unit in parts if count)
