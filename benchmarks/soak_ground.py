"""What soaks: a tasks.toml with scripts that succeed, fail, hang and print, and what is counted of it afterwards."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "SOAK_MARK"
"""A variable that everything below the soak inherits: by it a process that was left over is found."""

CONFIG = """\
[scheduler]
tick = "{tick}"
max_parallel = 3
keep_runs = {keep}
output_max = "20KB"
[interpreters]
".sh" = ["sh"]
[log]
max_size = "100KB"
keep = 2
[history]
keep = "2d"
[tasks.often]
priority = "critical"
interval = "{often}"
script = "often.sh"
[tasks.hourly]
interval = "{hourly}"
depends_on = ["often"]
script = "often.sh"
[tasks.failing]
interval = "{failing}"
retries = 2
script = "failing.sh"
[tasks.hanging]
priority = "low"
interval = "{hanging}"
timeout = "1s"
script = "hanging.sh"
[tasks.printing]
interval = "{printing}"
script = "printing.sh"
[tasks.lasting]
interval = "{hourly}"
script = "lasting.sh"
"""

GUEST = '[tasks.guest_{number}]\ninterval = "20m"\nscript = "often.sh"\n'

SCRIPTS = {
    "often.sh": "",
    "failing.sh": "exit 3\n",
    "hanging.sh": "trap '' TERM\nsleep 1000 & sleep 1000\n",
    "printing.sh": "i=0; while [ $i -lt 2000 ]; do echo 'a line that says nothing, over and over'; i=$((i+1)); done\n",
    "lasting.sh": "sleep 0.4\n(sleep 0.6 &)\n",
}
"""Each writes down first that it runs, and as what; the last leaves a process behind that ends soon."""

FAST = {
    "tick": "5m",
    "keep": "20",
    "often": "15m",
    "hourly": "1h",
    "failing": "40m",
    "hanging": "3h",
    "printing": "90m",
}
"""A life in pretended time: many a cycle has nothing to do, and is a short one."""

REAL = {
    "tick": "1m",
    "keep": "10",
    "often": "10s",
    "hourly": "1m",
    "failing": "40s",
    "hanging": "2m",
    "printing": "90s",
}
"""A life of an hour, in whose first half each task has had more runs than are kept."""

KEPT_ASIDE = ".corrupt-"
KINDS = {"history bytes": "history.sqlite3", "log bytes": "adaptive_scheduler.log"}


UNMARKED = ("interrupted", "error", "timeout")
"""A script whose run ended so may not have come to its first line."""


@dataclass
class Ledger:
    """What the history has said of runs so far: it forgets, this does not."""

    statuses: dict[str, str] = field(default_factory=dict)

    def read(self, history: Path) -> None:
        """Take in all that the history holds now."""
        if not history.exists():
            return
        database = sqlite3.connect(f"file:{history}?mode=ro", uri=True, timeout=10)
        try:
            self.statuses.update(database.execute("select run_id, status from runs"))
        finally:
            database.close()

    def faults(self, marks: list[str]) -> list[str]:
        """Return what does not fit between the marks that scripts left and what the history says."""
        twice = [run_id for run_id, times in Counter(marks).items() if times > 1]
        unknown = sorted(set(marks) - set(self.statuses))
        ended = {run_id for run_id, status in self.statuses.items() if status not in UNMARKED}
        unmarked = sorted(ended - set(marks))
        return [
            *(f"run {run_id} was started twice" for run_id in twice),
            *(f"run {run_id} left a mark, and the history has no end of it" for run_id in unknown),
            *(f"run {run_id} has an end, and its script left no mark" for run_id in unmarked),
        ]


def lay_out(folder: Path, life: Mapping[str, str]) -> None:
    """Write tasks.toml and its scripts."""
    (folder / "tasks.toml").write_text(CONFIG.format_map(life), encoding="utf-8")
    for name, body in SCRIPTS.items():
        text = f'echo "$ADAPTIVE_RUN_ID" >> "{folder}/marks"\n{body}'
        (folder / name).write_text(text, encoding="utf-8")


def marks(folder: Path) -> list[str]:
    """Return the ids of the runs whose scripts began."""
    path = folder / "marks"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def sizes(outputs: Path) -> dict[str, float]:
    """Return how many files there are and how large they are, by kind."""
    found = dict.fromkeys(
        ("files", "other bytes", "aside", "temporary", "run folders", "history bytes", "log bytes"), 0.0
    )
    for path in outputs.rglob("*"):
        try:
            size = path.stat().st_size
        except OSError:
            continue
        name = path.name
        if path.is_dir():
            found["run folders"] += path.parent.parent.name == "runs"
            continue
        found["files"] += 1
        found["aside"] += KEPT_ASIDE in name
        found["temporary"] += name.endswith(".tmp")
        kind = next((kind for kind, begins in KINDS.items() if name.startswith(begins)), "other bytes")
        found["other bytes" if KEPT_ASIDE in name else kind] += size
    return found


def live_supervisors(outputs: Path) -> Iterator[int]:
    """Yield the process ids of supervisors that have not written down an end."""
    for claim in outputs.glob("runs/*/*/claim"):
        if not claim.with_name("done.json").exists():
            try:
                pid = json.loads(claim.read_text().splitlines()[0])["pid"]
            except (OSError, ValueError, KeyError, IndexError):
                continue
            if b"supervisor.py" in _read(Path(f"/proc/{pid}/cmdline")):
                yield pid


def marked(mark: str) -> dict[int, str]:
    """Return the processes that inherited this mark, ourselves aside, with what they are."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if wanted in _read(folder / "environ").split(b"\0") and int(folder.name) != os.getpid():
            found[int(folder.name)] = _read(folder / "cmdline").replace(b"\0", b" ").decode(errors="replace")
    return found


def zombies(parent: int) -> int:
    """Return how many dead children a process has not collected."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _read(stat).rpartition(b") ")[2].split()
        count += len(fields) > 1 and fields[0] == b"Z" and int(fields[1]) == parent
    return count


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
