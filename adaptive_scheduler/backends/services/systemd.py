"""systemd: a service that is started again whenever it ends; the user's own manager, or the system's as a user."""

from adaptive_scheduler.backends import units
from adaptive_scheduler.backends.base import UNKNOWN, Answers, File, Look, Plan, Question, Registered, Remove, Write
from adaptive_scheduler.backends.services.base import STOPS_WITHIN_S, Service, described

PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths"
ALIVE = ("active", "activating")
"""A service between two starts is as wished too: a node ends whenever its scheduler goes."""

MARK = "# Written by 'adaptive-scheduler install {role}'; 'adaptive-scheduler uninstall {role}' removes it.\n"

UNIT = """\
[Unit]
Description={described}
{network}# Never give up, however often it ended: what it waits for may come back in days.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
# The home, so that a path in the options means the same for every start; a user may be without one.
WorkingDirectory=-~
{settings}# Code 0 is no reason to stay down: a node ends so whenever its scheduler goes.
Restart=always
RestartSec=5
# Only the command itself is killed, or each restart would end the scripts that run, with those that watch them.
KillMode=process
# A shutdown that hangs is not waited for.
TimeoutStopSec={stops_within_s}
{own}
[Install]
WantedBy={wanted_by}
"""

NETWORK = "Wants=network-online.target\nAfter=network-online.target\n"

OWN = {
    "node": """\
# A script that takes too much memory is killed alone.
OOMPolicy=continue
# No hardening: scripts inherit it, and what they may do is their user's business. So it runs as one without rights.
""",
    "scheduler": """\
# It runs no scripts, and so needs no way to more rights than it has.
NoNewPrivileges=yes
""",
}


def looks(wish: Service) -> tuple[Look, ...]:
    """Read the unit, ask the manager about it, and see whether the user's manager lingers."""
    lingers = () if wish.system else (units.linger(wish),)
    return (_file(wish), _question(wish), *lingers)


def missing(wish: Service, answers: Answers) -> str | None:
    """There must be a manager that answers."""
    return units.silence(wish, answers.get(_question(wish), UNKNOWN))


def registered(wish: Service, answers: Answers) -> Registered | None:
    """Compare the unit and what the manager knows of it with the wish."""
    file, told, whose = answers.get(_file(wish), UNKNOWN), _told(wish, answers), units.manager(wish)
    elsewhere = told.get("FragmentPath", "")
    if elsewhere not in ("", _file(wish).path):
        # A unit of this name in another folder is somebody's service: ours would take its place.
        return Registered(False, f"{whose} service '{elsewhere}'")
    if file.code is None and told.get("LoadState") in (None, "not-found"):
        return None
    summary = f"{whose} service '{wish.name}.service'"
    if not file.content.startswith(MARK.format(role=wish.role).encode()):
        return Registered(False, summary)
    edited = [] if file.content == _unit(wish) else [f"'{_file(wish).path}' is not what 'install' wrote"]
    return Registered(True, summary, (*edited, *_state_faults(wish, told)), _notes(wish, answers))


def install(wish: Service, answers: Answers) -> Plan:
    """Write the unit where it differs, and have the manager read, enable and start it anew; scripts go on."""
    found = registered(wish, answers)
    if found is not None and found.ours and not found.faults:
        return Plan((), _notes(wish, answers))
    same = answers.get(_file(wish), UNKNOWN).content == _unit(wish)
    return Plan(
        (
            *(() if same else (Write(_file(wish).path, _unit(wish)),)),
            units.systemctl(wish, "daemon-reload"),
            units.systemctl(wish, "enable", f"{wish.name}.service"),
            units.systemctl(wish, "restart", f"{wish.name}.service"),
        ),
        _notes(wish, answers),
    )


def uninstall(wish: Service, answers: Answers) -> Plan:
    """Stop the service and remove it; the scripts that it started go on."""
    if registered(wish, answers) is None:
        return Plan()
    unit = f"{wish.name}.service"
    return Plan(
        (
            units.systemctl(wish, "disable", "--now", unit, must=False),
            Remove(_file(wish).path),
            units.systemctl(wish, "daemon-reload"),
            units.systemctl(wish, "reset-failed", unit, must=False),
        )
    )


def _unit(wish: Service) -> bytes:
    body = UNIT.format(
        described=described(wish),
        # A user's manager knows no such target, and is started when the network is long there.
        network=NETWORK if wish.system else "",
        command=units.command(wish),
        settings=units.settings(wish),
        stops_within_s=STOPS_WITHIN_S,
        own=OWN[wish.role],
        wanted_by="multi-user.target" if wish.system else "default.target",
    )
    return (MARK.format(role=wish.role) + body).encode()


def _state_faults(wish: Service, told: dict[str, str]) -> list[str]:
    return units.state_faults(f"{wish.name}.service", told, ALIVE)


def _notes(wish: Service, answers: Answers) -> tuple[str, ...]:
    unit, told = f"{wish.name}.service", _told(wish, answers)
    ended = []
    if told.get("SubState") == "auto-restart":
        journal = f"journalctl {'' if wish.system else '--user '}-u {unit}"
        ended.append(f"'{unit}' ended and is about to be started again: '{journal}' tells why")
    return (*units.drop_ins(unit, told), *ended, *units.logout(wish, answers, "services"))


def _told(wish: Service, answers: Answers) -> dict[str, str]:
    return units.properties(answers.get(_question(wish), UNKNOWN))


def _file(wish: Service) -> File:
    return units.unit_file(wish, "service")


def _question(wish: Service) -> Question:
    return units.question(wish, "service", PROPERTIES)
