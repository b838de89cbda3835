"""What the Windows Task Scheduler's store tells of a task, and how that differs from what was wished.

It is read from the store's own file where this user may, else from `schtasks /Query /XML`, whose declared
encoding is not the real one.
"""

import codecs
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from adaptive_scheduler.backends.base import UNKNOWN, Answers, File, Look, Question, Wish

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
    "Triggers/BootTrigger/Enabled": "true",
    "Triggers/LogonTrigger/Enabled": "true",
    "Triggers/TimeTrigger/Repetition/StopAtDurationEnd": "false",
    "Principals/Principal/RunLevel": "LeastPrivilege",
}
"""What an element that the store leaves out means (MS-TSCH 2.5.4)."""

NOT_COMPARED = ("RegistrationInfo/", "Principals/Principal/UserId")
"""The store adds to the first, and may turn a name into a security identifier in the second."""


def looks(wish: Wish) -> tuple[Look, ...]:
    """Read the task from the store's file, and ask schtasks for it."""
    return (_stored(wish), _question(wish))


def silence(wish: Wish, answers: Answers) -> str | None:
    """Return why the Task Scheduler did not answer, None when it did."""
    if answers.get(_question(wish), UNKNOWN).code is None:
        return "no 'schtasks' on PATH: this is no Windows"
    return None


def differences(found: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each value of a task in the store that is not the wanted one."""
    return tuple(
        f"its {path.rpartition('/')[2]} is '{found.get(path, DEFAULTS.get(path, ''))}', not '{value}'"
        for path, value in wanted.items()
        if not path.startswith(NOT_COMPARED) and found.get(path, DEFAULTS.get(path, "")) != value
    )


def when(wish: Wish, found: Mapping[str, str]) -> str:
    """Return when a task in the store runs, as a sentence goes on."""
    logged_off = found.get("Principals/Principal/LogonType") == "S4U"
    return "whether or not anybody is logged on" if logged_off else f"while '{wish.user}' is logged on"


def leaves(root: ET.Element) -> dict[str, str]:
    """Return the text of every leaf by its path, without namespaces."""

    def walk(element: ET.Element, path: str) -> Iterator[tuple[str, str]]:
        for child in element:
            where = f"{path}/{child.tag.rpartition('}')[2]}".lstrip("/")
            if len(child):
                yield from walk(child, where)
            else:
                yield where, (child.text or "").strip()

    return dict(walk(root, ""))


def found(wish: Wish, answers: Answers) -> dict[str, str] | None:
    """Return the values of the task in the store, None when there is no such task."""
    for look in (_stored(wish), _question(wish)):
        content = answers.get(look, UNKNOWN).content
        if answers.get(look, UNKNOWN).code == 0 and content.strip():
            try:
                return leaves(ET.fromstring(decoded(content)))  # noqa: S314  # the system's own file
            except ET.ParseError:
                continue
    return None


def decoded(content: bytes) -> str:
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


def _stored(wish: Wish) -> File:
    root = wish.environment.get("SYSTEMROOT", r"C:\Windows")
    return File(rf"{root}\System32\Tasks\{wish.name}")


def _question(wish: Wish) -> Question:
    return Question(("schtasks", "/Query", "/TN", wish.name, "/XML"))
