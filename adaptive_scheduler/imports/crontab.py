"""The text of a crontab -> pieces, one for each line or comment that belongs to it. Pure.

Read as Debian's cron reads it (crontab(5) of cron and cronie): a line is a comment, a setting for the lines below
it, or five fields or a nickname, a user in the files of the system, and a command. A library for crontabs was tried
(python-crontab 3.4): it cuts a command at its first ` #`, gives settings to the next job alone, fails on `NAME=`, and
takes what was commented out for jobs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.imports import beat as beats
from adaptive_scheduler.imports import posix
from adaptive_scheduler.imports.base import Piece, described, values
from adaptive_scheduler.imports.firings import FIELDS, NICKNAMES, firings

TICK = timedelta(minutes=5)

LONGEST_LINE = 20_000
"""Letters of a line; Debian's cron takes 998 bytes of a command."""

BEGIN, END = "# BEGIN adaptive-scheduler ", "# END adaptive-scheduler "
_SETTING = re.compile(r"""\s*("[^"]*"|'[^']*'|[^\s=#"'][^\s=]*)\s*=(.*)""")
_JOB = re.compile(rf"\s*(-?)((?:@\S+)|(?:\S+\s+){{{FIELDS - 1}}}\S+)\s+(\S.*)")
_LEGEND = re.compile(r"#\s*(m|min\w*)\s+(h|hour\w*)\s+(dom|day\w*)", re.IGNORECASE)
_OURS = re.compile(r"adaptive[-_]scheduler\b.*\brun\b")
_WITHOUT_USE = {
    "MAILTO": "nothing is mailed here: 'status' and the log tell what failed",
    "MAILFROM": "nothing is mailed here",
    "CONTENT_TYPE": "nothing is mailed here",
    "CONTENT_TRANSFER_ENCODING": "nothing is mailed here",
    "RANDOM_DELAY": "starts need no dice here: they wait for calm moments",
    "START_HOURS_RANGE": "write the hours as `window` here",
    "LOGNAME": "a task runs as whoever calls the scheduler",
    "USER": "a task runs as whoever calls the scheduler",
}
_NOT_PASSED_ON = ("SHELL", "CRON_TZ")
_BOOT = (
    "nothing starts at boot here: leave it in the crontab, or make it a service of systemd "
    "(Type=oneshot, WantedBy=multi-user.target)"
)


@dataclass(frozen=True, slots=True)
class Tab:
    """Whose crontab it is: its user and home, whether lines name users, and the homes of those."""

    user: str
    home: str
    system: bool = False
    home_of: Callable[[str], str | None] = field(default=lambda _: None)
    tick: timedelta = TICK


def decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text of a crontab, and what had to be put right; UsageError where it is none at all."""
    remarks = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = data.decode("latin-1")
        remarks.append(f"line {line} is no UTF-8: every byte was read as a letter of Latin-1")
    if "\0" in text:
        raise UsageError("the crontab holds the character NUL: it is no text; save it as UTF-8")
    if "\r\n" in text:
        remarks.append("its lines end in CR LF, which cron would take for a part of each command: left out")
    if text and not text.endswith("\n"):
        remarks.append("it ends without a line end, which makes cron refuse it or leave its last line out")
    return text.replace("\r\n", "\n"), tuple(remarks)


def pieces(text: str, tab: Tab, look: posix.Look) -> list[Piece]:
    """Return what each line of a crontab becomes, in their order; empty lines become nothing."""
    reader = _Reader(tab, look)
    found: list[Piece] = []
    lines = list(enumerate(text.split("\n"), 1))
    end_of_ours = 0
    for number, line in lines:
        if number <= end_of_ours:
            continue
        if line.startswith(BEGIN):
            end_of_ours = next((other for other, text in lines[number:] if text.startswith(END)), 0)
            if end_of_ours:
                found.append(_left_out(number, line, "'install' made this block, and it calls the program itself"))
                continue
        above = found[-1] if found and found[-1].kind == "comment" and found[-1].line == number - 1 else None
        piece = reader.piece(number, line, above)
        if piece is None:
            continue
        if above is not None and piece.values is not None and piece.values.get("description"):
            found.pop()
        found.append(piece)
    return found


class _Reader:
    """The settings that hold where the reading stands."""

    def __init__(self, tab: Tab, look: posix.Look) -> None:
        self._tab, self._look = tab, look
        self._settings: dict[str, str] = {}

    def piece(self, number: int, line: str, above: Piece | None) -> Piece | None:
        if not line.strip():
            return None
        if len(line) > LONGEST_LINE:
            return _left_out(number, line[:60] + "...", "it is longer than any line that cron takes")
        if line.lstrip().startswith("#"):
            return Piece(number, line, "comment", self._commented_out(line))
        setting = _SETTING.fullmatch(line)
        if setting is not None and _unquoted(setting[1]):
            return self._setting(number, line, _unquoted(setting[1]), _unquoted(setting[2].strip()))
        job = _JOB.fullmatch(line)
        if job is None:
            return _left_out(number, line, "cron would refuse it: it is no comment, no setting and no job")
        try:
            return self._job(number, line, job, above)
        except ValueError as error:
            return _left_out(number, line, str(error))

    def _commented_out(self, line: str) -> tuple[str, ...]:
        job = _JOB.fullmatch(line.lstrip().lstrip("#"))
        if job is None or not _is_time(job[2]):
            return ()
        return ("it was switched off by a # and stays so",)

    def _setting(self, number: int, line: str, name: str, value: str) -> Piece:
        remarks = []
        if name in _WITHOUT_USE:
            remarks.append(f"{name} has no use: {_WITHOUT_USE[name]}")
        else:
            self._settings[name] = value
        if name == "CRON_TZ" and value:
            remarks.append(f"the times below are meant in '{value}'; windows here are local time: shift them by hand")
        if "$" in value and name not in _WITHOUT_USE:
            remarks.append("cron works out no $ in settings, so it stays as it stands")
        return Piece(number, line, "setting", tuple(remarks))

    def _job(self, number: int, line: str, job: re.Match[str], above: Piece | None) -> Piece:
        silent, when, command = job.groups()
        remarks = ["the - kept it out of the system's log; the log here has every run"] if silent else []
        if when.lower() == "@reboot":
            return _left_out(number, line, _BOOT)
        if when.startswith("@") and when.lower() not in NICKNAMES:
            return _left_out(number, line, f"'{when}' is no time that Debian's cron knows")
        user, home = self._tab.user, self._tab.home
        if self._tab.system:
            user, command = _user(command)
            home = self._tab.home_of(user) or home
        if _OURS.search(command):
            return _left_out(number, line, "it calls this program itself")
        beat = _beat(when)
        around = posix.Surroundings(
            self._settings.get("HOME") or home,
            self._settings.get("SHELL") or posix.SHELL,
            self._settings.get("PATH") or posix.PATH,
        )
        work = posix.work(command, around, self._look)
        remarks += [*beat.remarks, *work.remarks]
        if beat.interval < self._tab.tick:
            remarks.append("a task runs once a tick at most (scheduler.tick, 5 min unless set)")
        if re.match(r"[\d*][\d*/,-]*\s", command):
            remarks.append("its command begins like a sixth field, which cron does not have: it is switched off")
            beat = _off(beat)
        if user != self._tab.user:
            remarks.append(
                f"cron ran it as '{user}', and tasks run as whoever calls the scheduler: it is switched off; "
                f"import it into a tasks.toml of '{user}', and 'install' that as '{user}'"
            )
            beat = _off(beat)
        found = values(
            beat, work.values, description=_description(above), cwd=around.home, env=self._environment() or None
        )
        return Piece(number, line, "task", tuple(remarks), work.name, found)

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in self._settings.items() if name not in _NOT_PASSED_ON}


@lru_cache(maxsize=256)
def _beat(when: str) -> beats.Beat:
    """Return the beat of five fields or a nickname, which many lines of a crontab share."""
    fires = firings(when)
    found = beats.beat(fires.days, fires.minutes)
    return replace(found, remarks=(*fires.remarks, *found.remarks))


def _off(beat: beats.Beat) -> beats.Beat:
    return replace(beat, enabled=False)


def _user(rest: str) -> tuple[str, str]:
    """Return the user and the command of a line of the system's crontab."""
    user, *command = rest.split(None, 1)
    if not command:
        raise ValueError(f"it has a user, '{user}', and no command")
    return user, command[0]


def _is_time(when: str) -> bool:
    if when.startswith("@"):
        return when.lower() in {*NICKNAMES, "@reboot"}
    return re.fullmatch(r"[\d*][\d*/,~-]*(\s+[\d*?A-Za-z][\w*/,~#-]*){4}", when) is not None


def _description(above: Piece | None) -> str | None:
    if above is None or above.remarks or _LEGEND.match(above.source.strip()):
        return None
    return described(above.source.strip().lstrip("#"))


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _left_out(number: int, line: str, remark: str) -> Piece:
    return Piece(number, line, "left out", (remark,))
