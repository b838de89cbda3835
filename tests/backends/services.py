"""Example services, and the ready-to-copy files of `install/units` that they give."""

from dataclasses import replace
from typing import Any

from adaptive_scheduler.backends.base import Answer, Answers, File, Look, Question, Remove, Write
from adaptive_scheduler.backends.services import KEEPERS
from adaptive_scheduler.backends.services.base import CALL, DEFAULT_NAMES, Service

OPTIONS = {
    "scheduler": ("--certificates", "certificates"),
    "node": ("--master", "tls://master:8786", "--slots", "4", "--certificates", "certificates"),
}
LINUX = Service(
    role="node",
    name="AdaptiveSchedulerNode",
    argv=("/home/me/.venvs/adaptive/bin/python", "-P", "-X", "utf8", *CALL, "node", *OPTIONS["node"]),
    folder="/tmp",
    user="me",
    home="/home/me",
    uid=1000,
    environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
)
MACOS = replace(
    LINUX,
    argv=("/Users/me/.venvs/adaptive/bin/python", *LINUX.argv[1:]),
    home="/Users/me",
    uid=501,
    environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8"},
)
WINDOWS = replace(
    LINUX,
    argv=(r"C:\Users\me\venvs\adaptive\Scripts\python.exe", *LINUX.argv[1:]),
    windowless=r"C:\Users\me\venvs\adaptive\Scripts\pythonw.exe",
    folder=r"C:\Users\me\AppData\Local\Temp",
    user=r"EXAMPLE\me",
    home=r"C:\Users\me",
    uid=None,
    environment={},
)


def of_role(wish: Service, role: str, **changes: Any) -> Service:
    """The same machine's example of a role."""
    head = wish.argv[: wish.argv.index(wish.role)]
    return replace(wish, role=role, name=DEFAULT_NAMES[role], argv=(*head, role, *OPTIONS[role]), **changes)


MACHINES = {"systemd": LINUX, "windows": WINDOWS, "launchd": MACOS}
EXAMPLES = {(keeper, role): of_role(wish, role) for keeper, wish in MACHINES.items() for role in DEFAULT_NAMES}


def files_of(keeper: str, role: str) -> dict[str, bytes]:
    """The files that registering the example writes, by name."""
    actions = KEEPERS[keeper].install(EXAMPLES[keeper, role], {}).actions
    return {one.path.replace("\\", "/").rpartition("/")[2]: one.content for one in actions if isinstance(one, Write)}


def as_installed(keeper: str, wish: Service) -> Answers:
    """What the system tells once the wish is registered."""
    actions = KEEPERS[keeper].install(wish, {}).actions
    gone = {one.path for one in actions if isinstance(one, Remove)}
    content = {one.path: one.content for one in actions if isinstance(one, Write)}
    told: dict[Look, Answer] = {File(path): Answer(0, content[path]) for path in content if path not in gone}
    answer = Answer(0)
    if keeper == "systemd":
        told[File("/var/lib/systemd/linger/me")] = Answer(0)
        answer = Answer(0, b"LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n")
    if keeper == "windows":
        (xml,) = content.values()
        told = {File(rf"C:\Windows\System32\Tasks\{wish.name}"): Answer(0, xml)}
    return told | {look: answer for look in KEEPERS[keeper].looks(wish) if isinstance(look, Question)}
