"""Group the errors that the system logged since the last time, by source and by what they say.

It reads the systemd journal, else the syslog file, the Windows event log, or the macOS log, and remembers
in its data folder where it stopped: after printing, so a killed run tells its errors again rather than
never. Numbers in messages count as equal. Exit code 0 whatever it found: errors of others are no failure
of this; 1: it could not keep its place.
"""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

BROKEN = 1
FILE = "event_analysis.json"
MOST_EVENTS = 20_000
MOST_BYTES = 8_000_000
MESSAGE_CHARS = 120
COMMAND_TIMEOUT_S = 40
FIRST_LOOK_S = 24 * 3600
# `log show` reads about a minute of log in a second; more would outlast the patience of a run.
MACOS_LOOK_S = 15 * 60
JOURNALS = ("/run/log/journal", "/var/log/journal")
SYSLOGS = ("/var/log/syslog", "/var/log/messages")
EVENT_LOGS = ("System", "Application")

VARYING = re.compile(
    r"""\b(?=[0-9a-f-]*\d)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b  # UUID
    | \b0x[0-9a-f]+\b
    | \b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b                                      # hash, address
    | \d+(?:[.:]\d+)*                                                     # count, version, time, IPv4""",
    re.IGNORECASE | re.VERBOSE,
)
SYSLOG_LINE = re.compile(r"(?:\w{3}\s+\d+\s[\d:]{8}|\d{4}-\d\d-\d\dT\S+)\s\S+\s([^\s:\[]+)(?:\[\d+\])?:\s(.*)")
LOOKS_BAD = re.compile(r"\b(?:error|fail(?:ed|ure)|fatal|panic|critical|segfault|oom|out of memory)\b", re.IGNORECASE)
EVENT_XML = re.compile(r"<Event[ >].*?</Event>", re.DOTALL)

Place = dict[str, Any]
Entry = dict[str, Any]


class Event(NamedTuple):
    """One error: who logged it, and what it says."""

    source: str
    message: str


class Seen(NamedTuple):
    """What one log gave: its name, its errors, where to go on, and why not, when it gave nothing."""

    log: str
    events: list[Event]
    place: Place
    failed: str = ""


class Span(NamedTuple):
    """The time to look at, in seconds of the epoch."""

    since: float
    until: float


def normalised(message: str) -> str:
    """Return the message without what varies between two of its kind, on one line, not too long."""
    printable = "".join(char if char.isprintable() else " " for char in message)
    return VARYING.sub("#", " ".join(printable.split())[: 4 * MESSAGE_CHARS])[:MESSAGE_CHARS]


def output_of(command: list[str], encoding: str = "utf-8") -> tuple[str, str]:
    """Run a program of the system and return what it printed and why it failed ("" when it did not)."""
    if shutil.which(command[0]) is None:
        return "", f"{command[0]} not found"
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"{command[0]} took more than {COMMAND_TIMEOUT_S} s"
    except OSError as error:
        return "", f"{command[0]}: {error.strerror}"
    said = done.stderr.decode(errors="replace").strip().splitlines()
    failed = f"{command[0]}: {said[-1] if said else f'exit code {done.returncode}'}" if done.returncode else ""
    return done.stdout.decode(encoding, errors="replace"), failed


