"""The project of the fault matrix once more, its runs on a node: what is harmed is the master's cycle.

Scheduler and node are real, on loopback, and live on; what the node knows of runs is put back with all else. Its id
makes a run the same one for the node however often it is ordered, so the ids are made to depend on nothing but the
pretended time of the place.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from fault_power import Cut, lay_out
from fault_project import CONFIG, Answer, Place
from fault_waits import is_traced, until
from members import MARK, Member
from members import Place as Loopback

NODE = "n1"
NODES, THE_NODE = "cycle with nodes", "node"
"""The processes that can be harmed here."""
BEFORE = 2
"""The starts before the faulted cycle."""
ON_ITS_WAY_S = 0.1
"""An order of a cycle that was killed may reach its node so much later."""
CAME_HOME = ("/done.json", "/output.log")
AGAIN = 'while :; do "$@"; sleep 0.1; done'
"""A node that is killed is started again at once, as often as it is."""
WHERE = 'script = "../mark.sh"\nwhere = "any"\n'


class Elsewhere(Place):
    """A project with a cluster of its own."""

    def __init__(self, root: Path, at: datetime, mark: str) -> None:
        super().__init__(root, at)
        self.loopback, self.mark = Loopback(root), mark
        self.there, self.node_log = root / NODE, root / "node.log"
        self.runs = self.there / "runs"

    def make(self) -> None:
        """Start the cluster, then make the project as it is before a fault."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("ADAPTIVE_")}
        env |= {MARK: self.mark, "ADAPTIVE_FAKE_SAMPLE": "cpu=50,memory=40"}
        Member(self.loopback.scheduler(), env, self.root / "scheduler.log")
        argv = ["sh", "-c", AGAIN, "sh", *self.loopback.node(NODE), "--child"]
        with self.node_log.open("wb") as log:
            self.node = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log)
        until(lambda: self._joined() == 1)
        super().make()

    def _joined(self) -> int:
        """Return how often the node has joined."""
        return self.node_log.read_text(errors="replace").count(" joined ")

    @property
    def config(self) -> str:
        """The tasks of the other project, each for any node."""
        head = CONFIG.replace("[interpreters]\n", f'[cluster]\nmaster = "{self.loopback.master}"\n[interpreters]\n')
        return head.replace('script = "../mark.sh"\n', WHERE)

    def touched_by(self, who: str) -> Path:
        """Return the folder whose calls a process is watched for."""
        return self.there if who == THE_NODE else self.folder

    @property
    def tries_again(self) -> bool:
        """Whether a run that was cut off is run once more: it is only told, `on_loss` says so."""
        return False

    def anywhere(self, path: str) -> str:
        """Return a path as it is called in every place, on the node too."""
        return super().anywhere(path).replace(str(self.there), "{node}").replace(self._script(), "{script}")

    def here(self, path: str) -> str:
        """Return the path in this place for what `anywhere` returned."""
        there = path.startswith("{node}")
        path = super().here(path).removeprefix(str(self.folder) if there else "")
        return path.replace("{node}", str(self.there)).replace("{script}", self._script())

    def _script(self) -> str:
        """Return how the node calls the script, which has a path of this place in it."""
        return hashlib.sha256((self.root / "mark.sh").read_bytes()).hexdigest()

    def cycle_with_node(self, trace: Sequence[str]) -> Answer:
        """Call the cycle while the node is watched, or harmed; a node that was killed is there again afterwards."""
        (worker,) = psutil.Process(self.node.pid).children()
        joined = self._joined()
        watcher = subprocess.Popen(
            ["strace", "-f", "-p", str(worker.pid), "-q", "-o", str(self.log), "-y", *trace], stderr=subprocess.DEVNULL
        )
        until(lambda: is_traced(worker.pid))
        try:
            return self.cycle(0)
        finally:
            watcher.terminate()
            watcher.wait()
            if not worker.is_running():
                until(lambda: self._joined() > joined)

    def keep(self, name: str) -> None:
        """Keep a copy of what the node knows, too; what waits to be collected has ended."""
        if name == "used":
            until(lambda: len(self.starts()) == BEFORE and self.is_idle())
        super().keep(name)
        shutil.copytree(self.runs, self.root / f"{name}.node")

    def put_back(self, name: str) -> None:
        """Make everything as it was, on the node too."""
        super().put_back(name)
        self.forget(name)

    def forget(self, name: str) -> None:
        """Make what the node knows as it was."""
        kept = self.root / f"{name}.node"
        for run in self.runs.iterdir():
            shutil.rmtree(run)
        shutil.copytree(kept, self.runs, dirs_exist_ok=True)

    def is_idle(self) -> bool:
        """Whether nobody holds a lock of a run, here or there."""
        from adaptive_scheduler import locks

        there = (path for name in ("claim", "spec.json") for path in self.runs.glob(f"*/{name}"))
        return super().is_idle() and not any(map(locks.is_held, there))

    def cycle(self, number: int, *words: str, **more: Any) -> Answer:
        """Call one cycle of the master."""
        answer = super().cycle(number, *words, **more)
        time.sleep(ON_ITS_WAY_S)
        until(self.is_idle)
        return answer

    def lay_out(self, cut: Cut, *, known: bool) -> None:
        """Leave of the master what a power cut leaves; the node has `known` of the orders, or of none.

        Of what has come home it knows in any case.
        """
        marks = self.marks.read_bytes()
        known = known or any("/earlier/" not in name and name.endswith(CAME_HOME) for name in cut.files)
        lay_out(self, cut)
        if known:
            self.marks.write_bytes(marks)
        else:
            shutil.copy(self.root / "used.marks", self.marks)
            self.forget("used")
