"""rhythm.json and the rolling load beside it: whatever they hold, a cycle goes on, and one line says what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptive_scheduler import lessons, rolling
from adaptive_scheduler.almanac import LOAD_NAME, NAME, Almanac
from adaptive_scheduler.lessons import Learning
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.plan import plan
from adaptive_scheduler.settings import Config, Rhythm, Rules
from tests.builders import NOW, mine, sample, state, tasks
from tests.platforms import is_private, modes
from tests.tables import Plain, hourly, lesson, load, rhythm, table
from tests.test_rolling import JSON

CONFIG = Config(path="tasks.toml", state_dir="outputs", rules=Rules(), tasks=tasks(hourly("job")))
GOOD = rhythm(job=lesson(table()))
GOOD_LOAD = {"version": 1, **rolling.encode(load())}


def filled(folder: Path, learned: Any = GOOD, of_load: Any = GOOD_LOAD) -> Almanac:
    for name, content in ((NAME, learned), (LOAD_NAME, of_load)):
        if content is not None:
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            (folder / name).write_bytes(raw)
    return Almanac(folder)


def judged(almanac: Almanac, of: Sample | None = None) -> Learning:
    return almanac.learning(CONFIG, of or sample(), NOW, 2.0)


def test_good_files_are_used_and_the_load_goes_on(tmp_path: Path) -> None:
    found = judged(filled(tmp_path))
    assert set(found.rules.learned) == {"job"}
    assert found.why == {}
    assert found.load is not None
    assert found.load.end == load().end + 1
    assert found.load.values()[-1] == 50


def test_the_load_that_is_kept_is_not_ours(tmp_path: Path) -> None:
    found = judged(filled(tmp_path), Sample(NOW, 80.0, 40.0, 12.0))
    assert found.load is not None
    assert found.load.values()[-1] == 12


def test_an_unknown_load_is_no_load(tmp_path: Path) -> None:
    found = judged(filled(tmp_path), Sample(NOW, None, None))
    assert found.load == load()
    assert set(found.rules.learned) == {"job"}


def test_off_reads_nothing(tmp_path: Path) -> None:
    off = Config(path="", state_dir="", rules=Rules(rhythm=Rhythm(learned="off")), tasks=CONFIG.tasks)
    found = filled(tmp_path).learning(off, sample(), NOW, 2.0)
    assert found.rules is off.rules
    assert found.load is None


def test_nothing_learned_leaves_the_rules_alone(tmp_path: Path) -> None:
    found = judged(Almanac(tmp_path / "none"))
    assert found.rules == CONFIG.rules
    assert found.load is None
    assert found.why["job"].startswith("nothing has been learned yet")


@pytest.mark.parametrize(
    ("learned", "says"),
    [
        (b"", "is damaged"),
        (b"{", "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"null", "is damaged"),
        ({"some": "thing"}, "is damaged (KeyError: 'version')"),
        ({**GOOD, "version": 99}, "has version 99"),
        ({**GOOD, "rests_on": {"days": 10**400, "cpus": 2}}, "is damaged"),
        (json.dumps({**GOOD, "tasks": {"job": {**GOOD["tasks"]["job"], "windows": [[1e999, 1]]}}}).encode(), "damaged"),
    ],
)
def test_a_file_that_cannot_be_used_says_so_in_one_line(tmp_path: Path, learned: Any, says: str) -> None:
    found = judged(filled(tmp_path, learned))
    assert found.rules == CONFIG.rules
    assert says in found.why["job"]
    assert "\n" not in found.why["job"]
    assert found.load is None


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert "rhythm.json cannot be read" in judged(Almanac(tmp_path)).why["job"]


@pytest.mark.parametrize(
    "of_load",
    [None, b"", b"[]", {"version": 2}, {**GOOD_LOAD, "version": 2}, {**GOOD_LOAD, "step_minutes": 5.0}, b"[" * 100_000],
)
def test_a_rolling_load_that_is_lost_or_damaged_means_the_classic_rule(tmp_path: Path, of_load: Any) -> None:
    found = judged(filled(tmp_path, GOOD, of_load))
    assert found.rules.learned == {}
    assert "not at hand" in found.why["job"]


def test_both_files_are_written_and_read_again(tmp_path: Path) -> None:
    almanac = Almanac(tmp_path / "new")
    almanac.write({key: value for key, value in GOOD.items() if key != "version"}, load())
    assert almanac.load() == load()
    assert almanac.knowledge() == lessons.decode(GOOD)
    assert almanac.path.name == NAME


@modes
def test_what_was_learned_is_private(tmp_path: Path) -> None:
    almanac = Almanac(tmp_path / "new")
    almanac.write(GOOD, load())
    assert all(is_private(path) for path in (almanac.folder, almanac.path, almanac.folder / LOAD_NAME))


# -- nothing ever raises -----------------------------------------------------------------------------

KEYS = st.sampled_from(
    [("made_at",), ("version",), ("rests_on",), ("rests_on", "cpus"), ("rests_on", "days"), ("heavy_pairs",)]
    + [("tasks",), ("tasks", "job"), *[("tasks", "job", key) for key in GOOD["tasks"]["job"]]]
    + [("tasks", "job", "table", key) for key in GOOD["tasks"]["job"]["table"]]
)
TIMES = st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2025-11-02", "now", ""])
NUMBERS = st.sampled_from([-1, 0, 1, 5.0, 1e300, -1e300, float("nan"), float("inf"), 10**400, 2**63])
VALUES = JSON | TIMES | NUMBERS | st.lists(NUMBERS, max_size=30)


def changed(plain: Plain, keys: tuple[str, ...], value: Any) -> Plain:
    first, *rest = keys
    return {**plain, first: changed(plain[first], tuple(rest), value) if rest else value}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=KEYS, value=VALUES, key=st.sampled_from(sorted(GOOD_LOAD)), other=VALUES, known=st.booleans())
def test_whatever_the_files_hold_there_is_a_decision(
    tmp_path: Path, keys: tuple[str, ...], value: Any, key: str, other: Any, known: bool
) -> None:
    for learned, of_load in ((changed(GOOD, keys, value), GOOD_LOAD), (GOOD, {**GOOD_LOAD, key: other})):
        almanac = filled(tmp_path, learned, of_load)
        found = judged(almanac, sample() if known else Sample(NOW, None, 40.0))
        if found.load is not None:
            almanac.keep(found.load)
        assert "job" in found.rules.learned or "\n" not in found.why["job"]
        for age in (5, 55, 70, 100):
            before = state(job=mine(age, behind=2.0))
            assert len(plan(CONFIG.tasks, before, sample(), found.rules, NOW)) == 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), at=st.floats(0, 1), byte=st.integers(0, 255), which=st.booleans())
def test_files_that_are_cut_or_changed_in_a_byte_do_no_harm(
    tmp_path: Path, cut: float, at: float, byte: int, which: bool
) -> None:
    almanac = filled(tmp_path)
    path = tmp_path / (NAME if which else LOAD_NAME)
    raw = bytearray(path.read_bytes())
    raw[min(len(raw) - 1, int(at * len(raw)))] = byte
    path.write_bytes(bytes(raw[: int(cut * len(raw))]) if cut < 0.5 else bytes(raw))
    found = judged(almanac)
    assert plan(CONFIG.tasks, state(job=mine(55)), sample(), found.rules, NOW)
