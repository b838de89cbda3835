"""systemd: a service that is one cycle, and a timer that starts it; the user's own manager, or the system's.

The offset is fixed: a random delay that rolls anew would make a tick collide with the cycle before it.
Only the cycle itself is killed when its service ends or is stopped, for the runs that it started live on
in the same control group. Catching up after a shutdown is the timer's `Persistent`.
"""

import re

from adaptive_scheduler.backends import grid
from adaptive_scheduler.backends.base import (
    UNKNOWN,
    Action,
    Answers,
    File,
    Look,
    Plan,
    Question,
    Registered,
    Registration,
    Remove,
    Run,
    Write,
)
from adaptive_scheduler.durations import words
from adaptive_scheduler.errors import UsageError

SYSTEM_FOLDER = "/etc/systemd/system"
USER_FOLDER = ".config/systemd/user"
LINGER_FOLDER = "/var/lib/systemd/linger"
PROPERTIES = "LoadState,ActiveState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths"

SERVICE = """\
# Written by 'adaptive-scheduler install'; 'adaptive-scheduler uninstall' removes it.
[Unit]
Description=One cycle of adaptive-scheduler ({name})

[Service]
Type=oneshot
ExecStart={command}
{settings}# Exit code 1: a task failed. That is the task's affair, and 'status' tells it.
SuccessExitStatus=1
# What a cycle started outlives it: only the cycle itself is ever killed.
KillMode=process
OOMPolicy=continue
# Of a fine cycle, and of runs that live on, the journal need not hear every time; of ours it hears all.
LogLevelMax=err
SyslogLevel=err
"""

TIMER = """\
# Written by 'adaptive-scheduler install'; 'adaptive-scheduler uninstall' removes it.
[Unit]
Description=Every {every}: one cycle of adaptive-scheduler ({name})

[Timer]
{calendar}# A minute of tolerance, which is the default, would make ticks uneven.
AccuracySec=1s
# After a shutdown: one cycle at once.
Persistent=true

[Install]
WantedBy=timers.target
"""


def looks(wish: Registration) -> tuple[Look, ...]:
    """Read both units, ask the manager about them, and see whether the user's manager lingers."""
    linger = () if wish.system else (_linger(wish),)
    return (_service(wish), _timer(wish), _question(wish, "timer"), _question(wish, "service"), *linger)


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a manager that answers."""
    answer = answers.get(_question(wish, "timer"), UNKNOWN)
    if answer.code is None:
        return "no 'systemctl' on PATH: this system was not started by systemd"
    if answer.code != 0:
        whose = "system" if wish.system else "user"
        hint = "" if wish.system else "; log in as that user, or register with the machine: --system, as root"
        return f"the {whose} manager does not answer ({answer.complaint or 'no reason given'}){hint}"
    return None


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the units and what the manager knows of them with the wish."""
    service, timer = answers.get(_service(wish), UNKNOWN), answers.get(_timer(wish), UNKNOWN)
    told = _told(wish, "timer", answers)
    whose = "the system's" if wish.system else f"the manager of user '{wish.user}'"
    elsewhere = _told(wish, "service", answers).get("FragmentPath", "")
    if elsewhere not in ("", _service(wish).path):
        # A unit of this name in another folder is somebody's service: ours would take its place.
        return Registered(False, f"{whose} service '{elsewhere}'")
    if service.code is None and timer.code is None and told.get("LoadState") in (None, "not-found"):
        return None
    ours = f" --config {_in_command(wish.config)} run\n" in service.content.decode(errors="replace")
    summary = f"{whose} timer '{wish.name}.timer', every {words(wish.every)}"
    faults = [] if not ours else [*_differences(wish, answers), *_state_faults(wish, told)]
    return Registered(ours, summary, tuple(faults), _notes(wish, answers))


def install(wish: Registration, answers: Answers) -> Plan:
    """Write both units where they differ, and have the manager read, enable and start the timer."""
    writes: list[Action] = [
        Write(file.path, content)
        for file, content in _units(wish).items()
        if answers.get(file, UNKNOWN).content != content
    ]
    if not writes and not _state_faults(wish, _told(wish, "timer", answers)):
        return Plan((), _notes(wish, answers))
    commands = (
        _systemctl(wish, "daemon-reload"),
        _systemctl(wish, "enable", f"{wish.name}.timer"),
        _systemctl(wish, "restart", f"{wish.name}.timer"),
    )
    remark = grid.remark(grid.whole_minutes(wish.every, "systemd"))
    return Plan((*writes, *commands), (*((remark,) if remark else ()), *_notes(wish, answers)))


