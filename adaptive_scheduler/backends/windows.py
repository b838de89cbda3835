r"""The Windows Task Scheduler: one task, registered as XML, because `schtasks` has no options for half of it.

Its defaults would not start a task on battery and would stop it there, end it after three days, run it below
normal priority, skip what was missed, and drop a call while another one runs; every one of these is set here
and compared with what is read back. `pythonw` opens no console window. What the store says is read from its
own file where this user may, else from `schtasks /Query /XML`, whose declared encoding is not the real one.
"""

import codecs
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from adaptive_scheduler.backends.base import (
    UNKNOWN,
    Answers,
    File,
    Look,
    Plan,
    Question,
    Registered,
    Registration,
    Run,
    Write,
)
from adaptive_scheduler.durations import words

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
VERSION = "1.2"
EPOCH = "2025-01-01T00:"
"""Any moment in the past: the repetition counts from it for ever. The offset is added in minutes and seconds."""

NORMAL_PRIORITY = "5"
"""4 to 6 are the normal class; 7, the default, is below it and has low I/O priority."""

DEFAULTS = {
    "Settings/MultipleInstancesPolicy": "IgnoreNew",
    "Settings/DisallowStartIfOnBatteries": "true",
    "Settings/StopIfGoingOnBatteries": "true",
    "Settings/AllowHardTerminate": "true",
    "Settings/StartWhenAvailable": "false",
    "Settings/RunOnlyIfNetworkAvailable": "false",
    "Settings/IdleSettings/StopOnIdleEnd": "true",
    "Settings/IdleSettings/RestartOnIdle": "false",
    "Settings/AllowStartOnDemand": "true",
    "Settings/Enabled": "true",
    "Settings/Hidden": "false",
    "Settings/RunOnlyIfIdle": "false",
    "Settings/WakeToRun": "false",
    "Settings/ExecutionTimeLimit": "PT72H",
    "Settings/Priority": "7",
    "Triggers/TimeTrigger/Enabled": "true",
    "Triggers/TimeTrigger/Repetition/StopAtDurationEnd": "false",
    "Principals/Principal/RunLevel": "LeastPrivilege",
}
"""What an element that the store leaves out means (MS-TSCH 2.5.4)."""

NOT_COMPARED = ("RegistrationInfo/", "Principals/Principal/UserId")
"""The store adds to the first, and may turn a name into a security identifier in the second."""


def looks(wish: Registration) -> tuple[Look, ...]:
    """Read the task from the store's file, and ask schtasks for it."""
    return (_stored(wish), _question(wish))


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a Task Scheduler."""
    if answers.get(_question(wish), UNKNOWN).code is None:
        return "no 'schtasks' on PATH: this is no Windows"
    return None


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the task in the store with the wish, value by value."""
    found = _found(wish, answers)
    if found is None:
        return None
    wanted = _values(_xml(wish))
    # Whoever edits the action leaves the description, and whoever edits that leaves the action.
    described = found.get("RegistrationInfo/Description") == wanted["RegistrationInfo/Description"]
    ours = described or f"--config {_quoted(wish.config)} run" in found.get("Actions/Exec/Arguments", "")
    logged_off = found.get("Principals/Principal/LogonType") == "S4U"
    when = "whether or not anybody is logged on" if logged_off else f"while '{wish.user}' is logged on"
    summary = f"the Task Scheduler's task '{wish.name}', every {words(wish.every)} {when}"
    faults = [
        f"its {path.rpartition('/')[2]} is '{found.get(path, DEFAULTS.get(path, ''))}', not '{value}'"
        for path, value in wanted.items()
        if not path.startswith(NOT_COMPARED) and found.get(path, DEFAULTS.get(path, "")) != value
    ]
    return Registered(ours, summary, tuple(faults) if ours else ())


def install(wish: Registration, answers: Answers) -> Plan:
    """Write the XML and register it, in place of an older task of this name."""
    found = registered(wish, answers)
    notes = () if wish.system else (_note(wish),)
    if found is not None and found.ours and not found.faults:
        return Plan((), notes)
    path = f"{wish.folder}\\{wish.name}.xml"
    create = Run(("schtasks", "/Create", "/TN", wish.name, "/XML", path, "/F"))
    return Plan((Write(path, document(wish)), create), notes)


def uninstall(wish: Registration, answers: Answers) -> Plan:
    """Delete the task."""
    if _found(wish, answers) is None:
        return Plan()
    return Plan((Run(("schtasks", "/Delete", "/TN", wish.name, "/F")),))


