"""The Runner whose runs are on other machines; a sibling of the local one, over one short line to the scheduler.

Whoever has a future of ours hears of its end at once; everything else is found out by asking the scheduler and
the ledgers, and by the table in reconcile.py.
"""

import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from adaptive_scheduler.clock import Clock
from adaptive_scheduler.cluster import remote
from adaptive_scheduler.cluster.cargo import pack
from adaptive_scheduler.cluster.homecoming import Homecoming, printed
from adaptive_scheduler.cluster.link import Link, LinkDownError
from adaptive_scheduler.cluster.mirror import Intent, Mirror
from adaptive_scheduler.cluster.printed import PIECE
from adaptive_scheduler.fleet import Cluster, Fleet
from adaptive_scheduler.model import State
from adaptive_scheduler.reconcile import Action, Entry, Word, action
from adaptive_scheduler.runfolder import RunFolder
from adaptive_scheduler.runners.base import ComesBack, Lost, Order, Printed, Running, RunState, Unreachable
from adaptive_scheduler.settings import Config

ASK_AGAIN_S = 2.0
"""Ledgers are asked about runs that nobody tells us of no more often than this within a cycle."""

COMES_LATER = "what it printed comes here with its end"

ENDS_AT_ONCE = 100
"""So many ends come in one answer, each with a small output: it is gathered where heartbeats are answered."""


