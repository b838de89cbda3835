"""Write one page about this machine's day: load, disks, the hungriest programs, and what ran how.

It only reads, and does without whatever is not there: no scheduler, no history, no samples yet. The page is
printed and kept as daily_summary.txt in the data folder. Exit code 0; 1: the page could not be kept.
"""

import argparse
import io
import json
import os
import platform
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

BROKEN = 1
FILE = "daily_summary.txt"
DAY = timedelta(days=1)
GB = 1e9
MOST_RUNS = 5000
MOST_ROWS = 20
MOST_FAILURES = 5
HISTORY_TIMEOUT_S = 30

Entry = dict[str, Any]


def machine(now: datetime) -> Iterator[str]:
    """Tell uptime, memory and swap."""
    up = words((now - datetime.fromtimestamp(psutil.boot_time(), UTC)).total_seconds())
    memory = psutil.virtual_memory()
    yield f"up {up}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"
    yield f"memory {memory.percent:.1f} % of {memory.total / GB:.1f} GB used"
    try:
        swap = psutil.swap_memory()
    except RuntimeError:  # a Windows whose performance counters are switched off
        return
    yield f"swap {swap.percent:.1f} % of {swap.total / GB:.1f} GB used" if swap.total else "no swap"


def disks() -> Iterator[str]:
    """Tell the space of each device that can fill up."""
    seen = set()
    for part in sorted(psutil.disk_partitions(all=False), key=lambda part: len(part.mountpoint)):
        if part.device in seen or {"ro", "cdrom"} & set(part.opts.split(",")):
            continue
        seen.add(part.device)
        try:
            usage = psutil.disk_usage(part.mountpoint)
        except OSError:
            continue  # an empty card reader
        yield f"'{part.mountpoint}': {usage.percent:.1f} % used, {usage.free / GB:.1f} GB free"


def programs(top: int) -> Iterator[str]:
    """Name the programs with the most CPU time and the most memory, all processes of one name together."""
    cpu_s: dict[str, float] = defaultdict(float)
    memory: dict[str, int] = defaultdict(int)
    for process in psutil.process_iter(["name", "cpu_times", "memory_info"]):
        name = process.info["name"] or f"process {process.pid}"
        if (times := process.info["cpu_times"]) is not None:
            cpu_s[name] += times.user + times.system
        if (held := process.info["memory_info"]) is not None:
            memory[name] += held.rss
    for name, seconds in Counter(cpu_s).most_common(top):
        yield f"{words(seconds):>12} of CPU   {name}"
    for name, held in Counter(memory).most_common(top):
        yield f"{held / 1e6:>9.0f} MB memory   {name}"


def samples(state: Path) -> Iterator[str]:
    """Tell the load that the scheduler measured at its latest cycles."""
    path = state / "scheduler_metrics.json"
    try:
        read = json.loads(path.read_bytes())
    except FileNotFoundError:
        read = []
    except (OSError, ValueError) as error:
        yield f"'{path}' cannot be read: {error}"
        return
    entries = [entry for entry in read if isinstance(entry, dict)] if isinstance(read, list) else []
    for key, name in (("cpu_load", "CPU"), ("memory_usage", "memory")):
        values = [entry[key] for entry in entries if isinstance(entry.get(key), int | float)]
        if values:
            mean = sum(values) / len(values)
            yield f"{name:6} {mean:5.1f} % on average, {max(values):5.1f} % at most (samples: {len(values)})"
    if not entries:
        yield "no samples yet"


def history(config: Path) -> list[Entry]:
    """Ask the scheduler for its latest runs. Raises OSError with the reason when it has no answer."""
    command = [sys.executable, "-P", "-m", "adaptive_scheduler", "--config", str(config)]
    command += ["history", "--json", "--limit", str(MOST_RUNS)]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=HISTORY_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer in {HISTORY_TIMEOUT_S} s") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(said[-1] if said else f"exit code {done.returncode}")
    entries = []
    for line in done.stdout.splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return [entry for entry in entries if isinstance(entry, dict)]


def runs(entries: list[Entry], now: datetime) -> Iterator[str]:
    """Count the runs of the last day by task and result, and quote why the latest failures failed."""
    by_task: dict[str, list[Entry]] = defaultdict(list)
    failures = []
    for entry in entries:
        try:
            started = datetime.fromisoformat(str(entry["started_at"]))
            recent = started > now - DAY
        except (KeyError, ValueError, TypeError):
            continue
        if not recent or entry.get("run_id") == os.environ.get("ADAPTIVE_RUN_ID", ""):
            continue  # of another day, or the run that writes this
        by_task[str(entry.get("task"))].append(entry)
        if entry.get("status") not in ("ok", "warning", "running"):
            failures.append(f"{started.astimezone():%H:%M} '{entry.get('task')}': {entry.get('cause') or '?'}")
    if not by_task:
        yield "nothing ran"
    for task, mine in sorted(by_task.items())[:MOST_ROWS]:
        counts = Counter(str(entry.get("status")) for entry in mine)
        results = ", ".join(f"{number} {status}" for status, number in counts.most_common())
        longest = max((value for entry in mine if isinstance(value := entry.get("duration_s"), int | float)), default=0)
        yield f"{task:24} {results}; the longest took {words(longest)}"
    if len(by_task) > MOST_ROWS:
        yield f"and {len(by_task) - MOST_ROWS} more tasks"
    yield from failures[:MOST_FAILURES]


def page(options: argparse.Namespace, now: datetime) -> str:
    """Return the whole page; a part that cannot be told gives its reason instead."""

    def ran() -> Iterator[str]:
        yield from runs(history(options.config), now)

    parts: dict[str, Callable[[], Iterator[str]]] = {
        "Machine": lambda: machine(now),
        "Disks": disks,
        "Programs since their start": lambda: programs(options.top),
        "Load at the latest cycles": lambda: samples(options.state),
        "Runs of the last 24 hours": ran,
    }
    title = f"Daily summary of {platform.node()}, {now.astimezone():%Y-%m-%d %H:%M}"
    lines = [title, "=" * len(title)]
    for name, tell in parts.items():
        lines += ["", name]
        try:
            lines += [f"  {line}" for line in tell()]
        except (OSError, psutil.Error) as error:
            lines.append(f"  not available: {error}")
    return "\n".join(lines) + "\n"


def words(seconds: float) -> str:
    """Write a duration for people: 3.2 s, 12 min, 5.0 h, 2.1 d."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def save(path: Path, text: str) -> None:
    """Replace the file as a whole or not at all. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def main(argv: list[str] | None = None) -> int:
    """Print the page, keep it, and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    text = page(options, datetime.now(UTC))
    print(text, end="")
    try:
        save(options.data / FILE, text)
    except OSError as error:
        print(f"not kept in '{options.data}': {error.strerror}; name another folder with --data")
        return BROKEN
    return 0


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    data = Path(os.environ.get("ADAPTIVE_DATA") or "outputs/data")
    config = Path(os.environ.get("ADAPTIVE_SCHEDULER_CONFIG") or "tasks.toml")
    parser = argparse.ArgumentParser(description="One page about this machine's day, and what ran how.")
    add = parser.add_argument
    add("--config", type=Path, default=config, metavar="FILE", help="whose history to tell (./tasks.toml)")
    add("--state", type=Path, default=Path("outputs"), metavar="DIR", help="its state_dir (outputs)")
    add("--data", type=Path, default=data, metavar="DIR", help=f"where '{FILE}' is kept ($ADAPTIVE_DATA)")
    add("--top", type=int, default=5, metavar="N", help="how many programs to name (5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