def document(wish: Registration) -> bytes:
    """Return the task as Windows writes one: UTF-16 with its mark, lines that end in CR LF."""
    root = _xml(wish)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    text = f'<?xml version="1.0" encoding="UTF-16"?>\n{body}\n'
    return codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le")


def _xml(wish: Registration) -> ET.Element:
    root = ET.Element("Task", {"version": VERSION, "xmlns": NAMESPACE})
    minutes, seconds = divmod(int(wish.offset.total_seconds()), 60)
    _fill(root, "RegistrationInfo", Author=wish.user, Description=f"One cycle of adaptive-scheduler for {wish.config}")
    trigger = ET.SubElement(ET.SubElement(root, "Triggers"), "TimeTrigger")
    _fill(trigger, "Repetition", Interval=_iso(wish), StopAtDurationEnd="false")
    _add(trigger, StartBoundary=f"{EPOCH}{minutes:02d}:{seconds:02d}", Enabled="true")
    principal = ET.SubElement(ET.SubElement(root, "Principals"), "Principal", {"id": "Author"})
    logon = "S4U" if wish.system else "InteractiveToken"
    _add(principal, UserId=wish.user, LogonType=logon, RunLevel="LeastPrivilege")
    settings = _fill(
        root,
        "Settings",
        MultipleInstancesPolicy="Parallel",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        AllowHardTerminate="true",
        StartWhenAvailable="true",
        RunOnlyIfNetworkAvailable="false",
    )
    _fill(settings, "IdleSettings", StopOnIdleEnd="false", RestartOnIdle="false")
    _add(
        settings,
        AllowStartOnDemand="true",
        Enabled="true",
        Hidden="true",
        RunOnlyIfIdle="false",
        WakeToRun="false",
        ExecutionTimeLimit="PT0S",
        Priority=NORMAL_PRIORITY,
    )
    actions = ET.SubElement(root, "Actions", {"Context": "Author"})
    program, *arguments = (wish.windowless or wish.argv[0], *wish.argv[1:])
    _fill(
        actions,
        "Exec",
        Command=program,
        Arguments=" ".join(map(_quoted, arguments)),
        WorkingDirectory=_folder_of(wish.config),
    )
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


def _fill(parent: ET.Element, name: str, **values: str) -> ET.Element:
    return _add(ET.SubElement(parent, name), **values)


def _add(parent: ET.Element, **values: str) -> ET.Element:
    for name, value in values.items():
        ET.SubElement(parent, name).text = value
    return parent


def _values(root: ET.Element) -> dict[str, str]:
    """Return the text of every leaf by its path, without namespaces."""

    def walk(element: ET.Element, path: str) -> Iterator[tuple[str, str]]:
        for child in element:
            where = f"{path}/{child.tag.rpartition('}')[2]}".lstrip("/")
            if len(child):
                yield from walk(child, where)
            else:
                yield where, (child.text or "").strip()

    return dict(walk(root, ""))


def _found(wish: Registration, answers: Answers) -> dict[str, str] | None:
    """Return the values of the task in the store, None when there is no such task."""
    for look in (_stored(wish), _question(wish)):
        content = answers.get(look, UNKNOWN).content
        if answers.get(look, UNKNOWN).code == 0 and content.strip():
            try:
                return _values(ET.fromstring(_decoded(content)))  # noqa: S314  # the system's own file
            except ET.ParseError:
                continue
    return None


def _decoded(content: bytes) -> str:
    """Return XML as text without its declaration, which names an encoding that need not be the real one."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = content.decode("utf-16", "replace")
    else:
        # Console programs of Windows print in its OEM code page; elsewhere Python knows no such encoding.
        text = _in(content, "utf-8-sig") or _in(content, "oem") or content.decode("latin-1")
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)


def _in(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _quoted(word: str) -> str:
    """Return a word as the C runtime of Windows reads it from a command line."""
    if word and not re.search(r'[\s"]', word):
        return word
    doubled = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", doubled) + '"'


def _note(wish: Registration) -> str:
    return f"it runs while '{wish.user}' is logged on; --system, as administrator, makes it run always"


def _stored(wish: Registration) -> File:
    root = wish.environment.get("SYSTEMROOT", r"C:\Windows")
    return File(rf"{root}\System32\Tasks\{wish.name}")


def _question(wish: Registration) -> Question:
    return Question(("schtasks", "/Query", "/TN", wish.name, "/XML"))
