"""A cycle's line to the scheduler and, through it, to the ledgers of its nodes: opened late, closed soon.

Every call has a time limit, and a line that failed stays down: nobody waits twice for the same silence.
"""

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from adaptive_scheduler.cluster import remote
from adaptive_scheduler.cluster.tls import Certificates, refusal, security
from adaptive_scheduler.cluster.vitals import versions
from adaptive_scheduler.errors import SchedulerError
from adaptive_scheduler.extras import lacking
from adaptive_scheduler.fleet import Cluster, Fleet, mismatch, node

ANSWER_S = 5.0
"""How long a node may think about its ledger: it may be frozen, and then it is asked again in the next cycle."""

NOISY = ("asyncio", "distributed", "tornado")


class LinkDownError(SchedulerError):
    """Nobody answers; its text is a sentence for people."""

    exit_code = 1


class Link:
    """A connection to the scheduler of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect within the time that tasks.toml allows; raises LinkDownError."""
        self.cluster, self.seconds = cluster, cluster.timeout.total_seconds()
        self.down = ""
        self.survey: dict[str, Any] = {}
        self.mute: set[str] = set()
        if problem := lacking("clusters", "dask", "distributed"):
            raise LinkDownError(problem)
        try:
            certificates = Certificates.of(cluster.certificates) if cluster.certificates else None
        except SchedulerError as error:
            raise LinkDownError(str(error)) from error
        if problem := refusal(cluster.master, certificates, self.seconds):
            raise LinkDownError(problem)
        self.client = self._connect(certificates)
        try:
            self.look(())
            self._refuse_strangers()
        except LinkDownError:
            self.close()
            raise

    def look(self, run_ids: Iterable[str]) -> dict[str, Any]:
        """Ask the scheduler for its nodes and for what it knows of these runs; raises LinkDownError."""
        keys = [remote.key_of(run_id) for run_id in run_ids]
        self.survey = self._on_scheduler(remote.survey, keys)
        return self.survey

    def fleet(self) -> Fleet:
        """Return the nodes of the latest look."""
        ours = versions()
        nodes = [
            node(name, one["vitals"], silent_s=one["silent_s"], handed=one["handed"], ours=ours)
            for name, one in self.survey.get("nodes", {}).items()
        ]
        return Fleet(tuple(sorted(nodes, key=lambda one: one.name)), asked=True)

    def submit(self, run_id: str, cargo: Mapping[str, Any], ended: Callable[[Any], None]) -> Any:
        """Hand a run to its node and return the engine's future; `ended` hears of news, in another thread.

        Raises LinkDownError; the run may be on its way all the same.
        """
        from distributed import fire_and_forget

        if self.down:
            raise LinkDownError(self.down)
        try:
            future = self.client.submit(
                remote.perform,
                dict(cargo),
                key=remote.key_of(run_id),
                pure=False,
                workers=[cargo["node"]],
                allow_other_workers=False,
            )
            fire_and_forget(future)  # type: ignore[no-untyped-call]  # the engine types little of itself
            future.add_done_callback(ended)
        except Exception as error:  # the engine raises many kinds, all of them mean the same
            raise self._broken(error) from error
        return future

    def results(self, futures: Mapping[str, Any]) -> dict[str, Any]:
        """Return what these finished futures brought, all at once; empty when that cannot be had."""
        try:
            return dict(self.client.sync(self.client._gather, dict(futures), callback_timeout=self.seconds))
        except Exception:  # the engine's, of any kind: the ledgers know better
            return {}

    def drop(self, run_ids: Iterable[str]) -> None:
        """Have the scheduler forget what it keeps for nodes that are not there; raises LinkDownError."""
        if keys := [remote.key_of(run_id) for run_id in run_ids]:
            self._on_scheduler(remote.drop, keys)

    def ask(self, verb: str, of: Mapping[str, tuple[str, Sequence[Any]]]) -> dict[str, Any]:
        """Ask the ledgers of nodes, given as name -> (its identity, arguments); who does not answer is left out.

        A node that did not answer is asked again only when its heart beats: we wait once for its silence.
        """
        known = self.survey.get("nodes", {})
        there = {
            name: known[name]["address"]
            for name in of
            if name in known and not (name in self.mute and known[name]["silent_s"] >= ANSWER_S)
        }
        if not there:
            return {}

        async def one(name: str) -> Any:
            identity, arguments = of[name]
            answers = await self.client._run(
                remote.on_ledger, verb, identity, list(arguments), workers=[there[name]], on_error="return"
            )
            return answers.get(there[name])

        async def everybody() -> dict[str, Any]:
            asked = {name: asyncio.ensure_future(one(name)) for name in there}
            await asyncio.wait(asked.values(), timeout=ANSWER_S)
            answers = {}
            for name, task in asked.items():
                if task.done() and task.exception() is None:
                    answers[name] = task.result()
                task.cancel()
            return answers

        if self.down:
            raise LinkDownError(self.down)
        try:
            found = self.client.sync(everybody, callback_timeout=ANSWER_S + self.seconds)
        except Exception as error:  # as above
            raise self._broken(error) from error
        self.mute = (self.mute | there.keys()) - found.keys()
        return {
            name: answer for name, answer in found.items() if answer is not None and not isinstance(answer, Exception)
        }

    def close(self) -> None:
        """Hang up; what was handed over goes on."""
        with suppress(Exception):
            self.client.close(timeout=1)

    def _connect(self, certificates: Certificates | None) -> Any:
        import distributed
        from distributed.versions import VersionMismatchWarning

        _hush()
        warnings.simplefilter("ignore", VersionMismatchWarning)  # `mismatch` says it
        connect: Any = distributed.Client
        try:
            return connect(
                self.cluster.master, timeout=self.seconds, security=security(certificates), set_as_default=False
            )
        except Exception as error:  # as above
            raise LinkDownError(f"'{self.cluster.master}' cannot be asked: {_words(error)}") from error

    def _refuse_strangers(self) -> None:
        differs = mismatch(self.survey["versions"], versions(), int(self.survey["protocol"]))
        if differs:
            raise LinkDownError(f"the scheduler at '{self.cluster.master}' {differs}")
        if self.survey["allowed_failures"] != 0:
            raise LinkDownError(
                f"the scheduler at '{self.cluster.master}' would start runs twice (allowed-failures is "
                f"{self.survey['allowed_failures']}); start it with 'adaptive-scheduler cluster scheduler'"
            )

    def _on_scheduler(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self.down:
            raise LinkDownError(self.down)
        try:
            return self.client.run_on_scheduler(function, *arguments, callback_timeout=self.seconds)
        except Exception as error:  # as above
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> LinkDownError:
        self.down = f"'{self.cluster.master}' stopped answering: {_words(error)}"
        if "No module named 'adaptive_scheduler" in str(error) or isinstance(error, ModuleNotFoundError):
            missing = "has no adaptive-scheduler installed, or another version; install the same on both"
            self.down = f"the scheduler at '{self.cluster.master}' {missing}"
        return LinkDownError(self.down)


def _hush() -> None:
    """Let the engine print nothing: that a line is down is said by us, and cron mails every other word.

    The engine gives some of its loggers a level and a handler of their own: that of the root alone is not enough.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in NOISY:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _words(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