class ClusterRunner:
    """Runs on the nodes of one cluster; `runs_dir` holds a mirror of each, TASK/RUN_ID."""

    def __init__(self, runs_dir: Path, config: Config, cluster: Cluster, clock: Clock) -> None:
        """Connect to nobody yet."""
        self.runs_dir, self.config, self.cluster, self.clock = runs_dir, config, cluster, clock
        self.news = threading.Event()
        self._link: Link | None = None
        self._down = ""
        self._intents: dict[str, Intent] = {}
        self._cargo: dict[str, dict[str, Any]] = {}
        self._futures: dict[str, Any] = {}
        self._home = Homecoming(config.output_max_bytes)
        self._told: dict[str, tuple[float, RunState]] = {}

    # -- starting ----------------------------------------------------------------------------------

    def fleet(self) -> Fleet:
        """Return the nodes as they are now, or why they are not known."""
        try:
            link = self._open()
            link.look(())
        except LinkDownError as error:
            return Fleet(problem=str(error), asked=True)
        return link.fleet()

    def prepare(self, order: Order) -> None:
        """Write down what is intended and gather what is to be sent; raises OSError."""
        self._cargo[order.run_id] = {**pack(order, self.config), "ledger": order.ledger}
        intent = self._intents[order.run_id] = Intent(order.node, order.ledger, self.clock.now(), order.event)
        self.mirror(order.task.name, order.run_id).write_intent(intent)

    def remind(self, state: State) -> None:
        """Take the intents of live runs from the state where their own files are missing or damaged, and mend those."""
        for task, mine in state.tasks.items():
            if (live := mine.live) is None or not live.ledger:
                continue
            mirror = self.mirror(task, live.run_id)
            if (intent := mirror.intent()) is None:
                intent = Intent(live.node, live.ledger, live.started_at)
                with suppress(OSError):  # it is known to this cycle, and the next one tries again
                    mirror.write_intent(intent)
            self._intents[live.run_id] = intent

    def submit(self, order: Order) -> None:
        """Hand the run to its node; when the line breaks just then, a later look finds out what became of it."""
        cargo = self._cargo.pop(order.run_id)
        try:
            self._futures[order.run_id] = self._open().submit(order.run_id, cargo, lambda _: self.news.set())
        except LinkDownError:
            self.news.set()

    # -- finding out -------------------------------------------------------------------------------

    def states(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the state of runs, given as task -> run id; what has ended is taken in."""
        self.news.clear()
        found: dict[str, RunState] = {}
        unknown: dict[str, str] = {}
        brought = self._brought()
        for task, run_id in live.items():
            state = self._heard(task, run_id, brought)
            if state is None:
                unknown[task] = run_id
            else:
                found[task] = state
        return found | (self._found_out(unknown) if unknown else {})

    def peek(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return what is known here, and ask nobody."""
        return {task: self.mirror(task, run_id).outcome() or Running(run_id) for task, run_id in live.items()}

    def kill(self, task: str, run_id: str) -> bool:
        """Tell a run to stop; False when it does not run, or nobody can be told."""
        intent = self.intent(task, run_id)
        if intent is None:
            return False
        try:
            link = self._open()
            return link.ask("kill", {intent.node: (intent.ledger, (run_id,))}).get(intent.node) is True
        except LinkDownError:
            return False

    def printed(self, task: str, run_id: str, offset: int) -> Printed:
        """Return what its node has of what a run printed, from an offset on; raises LinkDownError."""
        intent = self.intent(task, run_id)
        if intent is None:
            return Printed(b"", offset)
        try:
            link = self._open()
        except LinkDownError as error:
            raise LinkDownError(f"'{task}' is on node '{intent.node}': {error}; {COMES_LATER}") from error
        found = printed(link, intent, run_id, offset, PIECE)
        if found is None:
            raise LinkDownError(f"'{task}' is on node '{intent.node}', which does not answer; {COMES_LATER}")
        return Printed(found.content, found.end, found.over)

    def has_news(self, live: Mapping[str, str]) -> bool:
        """Whether one of the runs has ended, as far as that is known without asking."""
        return self.news.is_set() or any(self.mirror(task, run_id).has_ended for task, run_id in live.items())

    def hears_of(self, run_ids: Collection[str]) -> bool:
        """Whether news of all these runs comes by itself."""
        return all(run_id in self._futures and not self._futures[run_id].done() for run_id in run_ids)

    def close(self) -> None:
        """Tell the nodes what was taken in, see that the scheduler has what was handed over, and hang up."""
        link, self._link = self._link, None
        if link is None:
            return
        try:
            if acks := self._home.acks():
                link.ask("ack", acks)
            if self._futures:
                link.look(list(self._futures))
        except LinkDownError:
            pass  # the nodes remember what nobody took in, and the next cycle asks
        link.close()

    def intent(self, task: str, run_id: str) -> Intent | None:
        """Return what was intended with a run elsewhere, None for one that is none, or where that is not known."""
        return self._intents.get(run_id) or self.mirror(task, run_id).intent()

    def is_ours(self, task: str, run_id: str) -> bool:
        """Whether a run is on a node."""
        return run_id in self._intents or self.mirror(task, run_id).is_ours

    def mirror(self, task: str, run_id: str) -> Mirror:
        """Return our own folder of a run."""
        return Mirror(RunFolder(self.runs_dir / task / run_id))

    def _open(self) -> Link:
        if self._down:
            raise LinkDownError(self._down)
        if self._link is None:
            try:
                self._link = Link(self.cluster)
            except LinkDownError as error:
                self._down = str(error)
                raise
        return self._link

    def _heard(self, task: str, run_id: str, brought: Mapping[str, Any]) -> RunState | None:
        """Return what is known without asking: taken in already, or told by a future of ours."""
        mirror = self.mirror(task, run_id)
        if (ended := mirror.outcome()) is not None:
            return ended
        if run_id in self._futures:
            return Running(run_id)
        told = brought.get(run_id)
        return None if told is None else self._home.ended(self._link, mirror, told)

    def _brought(self) -> dict[str, Any]:
        """Return what the futures brought that are over; of those that failed the ledgers know better."""
        over = {run_id: future for run_id, future in self._futures.items() if future.done()}
        for run_id in over:
            del self._futures[run_id]
        finished = {run_id: future for run_id, future in over.items() if future.status == "finished"}
        return self._link.results(finished) if self._link is not None and finished else {}

    def _found_out(self, unknown: Mapping[str, str]) -> dict[str, RunState]:
        """Ask the scheduler and the ledgers about runs, not more often than every two seconds."""
        now_s = self.clock.monotonic()
        fresh = {
            task: self._told[run_id][1]
            for task, run_id in unknown.items()
            if run_id in self._told and now_s - self._told[run_id][0] < ASK_AGAIN_S
        }
        asked = {task: run_id for task, run_id in unknown.items() if task not in fresh}
        found = self._asked(asked) if asked else {}
        self._told |= {asked[task]: (now_s, state) for task, state in found.items()}
        return fresh | found

    def _asked(self, runs: Mapping[str, str]) -> dict[str, RunState]:
        intents = {task: self.intent(task, run_id) for task, run_id in runs.items()}
        words: dict[str, Word] = {}
        entries: dict[str, tuple[Entry, str]] = {}
        ends: dict[str, Any] = {}
        problem = ""
        try:
            link = self._open()
            told = link.look(runs.values())["words"]
            words = {run_id: Word(told[remote.key_of(run_id)]) for run_id in runs.values()}
            entries = self._ask(link, "entries", runs, intents)
            link.drop([run_id for run_id, word in words.items() if word is Word.NO_WORKER])
            now = self.clock.now()
            void = {
                task: run_id
                for task, run_id in runs.items()
                if (intent := intents[task]) is not None
                and run_id in entries
                and action(words[run_id], entries[run_id][0], intent.age(now)) is Action.VOID
            }
            entries |= self._ask(link, "void", void, intents)
            over = {task: run_id for task, run_id in runs.items() if entries.get(run_id, ("",))[0] is Entry.DONE}
            ends = self._ends(link, over, intents)
        except LinkDownError as error:
            problem = str(error)
        return {
            task: self._home.ended(self._link, self.mirror(task, run_id), ends[run_id]) or Running(run_id)
            if run_id in ends
            else self._judged(task, run_id, intents[task], words.get(run_id, Word.SILENT), entries.get(run_id), problem)
            for task, run_id in runs.items()
        }

    def _ask(
        self, link: Link, verb: str, runs: Mapping[str, str], intents: Mapping[str, Intent | None]
    ) -> dict[str, tuple[Entry, str]]:
        """Return what the ledgers say of runs, those that do not answer left out."""
        told = self._answers(link, verb, runs, intents)
        return {run_id: (Entry(entry), str(cause)) for run_id, (entry, cause) in told.items()}

    def _ends(self, link: Link, runs: Mapping[str, str], intents: Mapping[str, Intent | None]) -> dict[str, Any]:
        """Return how runs ended, a few in one answer: their outputs come along."""
        ends: dict[str, Any] = {}
        those = list(runs.items())
        for at in range(0, len(those), ENDS_AT_ONCE):
            ends |= self._answers(link, "fetch_all", dict(those[at : at + ENDS_AT_ONCE]), intents)
        return {run_id: end for run_id, end in ends.items() if end is not None}

    def _answers(
        self, link: Link, verb: str, runs: Mapping[str, str], intents: Mapping[str, Intent | None]
    ) -> dict[str, Any]:
        questions: dict[str, tuple[str, list[str]]] = {}
        for task, run_id in runs.items():
            if (intent := intents[task]) is not None:
                questions.setdefault(intent.node, (intent.ledger, []))[1].append(run_id)
        answers = link.ask(verb, {node: (ledger, (run_ids,)) for node, (ledger, run_ids) in questions.items()})
        return {run_id: told for answer in answers.values() for run_id, told in answer.items()}

    def _judged(
        self, task: str, run_id: str, intent: Intent | None, word: Word, told: tuple[Entry, str] | None, problem: str
    ) -> RunState:
        """Return the state that scheduler and ledger together mean."""
        if intent is None:
            return Lost(run_id, "its intent.json is gone or damaged, and with it the name of its node")
        entry, cause = told or (Entry.SILENT, "")
        where = f"node '{intent.node}'"
        chosen = action(word, entry, intent.age(self.clock.now()))
        if chosen is Action.INTERRUPTED:
            size = self._home.cut_off(self._link, self.mirror(task, run_id), intent)
            return Running(run_id) if size is None else Lost(run_id, f"{cause} on {where}", output_bytes=size)
        if chosen is Action.COMES_BACK:
            return ComesBack(run_id, f"{where} never got to begin it", intent.event)
        if chosen is Action.VOID:  # asked for, and not done: as long as it may still begin nobody may begin it anew
            return Unreachable(run_id, problem or f"{where} cannot write down that it will not begin it")
        if chosen is Action.UNREACHABLE:
            return Unreachable(run_id, problem or f"{where} does not answer")
        return Running(run_id)
