"""Example registrations, and the ready-to-copy files of `install/units` that they give.

python -m tests.backends.golden     writes the files anew, after a renderer was changed on purpose
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler.backends import BACKENDS, cron, launchd, systemd, windows
from adaptive_scheduler.backends.base import Answer, Answers, File, Look, Question, Registration, Run, Write
from tests.backends import services

UNITS = Path(__file__).parents[2] / "install" / "units"

LINUX = Registration(
    name="AdaptiveScheduler",
    argv=(
        *("/home/me/.venvs/adaptive/bin/python", "-P", "-X", "utf8", "-m", "adaptive_scheduler"),
        *("--config", "/home/me/tasks.toml", "run"),
    ),
    config="/home/me/tasks.toml",
    folder="/home/me/outputs/registration",
    every=timedelta(minutes=5),
    offset=timedelta(minutes=2, seconds=17),
    user="me",
    home="/home/me",
    uid=1000,
    environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
)
MACOS = replace(
    LINUX,
    argv=("/Users/me/.venvs/adaptive/bin/python", *LINUX.argv[1:7], "/Users/me/tasks.toml", "run"),
    config="/Users/me/tasks.toml",
    folder="/Users/me/outputs/registration",
    home="/Users/me",
    uid=501,
    environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8"},
)
WINDOWS = replace(
    LINUX,
    argv=(r"C:\Users\me\venvs\adaptive\Scripts\python.exe", *LINUX.argv[1:7], r"C:\Users\me\tasks.toml", "run"),
    windowless=r"C:\Users\me\venvs\adaptive\Scripts\pythonw.exe",
    config=r"C:\Users\me\tasks.toml",
    folder=r"C:\Users\me\outputs\registration",
    user=r"EXAMPLE\me",
    home=r"C:\Users\me",
    uid=None,
    environment={},
)

EXAMPLES: dict[str, Registration] = {"systemd": LINUX, "cron": LINUX, "windows": WINDOWS, "launchd": MACOS}


def example(**changes: Any) -> Registration:
    """The Linux example, changed."""
    return replace(LINUX, **changes)


def files_of(backend: str) -> dict[str, bytes]:
    """The files that registering the example writes, by name; cron's block goes into a command instead."""
    actions = BACKENDS[backend].install(EXAMPLES[backend], {}).actions
    found = {one.path.replace("\\", "/").rpartition("/")[2]: one.content for one in actions if isinstance(one, Write)}
    for one in actions:
        if isinstance(one, Run) and one.content is not None:
            found["crontab.txt"] = one.content
    return found


def as_installed(backend: str) -> Answers:
    """What the system tells once the example is registered."""
    wish = EXAMPLES[backend]
    actions = BACKENDS[backend].install(wish, {}).actions
    told: dict[Look, Answer] = {File(one.path): Answer(0, one.content) for one in actions if isinstance(one, Write)}
    if backend == "cron":
        return {cron.LIST: Answer(0, files_of("cron")["crontab.txt"])}
    if backend == "systemd":
        told[File("/var/lib/systemd/linger/me")] = Answer(0)
        state = b"LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n"
        return told | {look: Answer(0, state) for look in systemd.looks(wish) if isinstance(look, Question)}
    if backend == "windows":
        told = {
            File(r"C:\Windows\System32\Tasks\AdaptiveScheduler"): Answer(0, files_of("windows")[f"{wish.name}.xml"])
        }
        return told | {look: Answer(0) for look in windows.looks(wish) if isinstance(look, Question)}
    return told | {look: Answer(0) for look in launchd.looks(wish) if isinstance(look, Question)}


def main() -> None:
    """Write all of them."""
    found = [files_of(backend) for backend in EXAMPLES]
    found += [services.files_of(keeper, role) for keeper, role in services.EXAMPLES]
    for files in found:
        for name, content in files.items():
            (UNITS / name).write_bytes(content)


if __name__ == "__main__":
    main()