def json_lines(text: str) -> list[Entry]:
    """Read one JSON object a line; a line that is none is left out."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def journal(place: Place, span: Span, roots: tuple[str, ...] = JOURNALS) -> Seen:
    """Read the systemd journal from its cursor, or from a time when there is none or it is stale."""
    if not any(any(Path(root).glob("*/*.journal")) for root in roots):
        return Seen("journal", [], place, "none is kept here")
    fields = "MESSAGE,SYSLOG_IDENTIFIER,_COMM"
    base = ["journalctl", "-p", "err", "-o", "json", "--no-pager", "-q", f"-n{MOST_EVENTS}"]
    base.append(f"--output-fields={fields}")
    by_time, cursor = [f"--since=@{span.since:.0f}"], place.get("cursor")
    text, failed = output_of([*base, *([f"--after-cursor={cursor}"] if cursor else by_time)])
    if failed and cursor:
        text, failed = output_of([*base, *by_time])
    entries = json_lines(text)
    events = []
    for entry in entries:
        message = entry.get("MESSAGE")
        if isinstance(message, list):  # the journal writes what is no text as a list of bytes
            message = bytes(byte & 0xFF for byte in message if isinstance(byte, int)).decode(errors="replace")
        source = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "unknown"
        events.append(Event(str(source), str(message or "")))
    newest = entries[-1].get("__CURSOR", cursor) if entries else cursor
    return Seen("journal", events, {"cursor": newest} if newest else {}, failed)


def syslog(place: Place, _span: Span, paths: tuple[str, ...] = SYSLOGS) -> Seen:
    """Read the new part of the first syslog file there is; a rotated one from its beginning."""
    for path in map(Path, paths):
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                offset = place.get("offset", 0) if place.get("inode") == status.st_ino else 0
                known = isinstance(offset, int) and 0 <= offset <= status.st_size
                start = max(offset if known else 0, status.st_size - MOST_BYTES)
                file.seek(start)
                content = file.read(status.st_size - start)
        except FileNotFoundError:
            continue
        except OSError as error:
            return Seen(f"'{path}'", [], place, error.strerror or str(error))
        # A line that is still being written is for the next time.
        whole = content[: content.rfind(b"\n") + 1]
        matches = map(SYSLOG_LINE.match, whole.decode(errors="replace").splitlines())
        events = [Event(one[1], one[2]) for one in matches if one and LOOKS_BAD.search(one[2])]
        return Seen(f"'{path}'", events, {"inode": status.st_ino, "offset": start + len(whole)})
    return Seen("syslog", [], place, f"no {' or '.join(paths)}")


def windows_log(_place: Place, span: Span) -> Seen:
    """Read critical events and errors of the System and Application logs."""
    events: list[Event] = []
    troubles = []
    age_ms = int((span.until - span.since) * 1000)
    query = f"*[System[(Level=1 or Level=2) and TimeCreated[timediff(@SystemTime) <= {age_ms}]]]"
    for log in EVENT_LOGS:
        command = ["wevtutil", "qe", log, f"/q:{query}", "/f:RenderedXml", f"/c:{MOST_EVENTS}", "/rd:true"]
        text, failed = output_of([*command, "/uni:true"], "utf-16")
        events += map(event_of_xml, EVENT_XML.findall(text))
        troubles += [failed] if failed else []
    return Seen("Windows event log", events, {}, "; ".join(troubles))


def event_of_xml(text: str) -> Event:
    """Read one event; where its message cannot be rendered, its data stand for it."""
    try:
        event = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return Event("unknown", "an event that cannot be read")
    provider = event.find("{*}System/{*}Provider")
    message = event.findtext("{*}RenderingInfo/{*}Message")
    if not message:
        number = event.findtext("{*}System/{*}EventID") or "?"
        data = [(part.text or "").strip() for part in event.iterfind("{*}EventData/{*}Data")]
        message = f"event {number}: {' '.join(data)}"
    return Event("unknown" if provider is None else provider.get("Name", "unknown"), message)


def macos_log(_place: Place, span: Span) -> Seen:
    """Read faults of the unified log, of a short time only: it is slow to search."""
    minutes = max(1, int(min(span.until - span.since, MACOS_LOOK_S) // 60))
    command = ["log", "show", "--style", "ndjson", "--last", f"{minutes}m"]
    text, failed = output_of([*command, "--predicate", "messageType == fault"])
    entries = [entry for entry in json_lines(text) if "eventMessage" in entry][:MOST_EVENTS]
    events = [Event(Path(str(one.get("processImagePath", "?"))).name, str(one["eventMessage"])) for one in entries]
    return Seen(f"macOS log (its last {minutes} min)", events, {}, failed)


LOGS: Mapping[str, tuple[Callable[[Place, Span], Seen], ...]] = {
    "win32": (windows_log,),
    "darwin": (macos_log,),
    "linux": (journal, syslog),
}


def load(path: Path) -> Place:
    """Return where the last run stopped; a damaged file means the first look."""
    try:
        place = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return place if isinstance(place, dict) else {}


def save(path: Path, text: str) -> None:
    """Replace the file as a whole or not at all. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def main(argv: list[str] | None = None) -> int:
    """Print the most frequent errors since the last time, remember the place, return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    path: Path = options.data / FILE
    places = load(path)
    now = time.time()
    last = places.get("until")
    # A time in the future is a clock that was set back.
    since = last if isinstance(last, int | float) and 0 < last <= now else now - FIRST_LOOK_S
    for read in LOGS.get(sys.platform, (syslog,)):
        place = places.get(read.__name__)
        seen = read(place if isinstance(place, dict) else {}, Span(since, now))
        places[read.__name__] = seen.place
        if seen.failed:
            print(f"{seen.log}: {seen.failed}: skipped")
        if seen.events or not seen.failed:
            tell(seen, since, options.top)
            break
    try:
        save(path, json.dumps(places | {"until": now}) + "\n")
    except OSError as error:
        print(f"its place is not kept in '{options.data}': {error.strerror}; name another folder with --data")
        return BROKEN
    return 0


def tell(seen: Seen, since: float, top: int) -> None:
    """Print how many errors there were and the most frequent kinds of them."""
    kinds = Counter(f"{normalised(event.source)}: {normalised(event.message)}" for event in seen.events)
    start = time.strftime("%Y-%m-%d %H:%M", time.localtime(since))
    more = " (only the newest are counted)" if len(seen.events) >= MOST_EVENTS else ""
    number_of = {0: "no errors", 1: "1 error"}.get(
        len(seen.events), f"{len(seen.events)} errors, {len(kinds)} different,"
    )
    print(f"{number_of} in {seen.log} since {start}{more}")
    for kind, number in kinds.most_common(top):
        print(f"{number:6} x {kind}")
    if len(kinds) > top:
        print(f"       and {len(kinds) - top} rarer kinds; see more with --top")


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    data = Path(os.environ.get("ADAPTIVE_DATA") or "outputs/data")
    parser = argparse.ArgumentParser(description="Errors that the system logged since the last time, grouped.")
    add = parser.add_argument
    add("--data", type=Path, default=data, metavar="DIR", help=f"where '{FILE}' is kept ($ADAPTIVE_DATA)")
    add("--top", type=int, default=10, metavar="N", help="how many kinds to print (10)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
