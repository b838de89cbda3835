"""systemd: a service that is one cycle, and a timer that starts it; the user's own manager, or the system's.

The offset is fixed: a random delay that rolls anew would make a tick collide with the cycle before it.
Only the cycle itself is killed when its service ends or is stopped, for the runs that it started live on
in the same control group. Catching up after a shutdown is the timer's `Persistent`.
"""

from adaptive_scheduler.backends import grid, units
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
    Write,
)
from adaptive_scheduler.durations import words

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
    lingers = () if wish.system else (units.linger(wish),)
    return (_service(wish), _timer(wish), _question(wish, "timer"), _question(wish, "service"), *lingers)


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a manager that answers."""
    return units.silence(wish, answers.get(_question(wish, "timer"), UNKNOWN))


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the units and what the manager knows of them with the wish."""
    service, timer = answers.get(_service(wish), UNKNOWN), answers.get(_timer(wish), UNKNOWN)
    told, whose = _told(wish, "timer", answers), units.manager(wish)
    elsewhere = _told(wish, "service", answers).get("FragmentPath", "")
    if elsewhere not in ("", _service(wish).path):
        # A unit of this name in another folder is somebody's service: ours would take its place.
        return Registered(False, f"{whose} service '{elsewhere}'")
    if service.code is None and timer.code is None and told.get("LoadState") in (None, "not-found"):
        return None
    ours = f" --config {units.in_command(wish.config)} run\n" in service.content.decode(errors="replace")
    summary = f"{whose} timer '{wish.name}.timer', every {words(wish.every)}"
    faults = [] if not ours else [*_differences(wish, answers), *units.state_faults(f"{wish.name}.timer", told)]
    return Registered(ours, summary, tuple(faults), _notes(wish, answers))


def install(wish: Registration, answers: Answers) -> Plan:
    """Write both units where they differ, and have the manager read, enable and start the timer."""
    writes: list[Action] = [
        Write(file.path, content)
        for file, content in _units(wish).items()
        if answers.get(file, UNKNOWN).content != content
    ]
    if not writes and not units.state_faults(f"{wish.name}.timer", _told(wish, "timer", answers)):
        return Plan((), _notes(wish, answers))
    commands = (
        units.systemctl(wish, "daemon-reload"),
        units.systemctl(wish, "enable", f"{wish.name}.timer"),
        units.systemctl(wish, "restart", f"{wish.name}.timer"),
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
            units.systemctl(wish, "disable", "--now", timer, must=False),
            units.systemctl(wish, "clean", "--what=state", timer, must=False),
            Remove(_timer(wish).path),
            Remove(_service(wish).path),
            units.systemctl(wish, "daemon-reload"),
            units.systemctl(wish, "reset-failed", f"{wish.name}.service", must=False),
        )
    )


def _units(wish: Registration) -> dict[File, bytes]:
    minutes = grid.whole_minutes(wish.every, "systemd")
    first, second = divmod(int(wish.offset.total_seconds()), 60)
    calendar = [
        f"OnCalendar=*-*-* {_values(hours, grid.HOURS_A_DAY - 1)}:{_values(within, 59)}:{second:02d}\n"
        for within, hours in grid.lines(minutes, first)
    ]
    service = SERVICE.format(name=wish.name, command=units.command(wish), settings=units.settings(wish))
    timer = TIMER.format(name=wish.name, every=words(wish.every), calendar="".join(calendar))
    return {_service(wish): service.encode(), _timer(wish): timer.encode()}


def _values(values: tuple[int, ...], last: int) -> str:
    even = grid.steps(values, last)
    if even == (0, 1) or not values:
        return "*"
    return f"{even[0]:02d}/{even[1]}" if even else ",".join(f"{one:02d}" for one in values)


def _differences(wish: Registration, answers: Answers) -> list[str]:
    return [
        f"'{file.path}' is not what 'install' wrote"
        for file, content in _units(wish).items()
        if answers.get(file, UNKNOWN).content != content
    ]


def _notes(wish: Registration, answers: Answers) -> tuple[str, ...]:
    changed = (units.drop_ins(f"{wish.name}.{kind}", _told(wish, kind, answers)) for kind in ("service", "timer"))
    return (*(note for notes in changed for note in notes), *units.logout(wish, answers, "timers"))


def _told(wish: Registration, kind: str, answers: Answers) -> dict[str, str]:
    return units.properties(answers.get(_question(wish, kind), UNKNOWN))


def _service(wish: Registration) -> File:
    return units.unit_file(wish, "service")


def _timer(wish: Registration) -> File:
    return units.unit_file(wish, "timer")


def _question(wish: Registration, kind: str) -> Question:
    return units.question(wish, kind, PROPERTIES)