def uninstall(wish: Registration, answers: Answers) -> Plan:
    """Stop the timer and remove it; a cycle that is under way ends by itself, and its runs go on."""
    if registered(wish, answers) is None:
        return Plan()
    timer = f"{wish.name}.timer"
    return Plan(
        (
            _systemctl(wish, "disable", "--now", timer, must=False),
            _systemctl(wish, "clean", "--what=state", timer, must=False),
            Remove(_timer(wish).path),
            Remove(_service(wish).path),
            _systemctl(wish, "daemon-reload"),
            _systemctl(wish, "reset-failed", f"{wish.name}.service", must=False),
        )
    )


def _units(wish: Registration) -> dict[File, bytes]:
    minutes = grid.whole_minutes(wish.every, "systemd")
    first, second = divmod(int(wish.offset.total_seconds()), 60)
    calendar = [
        f"OnCalendar=*-*-* {_values(hours, grid.HOURS_A_DAY - 1)}:{_values(within, 59)}:{second:02d}\n"
        for within, hours in grid.lines(minutes, first)
    ]
    settings = [f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(wish.environment.items())]
    if wish.system:
        settings.insert(0, f"User={wish.user}\n")
    # An executable's own name must be plain, however it is quoted; `env` takes any.
    argv = ("/usr/bin/env", *wish.argv) if re.search(r"[\"'\\$]", wish.argv[0]) else wish.argv
    command = " ".join(map(_in_command, argv))
    service = SERVICE.format(name=wish.name, command=command, settings="".join(settings))
    timer = TIMER.format(name=wish.name, every=words(wish.every), calendar="".join(calendar))
    return {_service(wish): service.encode(), _timer(wish): timer.encode()}


def _values(values: tuple[int, ...], last: int) -> str:
    even = grid.steps(values, last)
    if even == (0, 1) or not values:
        return "*"
    return f"{even[0]:02d}/{even[1]}" if even else ",".join(f"{one:02d}" for one in values)


def _quoted(word: str) -> str:
    """Return a word as a unit file says it: nothing in it is a specifier or an escape."""
    if re.search(r"[\n\r\0]", word):
        raise UsageError(f"a unit file cannot say the line break in {word!r}")
    text = word.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%")
    return f'"{text}"' if re.search(r"[^\w/.:=,+@%-]", text) or not text else text


def _in_command(word: str) -> str:
    """Return a word of a command, where alone `$` begins a variable."""
    return _quoted(word).replace("$", "$$")


def _differences(wish: Registration, answers: Answers) -> list[str]:
    return [
        f"'{file.path}' is not what 'install' wrote"
        for file, content in _units(wish).items()
        if answers.get(file, UNKNOWN).content != content
    ]


def _state_faults(wish: Registration, told: dict[str, str]) -> list[str]:
    """Return what the manager says of the timer that is not as wished."""
    timer = f"{wish.name}.timer"
    wanted = {
        "LoadState": ("loaded", f"the manager has not loaded '{timer}' ({{}})"),
        "ActiveState": ("active", f"'{timer}' is not started ({{}})"),
        "UnitFileState": ("enabled", f"'{timer}' is not enabled ({{}}): the next boot forgets it"),
        "NeedDaemonReload": ("no", f"the manager has not read the present '{timer}' yet"),
    }
    return [
        sentence.format(told.get(key) or "unknown")
        for key, (wish_for, sentence) in wanted.items()
        if told.get(key) != wish_for
    ]


def _notes(wish: Registration, answers: Answers) -> tuple[str, ...]:
    notes = [
        f"'{wish.name}.{kind}' is changed by '{path}'"
        for kind in ("service", "timer")
        for path in _told(wish, kind, answers).get("DropInPaths", "").split()
        if f"/{wish.name}.{kind}.d/" in path
    ]
    if not wish.system and answers.get(_linger(wish), UNKNOWN).code != 0:
        linger = f"'loginctl enable-linger {wish.user}' keeps them going"
        notes.append(f"the timers of user '{wish.user}' stop when they log out: {linger}")
    return tuple(notes)


def _told(wish: Registration, kind: str, answers: Answers) -> dict[str, str]:
    text = answers.get(_question(wish, kind), UNKNOWN).content.decode(errors="replace")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _service(wish: Registration) -> File:
    return File(f"{_folder(wish)}/{wish.name}.service")


def _timer(wish: Registration) -> File:
    return File(f"{_folder(wish)}/{wish.name}.timer")


def _linger(wish: Registration) -> File:
    return File(f"{LINGER_FOLDER}/{wish.user}")


def _folder(wish: Registration) -> str:
    return SYSTEM_FOLDER if wish.system else f"{wish.home}/{USER_FOLDER}"


def _question(wish: Registration, kind: str) -> Question:
    return Question(_argv(wish, "show", f"{wish.name}.{kind}", f"--property={PROPERTIES}"))


def _systemctl(wish: Registration, *words: str, must: bool = True) -> Run:
    return Run(_argv(wish, *words), must=must)


def _argv(wish: Registration, *words: str) -> tuple[str, ...]:
    return ("systemctl", *(() if wish.system else ("--user",)), *words)
