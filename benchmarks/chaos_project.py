"""A project whose runs go to nodes that are harmed, called cycle after cycle, and the count of what became of them."""

import json
import random
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from members import PROGRAM, Place

PATIENCE_S = 240.0
WAIT_S = 6.0
RUNS = 3
NOISE = ("distributed", "Traceback", "tornado", "Task exception", "Exception ignored", "Fatal")

HEAD = '[scheduler]\ntick = "1m"\nmax_parallel = 8\n[cluster]\nmaster = "{master}"\n{certificates}'
TASK = """
[tasks.{name}]
interval = "6h"
priority = "critical"
script = "{name}.py"
args = ["{seconds}"]
where = {{ node = "{node}" }}
on_loss = "{on_loss}"
"""
SCRIPT = """
import os, sys, time
with open({starts!r}, "a") as starts:
    starts.write(os.environ["ADAPTIVE_RUN_ID"] + "\\n")
time.sleep(float(sys.argv[1]))
print("over")
"""


@dataclass
class Tally:
    """What one case came to."""

    times: int = 0
    runs: int = 0
    starts: int = 0
    doubled: int = 0
    interrupted: int = 0
    lost: int = 0
    collected: int = 0
    left_over: int = 0
    late_s: float = 0.0
    troubles: list[str] = field(default_factory=list)


class Project:
    """A tasks.toml with some runs, and the cycles that are called until all of their ends are known."""

    def __init__(self, folder: Path, place: Place, nodes: list[str], env: dict[str, str], dice: random.Random) -> None:
        self.folder, self.env = folder, env
        folder.mkdir()
        self.tasks = {f"job{number}": round(dice.uniform(1, 4), 2) for number in range(RUNS)}
        text = HEAD.format(master=place.master, certificates=place.certificates)
        self.rerun = {name for number, name in enumerate(self.tasks) if number % 2}
        for number, (name, seconds) in enumerate(self.tasks.items()):
            on_loss, node = "rerun" if name in self.rerun else "report", nodes[number % len(nodes)]
            text += TASK.format(name=name, seconds=seconds, node=node, on_loss=on_loss)
            (folder / f"{name}.py").write_text(SCRIPT.format(starts=str(folder / f"{name}.starts")))
        (folder / "tasks.toml").write_text(text)
        self.late_s = 0.0
        self.said: list[str] = []
        self.cycle: subprocess.Popen[str] | None = None

    def starts(self, name: str) -> list[str]:
        """Return the run ids that a script was started with."""
        path = self.folder / f"{name}.starts"
        return path.read_text().split() if path.exists() else []

    def drive(self) -> bool:
        """Call cycles until every task has ended and waits for nothing; False when the patience is over."""
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            began_s = time.monotonic()
            argv = [*PROGRAM, "--config", str(self.folder / "tasks.toml"), "run", "--wait", f"{WAIT_S:g}s", "--json"]
            self.cycle = subprocess.Popen(
                argv, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            _, errors = self.cycle.communicate()
            self.late_s = max(self.late_s, time.monotonic() - began_s - WAIT_S)
            self.said += [line for line in errors.splitlines() if any(word in line for word in NOISE)]
            if self.is_over():
                return True
            time.sleep(1.0)
        return False

    def is_over(self) -> bool:
        """Whether all ends are known and nothing is to be run again."""
        try:
            tasks = json.loads((self.folder / "outputs" / "adaptive_scheduler_state.json").read_text())["tasks"]
        except OSError:
            return False
        known = [tasks.get(name, {}) for name in self.tasks]
        return all(one.get("last") and not one.get("live") and not one.get("retry_at") for one in known)

    def count(self, tally: Tally, *, may_be_cut_off: bool) -> None:
        """Add what became of the runs, and what should not have."""
        argv = [*PROGRAM, "--config", str(self.folder / "tasks.toml"), "history", "--limit", "1000", "--json"]
        said = subprocess.run(argv, env=self.env, capture_output=True, text=True, check=False).stdout
        past = [json.loads(line) for line in said.splitlines()]
        for name in self.tasks:
            ends = [one for one in past if one["task"] == name]
            starts, cut = self.starts(name), [one for one in ends if one["status"] == "interrupted"]
            allowed = 1 + (len(cut) if name in self.rerun else 0)
            tally.runs += 1
            tally.starts += len(starts)
            tally.doubled += max(0, len(starts) - allowed)
            tally.interrupted += len(cut)
            tally.collected += bool(ends)
            tally.lost += not ends
            fine = {"ok", "interrupted"} if may_be_cut_off else {"ok"}
            told = [(one["run_id"], one["status"], one.get("cause")) for one in ends]
            known = {one["run_id"] for one in ends}
            as_due = len(starts) == allowed and {one["status"] for one in ends} <= fine
            if not as_due or len(known) != len(ends) or not known >= set(starts):
                tally.troubles.append(f"{self.folder}/{name}: starts {starts}, ends {told}")
        tally.late_s = max(tally.late_s, self.late_s)
        tally.troubles += [f"{self.folder}: the cycle printed '{line}'" for line in self.said[:3]]
