"""A task of the Windows Task Scheduler as XML, whatever it calls: how it is written, and registered."""

import codecs
import re
import xml.etree.ElementTree as ET

from adaptive_scheduler.backends.base import Run, Wish, Write

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
VERSION = "1.2"

NORMAL_PRIORITY = "5"
"""4 to 6 are the normal class; 7, the default, is below it and has low I/O priority."""


def creation(wish: Wish, root: ET.Element) -> tuple[Write, Run]:
    """Return what registers a task, in place of an older one of this name."""
    path = f"{wish.folder}\\{wish.name}.xml"
    create = Run(("schtasks", "/Create", "/TN", wish.name, "/XML", path, "/F"))
    return Write(path, document(root)), create


def deletion(wish: Wish) -> Run:
    """Return what removes a task."""
    return Run(("schtasks", "/Delete", "/TN", wish.name, "/F"))


def notes(wish: Wish) -> tuple[str, ...]:
    """Return the note that a task ends with the session of its user, where it does."""
    note = f"it runs while '{wish.user}' is logged on; --system, as administrator, makes it run always"
    return () if wish.system else (note,)


def document(root: ET.Element) -> bytes:
    """Return the task as Windows writes one: UTF-16 with its mark, lines that end in CR LF."""
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    text = f'<?xml version="1.0" encoding="UTF-16"?>\n{body}\n'
    return codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le")


def task(wish: Wish, description: str) -> ET.Element:
    """Return the beginning of a task."""
    root = ET.Element("Task", {"version": VERSION, "xmlns": NAMESPACE})
    fill(root, "RegistrationInfo", Author=wish.user, Description=description)
    return root


def principal(root: ET.Element, wish: Wish) -> None:
    """Add as whom it runs; S4U needs nobody who is logged on, and no password."""
    parent = ET.SubElement(ET.SubElement(root, "Principals"), "Principal", {"id": "Author"})
    logon = "S4U" if wish.system else "InteractiveToken"
    add(parent, UserId=wish.user, LogonType=logon, RunLevel="LeastPrivilege")


def settings(root: ET.Element, *, instances: str) -> ET.Element:
    """Add that it starts and runs on battery too, whether or not idle, as long as it likes, at normal priority."""
    element = fill(
        root,
        "Settings",
        MultipleInstancesPolicy=instances,
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        AllowHardTerminate="true",
        StartWhenAvailable="true",
        RunOnlyIfNetworkAvailable="false",
    )
    fill(element, "IdleSettings", StopOnIdleEnd="false", RestartOnIdle="false")
    return add(
        element,
        AllowStartOnDemand="true",
        Enabled="true",
        Hidden="true",
        RunOnlyIfIdle="false",
        WakeToRun="false",
        ExecutionTimeLimit="PT0S",
        Priority=NORMAL_PRIORITY,
    )


def action(root: ET.Element, wish: Wish, *, folder: str) -> None:
    """Add what it calls, and where that stands."""
    actions = ET.SubElement(root, "Actions", {"Context": "Author"})
    program, *arguments = (wish.windowless or wish.argv[0], *wish.argv[1:])
    fill(actions, "Exec", Command=program, Arguments=" ".join(map(quoted, arguments)), WorkingDirectory=folder)


def fill(parent: ET.Element, name: str, **values: str) -> ET.Element:
    """Add an element with one child for each value, and return it."""
    return add(ET.SubElement(parent, name), **values)


def add(parent: ET.Element, **values: str) -> ET.Element:
    """Add one child for each value, and return the parent."""
    for name, value in values.items():
        ET.SubElement(parent, name).text = value
    return parent


def quoted(word: str) -> str:
    """Return a word as the C runtime of Windows reads it from a command line."""
    if word and not re.search(r'[\s"]', word):
        return word
    doubled = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", doubled) + '"'
