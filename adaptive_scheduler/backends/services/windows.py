"""The Windows Task Scheduler: a task that starts with the machine or the session, and is started again for ever.

Its own restart "on failure" means a start that failed, not a program that ended (MS-TSCH 2.5.4.2). So a second
trigger comes every minute, and is ignored as long as the service runs.
"""

import xml.etree.ElementTree as ET

from adaptive_scheduler.backends import taskstore, taskxml
from adaptive_scheduler.backends.base import Answers, Look, Plan, Registered, Remove, Run
from adaptive_scheduler.backends.services.base import CALL, Service, described

EVERY = "PT1M"
"""The shortest interval that the Task Scheduler takes."""

MOST_RESTARTS = "255"
"""The largest count that the schema of a task takes."""

EPOCH = "2025-01-01T00:00:00"
"""Any moment in the past: the repetition counts from it for ever."""


def looks(wish: Service) -> tuple[Look, ...]:
    """Read the task from the store's file, and ask schtasks for it."""
    return taskstore.looks(wish)


def missing(wish: Service, answers: Answers) -> str | None:
    """There must be a Task Scheduler."""
    return taskstore.silence(wish, answers)


def registered(wish: Service, answers: Answers) -> Registered | None:
    """Compare the task in the store with the wish, value by value."""
    found = taskstore.found(wish, answers)
    if found is None:
        return None
    wanted = taskstore.leaves(_xml(wish))
    # Whoever edits the action leaves the description, and whoever edits that leaves the action.
    described_so = found.get("RegistrationInfo/Description") == wanted["RegistrationInfo/Description"]
    ours = described_so or f"{' '.join((*CALL, wish.role))} " in f"{found.get('Actions/Exec/Arguments', '')} "
    summary = f"the Task Scheduler's task '{wish.name}', {taskstore.when(wish, found)}"
    return Registered(ours, summary, taskstore.differences(found, wanted) if ours else ())


def install(wish: Service, answers: Answers) -> Plan:
    """Register the task in place of an older one of this name, which is ended, and start it."""
    found = registered(wish, answers)
    notes = taskxml.notes(wish)
    if found is not None and found.ours and not found.faults:
        return Plan((), notes)
    write, create = taskxml.creation(wish, _xml(wish))
    older = () if found is None else (_end(wish),)
    # The store has a copy of its own; the file would only be left behind.
    return Plan((write, *older, create, Remove(write.path), Run(("schtasks", "/Run", "/TN", wish.name))), notes)


def uninstall(wish: Service, answers: Answers) -> Plan:
    """End the task, which deleting it would not, and delete it."""
    if taskstore.found(wish, answers) is None:
        return Plan()
    return Plan((_end(wish), taskxml.deletion(wish)))


def _xml(wish: Service) -> ET.Element:
    root = taskxml.task(wish, described(wish))
    triggers = ET.SubElement(root, "Triggers")
    if wish.system:
        taskxml.fill(triggers, "BootTrigger", Enabled="true")
    else:
        taskxml.fill(triggers, "LogonTrigger", Enabled="true", UserId=wish.user)
    every_minute = ET.SubElement(triggers, "TimeTrigger")
    taskxml.fill(every_minute, "Repetition", Interval=EVERY, StopAtDurationEnd="false")
    taskxml.add(every_minute, StartBoundary=EPOCH, Enabled="true")
    taskxml.principal(root, wish)
    settings = taskxml.settings(root, instances="IgnoreNew")
    taskxml.fill(settings, "RestartOnFailure", Interval=EVERY, Count=MOST_RESTARTS)
    taskxml.action(root, wish, folder=wish.home)
    return root


def _end(wish: Service) -> Run:
    return Run(("schtasks", "/End", "/TN", wish.name), must=False)
