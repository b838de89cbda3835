"""What waits to be told: in the state folder a folder for each address, in it a file for each notice or ping.

The cycle puts them there and starts a sender (sender.py) that nobody waits for; the sender takes them away one by
one as they are delivered. Addresses are known by the names of their variables alone. Standard library only.
"""

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from adaptive_scheduler import files, locks
from adaptive_scheduler.notify import About, Notice, Ping, Signal
from adaptive_scheduler.settings import Config, names_of
from adaptive_scheduler.times import from_iso, iso

NAME = "outbox"
ORDER, LOCK, TROUBLE = "order.json", "lock", "trouble.json"
VERSION = 1

SENDER = "import sys; sys.path.append(sys.argv.pop(1)); from adaptive_scheduler import sender; sender.start()"
PACKAGES = str(Path(__file__).resolve().parent.parent)
"""How a sender is started: where it stands there may be no package of ours, and an installed one comes first."""

PATIENCE = timedelta(minutes=15)
"""What waits longer than this, though its address is in no trouble, is taken away by nobody."""

Plain = dict[str, Any]
Item = Notice | Ping


class Order(NamedTuple):
    """What a sender has to know: whose outbox it is, where its secrets and its log are, and who is still told."""

    config: str
    secrets: str
    names: tuple[str, ...]
    log: tuple[str, int, int]


class Trouble(NamedTuple):
    """Since when an address cannot be reached, and why."""

    since: datetime
    problem: str


@dataclass(frozen=True)
class Outbox:
    """The outbox of one project; what is put into it outlives the cycle, and the machine's next boot."""

    config: Config
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def folder(self) -> Path:
        """Where it is."""
        return Path(self.config.state_dir) / NAME

    def tell(self, notices: Sequence[Notice]) -> None:
        """Put notices in for everybody who is told; raises OSError."""
        for name in self.config.notify.to if notices else ():
            for one in notices:
                self._put(name, one, durable=True)

    def ping(self, one: Ping) -> None:
        """Put a ping in; raises OSError."""
        self._put(one.to, one, durable=False)

    def send(self) -> None:
        """Start a sender, if anything waits and none is at it, and do not wait for it; raises OSError."""
        if not self.folder.is_dir() or not waiting(self.folder) or locks.is_held(self.folder / LOCK):
            return
        # Few cycles start anything, and what can do so takes long to load.
        from adaptive_scheduler.runners.spawn import NOWHERE, detached

        write_order(self.folder, order_of(self.config))
        # Inside a run of another scheduler it is not that run's leftover.
        env = {name: value for name, value in os.environ.items() if name != "ADAPTIVE_RUN_ID"}
        detached(
            args=[sys.executable, "-P", "-c", SENDER, PACKAGES, str(self.folder.absolute())],
            **NOWHERE,
            close_fds=True,
            cwd=self.folder.absolute().anchor,
            env={**env, "PYTHONUTF8": "1"},
        )

    def _put(self, name: str, one: Item, *, durable: bool) -> None:
        folder = self.folder / name
        files.private_folder(folder)
        # In the order of time, and within a cycle in the order of telling.
        file = f"{one.at.astimezone().timestamp():017.6f}-{next(self._count):06d}-{os.getpid()}.json"
        files.replace_file(folder / file, json.dumps(encode(one)).encode(), durable=durable)


def order_of(config: Config) -> Order:
    """Return what a sender has to know of a configuration."""
    log = (config.log_format, config.log_max_bytes, config.log_keep)
    return Order(config.path, config.notify.secrets, names_of(config), log)


def write_order(folder: Path, order: Order) -> None:
    """Leave the order for the sender; raises OSError."""
    content = json.dumps({"version": VERSION, **order._asdict()}).encode()
    files.replace_file(folder / ORDER, content, durable=False)


def read_order(folder: Path) -> Order:
    """Return the order; OSError, ValueError, KeyError or TypeError when there is none."""
    plain = files.read_json(folder / ORDER)
    if plain["version"] != VERSION:
        raise ValueError(f"the order has version {plain['version']!r}")
    form, max_bytes, keep = plain["log"]
    return Order(plain["config"], plain["secrets"], tuple(plain["names"]), (form, max_bytes, keep))


def waiting(folder: Path) -> dict[str, list[Path]]:
    """Return what waits for each address, the oldest first; addresses for which nothing waits are left out."""
    found = {}
    for one in sorted(folder.iterdir()):
        items = sorted(item for item in one.glob("[0-9]*.json")) if one.is_dir() else []
        if items:
            found[one.name] = items
    return found


def troubles(folder: Path) -> Mapping[str, Trouble]:
    """Return the addresses that cannot be reached; what cannot be read is none."""
    found = {}
    for path in sorted(folder.glob(f"*/{TROUBLE}")):
        trouble = read_trouble(path.parent)
        if trouble is not None:
            found[path.parent.name] = trouble
    return found


def complaints(config: Config, now: datetime) -> list[str]:
    """Return a sentence for each address of a project that cannot be reached, or that nobody tries to reach."""
    folder = Path(config.state_dir) / NAME
    if not folder.is_dir():
        return []
    known = troubles(folder)
    told = [
        f"'{name}' cannot be told since {one.since.astimezone():%Y-%m-%d %H:%M}: {one.problem}"
        for name, one in known.items()
    ]
    for name, items in waiting(folder).items():
        since = datetime.fromtimestamp(float(items[0].name.partition("-")[0]), now.tzinfo)
        if name not in known and now - since > PATIENCE:
            told.append(f"messages to '{name}' wait since {since:%Y-%m-%d %H:%M}: no process takes them away")
    return told


def read_trouble(folder: Path) -> Trouble | None:
    """Return the trouble with the address of a folder, None when there is none."""
    try:
        plain = files.read_json(folder / TROUBLE)
        return Trouble(from_iso(plain["since"]), str(plain["problem"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_trouble(folder: Path, trouble: Trouble | None) -> None:
    """Remember the trouble with an address, or that it is over; raises OSError."""
    if trouble is None:
        files.remove(folder / TROUBLE)
    else:
        content = json.dumps({"since": iso(trouble.since), "problem": trouble.problem}).encode()
        files.replace_file(folder / TROUBLE, content, durable=False)


def encode(one: Item) -> Plain:
    """Return a notice or a ping as JSON-able values."""
    common = {"at": iso(one.at), "reason": one.reason, "task": one.task, "run_id": one.run_id}
    if isinstance(one, Notice):
        return {"version": VERSION, "about": one.about.value, **common}
    return {"version": VERSION, "to": one.to, "signal": one.signal.value, **common}


def read(path: Path) -> Item:
    """Return what `encode` wrote into a file; OSError, ValueError, KeyError or TypeError where it did not."""
    plain = files.read_json(path)
    common = {"reason": str(plain["reason"]), "task": str(plain["task"]), "run_id": str(plain["run_id"])}
    at = from_iso(plain["at"])
    if "about" in plain:
        return Notice(About(plain["about"]), at, **common)
    return Ping(str(plain["to"]), Signal(plain["signal"]), at, **common)
