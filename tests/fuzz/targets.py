"""Every reader of files, as a function of bytes that returns what became of them in a word.

Whatever else than a documented refusal comes out of one is a bug; so is a value that was accepted and then
cannot be used. `SEEDS` of a target are what the program itself writes, or what its users do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import by_hand, of_runs, of_short, own_files

Reader = Callable[[bytes, Path], str]


@dataclass(frozen=True)
class Target:
    """A reader, inputs to begin with, and words of its format."""

    read: Reader
    seeds: Sequence[bytes]
    words: Sequence[bytes] = ()


TARGETS: dict[str, Target] = {
    "config": Target(by_hand.config, by_hand.CONFIGS, by_hand.TOML_WORDS),
    "crontab": Target(by_hand.crontab, by_hand.CRONTABS, by_hand.CRON_WORDS),
    "taskxml": Target(by_hand.taskxml, by_hand.XMLS, by_hand.XML_WORDS),
    "trace": Target(by_hand.trace, by_hand.TRACES, by_hand.CSV_WORDS),
    "values": Target(by_hand.values, by_hand.VALUES, by_hand.CSV_WORDS),
    "envfile": Target(by_hand.envfile, by_hand.ENVFILES),
    "state": Target(of_runs.state, of_runs.STATES, of_runs.WORDS),
    "done": Target(of_runs.done, of_runs.DONES, of_runs.WORDS),
    "spec": Target(of_runs.spec, of_runs.SPECS),
    "claim": Target(of_runs.claim, of_runs.CLAIMS),
    "lastgood": Target(own_files.lastgood, own_files.COPIES),
    "load": Target(own_files.load, own_files.LOADS),
    "rhythm": Target(own_files.rhythm, own_files.RHYTHMS),
    "baseline": Target(own_files.baseline, own_files.BASELINES),
    "recent": Target(own_files.recent, own_files.RECENTS),
    "totals": Target(own_files.totals, own_files.TOTALS),
    "intent": Target(own_files.intent, own_files.INTENTS),
    "answers": Target(own_files.answers, own_files.ANSWERS),
    "outbox": Target(own_files.outbox, own_files.OUTBOX, own_files.OUTBOX_WORDS),
    "beats": Target(of_short.beats, of_short.BEATS),
    "standing": Target(of_short.note, of_short.STANDING),
    "record": Target(own_files.record, own_files.RECORDS),
}
