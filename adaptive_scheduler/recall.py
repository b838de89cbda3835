"""baseline.json: what the eyes of a cycle remember until the next one. Missing, it is made anew out of the history."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import baseline, consumers, files, watching
from adaptive_scheduler.archive import Archive
from adaptive_scheduler.baseline import Baseline
from adaptive_scheduler.events import Answer
from adaptive_scheduler.series import KEPT_DAYS
from adaptive_scheduler.times import from_iso, iso, local_time

NAME = "baseline.json"

PRETENDED = "fake"
"""The source of a sample that ADAPTIVE_FAKE_SAMPLE made up: nothing is learned from it."""

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Remembered:
    """All of baseline.json: what is usual, the last census, the last answer of each probe, the last write."""

    baseline: Baseline = field(default_factory=Baseline)
    tally: consumers.Tally | None = None
    uptime_s: float | None = None
    answered: Mapping[str, Answer] = field(default_factory=dict)
    written: Answer | None = None


def read(folder: Path, tick: timedelta) -> Remembered | None:
    """Return what the last cycle left, None where there is no file; OSError or one of DAMAGE when it is damaged."""
    try:
        return _decoded(json.loads(files.read_bytes(folder / NAME)), tick)
    except FileNotFoundError:
        return None


def shown(folder: Path, tick: timedelta) -> Remembered:
    """Return what the last cycle left, for people; nothing where there is no such file to be read."""
    try:
        return read(folder, tick) or Remembered()
    except (OSError, *DAMAGE):
        return Remembered()


def troubles(answered: Mapping[str, Answer]) -> list[str]:
    """Return a sentence for each probe whose last answer was none, or told of trouble."""
    return [f"probe '{name}': {one.problem}" for name, one in answered.items() if one.problem]


def write(folder: Path, kept: Remembered) -> None:
    """Leave all of it for the next cycle; OSError when that cannot be."""
    files.replace_file(folder / NAME, _text(kept).encode(), durable=False)


def out_of(archive: Archive, now: datetime, tick: timedelta, timeouts_ms: Mapping[str, float]) -> Baseline:
    """Return what is usual as far as the history tells; raises HistoryError.

    `timeouts_ms` is what no answer counts as, by probe. A line that makes no sense is left out.
    """
    local, since, found = local_time(now), now - timedelta(days=KEPT_DAYS), Baseline()
    for sample in archive.samples(since, now):
        if sample.source != PRETENDED:
            with suppress(*DAMAGE):
                found = watching.remembered(found, replace(sample, at=local(sample.at)), tick)
    for source, answers in archive.latencies(since, now).items():
        for answer in answers:
            ms = timeouts_ms.get(source) if answer.ms is None else answer.ms
            found = watching.remembered_latency(found, source, Answer(local(answer.at), ms), tick)
    return watching.primed(found, tick)


def _text(kept: Remembered) -> str:
    written = kept.written
    plain = {
        **baseline.encode(kept.baseline),
        "tally": None if kept.tally is None else consumers.encode(kept.tally),
        "uptime_s": kept.uptime_s,
        "answered": {name: _answer(one) for name, one in kept.answered.items()},
        "written": None if written is None else _answer(written),
    }
    return json.dumps(plain, separators=(",", ":"))


def _decoded(plain: Mapping[str, Any], tick: timedelta) -> Remembered:
    # The baseline comes first: it looks at the version, and after that nothing else is a surprise.
    usual = baseline.decode(plain, tick)
    tally, written, uptime_s = plain["tally"], plain["written"], plain["uptime_s"]
    return Remembered(
        usual,
        None if tally is None else consumers.decode(tally),
        None if uptime_s is None else float(uptime_s),
        {str(name): _answered(one) for name, one in plain["answered"].items()},
        None if written is None else _answered(written),
    )


def _answer(one: Answer) -> dict[str, Any]:
    return {"at": iso(one.at), "ms": one.ms, "problem": one.problem}


def _answered(plain: Mapping[str, Any]) -> Answer:
    ms = plain["ms"]
    return Answer(from_iso(plain["at"]), None if ms is None else float(ms), str(plain["problem"]))
