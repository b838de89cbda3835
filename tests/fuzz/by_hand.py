"""The readers of what people write, or bring along from another scheduler."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from adaptive_scheduler import config as configuration
from adaptive_scheduler import envfile as secrets
from adaptive_scheduler import trace as traces
from adaptive_scheduler.errors import ConfigError, UsageError
from adaptive_scheduler.imports import crontab as tabs
from adaptive_scheduler.imports import page, posix
from adaptive_scheduler.imports import taskxml as xml
from adaptive_scheduler.imports.base import Piece
from adaptive_scheduler.model import State
from adaptive_scheduler.starter import STARTER
from adaptive_scheduler.validation import validate
from tests.builders import minutes
from tests.fuzz import day

FILE = Path("/project/tasks.toml")

CONFIGS = (
    STARTER.encode(),
    b'[tasks.a]\nscript = "a.py"\ninterval = "10m"\nwindow = ["22:00-06:00", "12:00-13:00"]\nretries = 3\n'
    b'depends_on = ["b"]\n[tasks.b]\nsteps = [{ name = "x", script = "b.py", args = ["1"] }]\ninterval = "2h30m"\n',
    b'[scheduler]\ntick = "1m"\nmax_parallel = 4\n[rhythm]\nlow_cpu = 10\nhigh_cpu = 90\nfaster = 0.5\nslower = 2\n'
    b'[memory_gate]\nlimit = 60\nhigh = 80\n[events.full]\nwhen = "memory_usage > 90 for 10m"\n[probes.web]\ntcp = "h:1"\n'
    b'[tasks.a]\nscript = "a.py"\non = ["full"]\nmemory = "300MB"\ntimeout = "1h"\nmax_defer = "2h"\n',
    b'[cluster]\nmaster = "tcp://localhost:8786"\n[notify]\nto = ["OPS"]\non = ["failure"]\n[metrics]\ntextfile = "/m.prom"\n'
    b'[log]\nformat = "json"\nmax_size = "1MB"\nkeep = 3\n[history]\nkeep = "90d"\n'
    b'[tasks.a]\nscript = "a.py"\ninterval = "1d"\nwhere = { labels = ["x"] }\nenv = { A = "1" }\nping = "URL"\n',
)
TOML_WORDS = tuple(
    b"interval window depends_on steps script args retries on when timeout max_defer memory env where enabled adaptive "
    b"priority success_codes [tasks.a] [[tasks.a.steps]] [scheduler] [rhythm] tick slower faster state_dir os = { }".split()
)
CRONTABS = (
    b"MAILTO=me\nSHELL=/bin/bash\n# Saves all\n0 3 * * * /usr/bin/backup --all >/dev/null 2>&1\n*/5 * * * 1-5 cd /x && y\n",
    b"@daily root /bin/a\n@reboot b\n-*/10 8-18 1,15 jan-mar mon#2 echo 'a % b'\n0 0 31 2 * never\n59 23 L * * z | tee q\n",
    b"# BEGIN adaptive-scheduler x\n*/5 * * * * adaptive-scheduler run\n# END adaptive-scheduler x\n",
)
CRON_WORDS = tuple(b"* */7 0-59/2 @hourly @midnight jan sun 7 L W # % \\% ; && | root CRON_TZ=UTC HOME=/x ~ ?".split())
XMLS = (
    b'<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Triggers><CalendarTrigger>'
    b"<StartBoundary>2024-01-01T03:00:00</StartBoundary><Repetition><Interval>PT10M</Interval><Duration>PT12H</Duration>"
    b"</Repetition><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger></Triggers><Settings>"
    b"<ExecutionTimeLimit>PT1H</ExecutionTimeLimit><Priority>5</Priority><RestartOnFailure><Count>3</Count><Interval>PT1M"
    b'</Interval></RestartOnFailure></Settings><Actions Context="Author"><Exec><Command>C:\\x.exe</Command><Arguments>'
    b'/q "a b" %TEMP%</Arguments></Exec></Actions></Task>',
    b'<?xml version="1.0" encoding="UTF-16"?><Tasks><!-- \\a --><Task><Triggers><TimeTrigger><StartBoundary>'
    b"2025-01-01T00:00:00Z</StartBoundary></TimeTrigger><CalendarTrigger><ScheduleByMonthDayOfWeek><Weeks><Week>1</Week>"
    b"</Weeks><DaysOfWeek><Monday/></DaysOfWeek><Months><May/></Months></ScheduleByMonthDayOfWeek></CalendarTrigger>"
    b"<LogonTrigger/></Triggers><Actions><Exec><Command>powershell</Command><Arguments>-File a.ps1</Arguments></Exec>"
    b"</Actions></Task></Tasks>",
    b"<Task><Triggers><CalendarTrigger><StartBoundary>2025-01-01T00:00:00</StartBoundary><ScheduleByWeek><WeeksInterval>"
    b"2</WeeksInterval><DaysOfWeek><Friday/></DaysOfWeek></ScheduleByWeek><ScheduleByMonth><DaysOfMonth><Day>31</Day>"
    b"<Day>Last</Day></DaysOfMonth></ScheduleByMonth></CalendarTrigger></Triggers></Task>",
)
XML_WORDS = tuple(
    b"<Exec> </Exec> <Command> <Interval> P1Y PT1S PT99999999H P31D <Day> 32 Last <Tuesday/> <Enabled>false</Enabled> "
    b"<EndBoundary> <RandomDelay> 0001-01-01T00:00:00 9999-12-31T23:59:59+14:00 <Task> </Task> <Task/> xmlns=".split()
)
TRACES = (
    b"timestamp,cpu_percent,memory_percent\n2025-11-02T00:00:00+00:00,10,40\n2025-11-02T00:05:00+00:00,,41.5\n"
    b"2025-11-02T00:20:00+00:00,99.9,\n",
    b"\xef\xbb\xbfcpu_percent,timestamp,x\r\n5,2025-11-02 00:00:00,y\r\n6,2025-11-02T03:00:00Z,\r\n",
)
VALUES = (b"timestamp,value\n2025-11-02T00:00:00+00:00,10\n2025-11-02T00:05:00+00:00,1e6\n",)
CSV_WORDS = (b"timestamp", b"cpu_percent", b"value", b",", b'"', b"2025-11-02T00:10:00-23:59", b"100.0001")
ENVFILES = (b"# of the house\nexport OPS='https://x/y?z=1'\nA = \"b=c\"\nB=\n",)


def config(data: bytes, _folder: Path) -> str:
    """What is accepted is the same again by way of the checked copy, and can be planned with."""
    try:
        plain = validate(data, "tasks.toml")
    except ConfigError as refusal:
        return _told(refusal.faults)
    found = configuration.build(plain, FILE, platform="linux")
    assert configuration.build(json.loads(json.dumps(plain)), FILE, platform="linux") == found
    once = day.cycle(State(), found)
    day.cycle(once, found)
    return "accepted"


def _told(faults: Sequence[str]) -> str:
    assert faults
    assert all(fault.isprintable() for fault in faults)
    return "refused"


def crontab(data: bytes, _folder: Path) -> str:
    """Every line becomes a piece, and what the pieces become is a tasks.toml that `check` accepts."""
    try:
        text, _ = tabs.decoded(data)
    except UsageError:
        return "refused"
    look: posix.Look = lambda name, _path: f"/usr/bin/{name}" if name.isascii() else None  # noqa: E731
    return _imported(tabs.pieces(text, tabs.Tab("me", "/home/me"), look))


def taskxml(data: bytes, _folder: Path) -> str:
    """Every task becomes a piece, and what the pieces become is a tasks.toml that `check` accepts."""
    try:
        found = xml.pieces(data, "file", {})
    except UsageError:
        return "refused"
    return _imported(found)


def _imported(pieces: list[Piece]) -> str:
    named = page.named(pieces, {})
    written = page.text(named, ["Made of it"])
    if not any(one.new for one in named):
        return "no task"
    config(written.encode(), Path())
    assert validate(written.encode(), "tasks.toml")
    return "tasks"


def trace(data: bytes, folder: Path) -> str:
    """What is accepted can be laid on the grid of ticks."""
    file = folder / "trace.csv"
    file.write_bytes(data)
    traces.is_trace(file)
    try:
        rows = traces.read(file)
        start, known = traces.slots(rows, minutes(5))
        list(islice(traces.samples(start, known, minutes(5)), 1000))
    except UsageError:
        return "refused"
    return "accepted"


def values(data: bytes, folder: Path) -> str:
    """A recorded value is read, or refused in a sentence."""
    file = folder / "values.csv"
    file.write_bytes(data)
    try:
        traces.read_values(file)
    except UsageError:
        return "refused"
    return "accepted"


def envfile(data: bytes, folder: Path) -> str:
    """A variable is found, or the reason is a sentence that tells nothing of what the file holds."""
    file = folder / "secrets.env"
    file.write_bytes(data)
    file.chmod(0o600)
    value, problem = secrets.lookup("OPS", {}, str(file))
    assert bool(value) != bool(problem)
    return "found" if value else "not found"
