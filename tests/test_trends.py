"""`trends`: what is told about the machine's days, what is left open for want of data, and the page and JSON of it."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.history import History
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Result, Task
from adaptive_scheduler.render import days as page
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.trends import Trends, trends
from tests.builders import ended, minutes, task, tasks
from tests.console import Inside
from tests.test_render import ESCAPE, shown

START = datetime(2025, 10, 6, tzinfo=UTC)  # a Monday
TICK = minutes(30)
BUSY = range(9, 18)

Runs = list[tuple[str, Result]]


def load(days: float, *, foreign: bool = True) -> list[Sample]:
    """Return samples of days that are busy by day, with an hour of calm at 03:00; our tasks add 5 %."""
    found = []
    for count in range(1, int(days * 48) + 1):
        at = START + count * TICK
        hour = (at - TICK / 2).hour
        others = 75.0 if hour in BUSY else 2.0 if hour == 3 else 15.0
        found.append(Sample(at, others + 5.0, 40.0, others if foreign else None, {"cpu": 1.0}))
    return found


def run(name: str, after: timedelta, seconds: float, **more: Any) -> tuple[str, Result]:
    at = START + after
    result = ended(run_id=f"{name}-{at:%Y%m%dT%H%M%S}", duration_s=seconds, **more)
    return name, replace(result, started_at=at, ended_at=at + timedelta(seconds=seconds))


def backups(days: int) -> Runs:
    """Return a backup and a check a day; the backup takes longer and longer, and the check longer beside it."""
    found = []
    for day in range(days):
        found.append(run("backup", timedelta(days=day, hours=3), 40 + day, cpu_s=30.0, peak_memory_bytes=1_900_000_000))
        found.append(run("check", timedelta(days=day, hours=3, seconds=2), 20 + day % 2, cpu_s=1.0, output_bytes=700))
        found.append(run("check", timedelta(days=day, hours=12), 10 + day % 2, cpu_s=1.0, output_bytes=700))
    return found


TASKS = tasks(task("backup", 1440), task("check", 720), task("new", 60, expected_duration=minutes(90)), task("other"))


def view(days: int = 28, runs: Runs | None = None, samples: list[Sample] | None = None, **named: Task) -> Trends:
    known = load(days) if samples is None else samples
    now = START + timedelta(days=days)
    done = backups(days) if runs is None else runs
    return trends(known, done, named or TASKS, now, TICK, lambda moment: moment)


def printed(told: Trends, **console: Any) -> str:
    return shown(lambda: page.trends(told, Rhythm()), **console)


# -- values ------------------------------------------------------------------------------------------


def test_it_says_what_it_rests_on() -> None:
    told = view()
    assert (told.days, told.samples, told.runs, told.covered) == (28, 28 * 48, 28 * 3, 1.0)
    assert told.since == START
    half = view(samples=load(14))
    assert half.days == 14
    assert half.covered == pytest.approx(0.5)


def test_the_means_of_everything_and_of_what_is_not_ours() -> None:
    told = view()
    assert told.cpu is not None
    assert told.foreign == pytest.approx(told.cpu - 5.0)
    assert told.load == told.foreign
    unknown = view(samples=load(28, foreign=False))
    assert (unknown.foreign, unknown.load) == (None, unknown.cpu)


def test_tasks_find_the_calm_hour_and_the_long_ones_what_surrounds_it() -> None:
    by_name = {one.name: one for one in view().habits}
    assert [(one.start, one.load) for one in by_name["backup"].quiet][:2] == [(180, 2.0), (195, 2.0)]
    assert (by_name["new"].duration, by_name["new"].known_from) == (minutes(90), "expected_duration")
    assert by_name["new"].quiet[0].start in (150, 165, 180)
    assert (by_name["other"].duration, by_name["other"].quiet) == (None, ())


def test_a_duration_comes_from_the_runs_as_soon_as_they_are_enough() -> None:
    declared = task("backup", 1440, expected_duration=minutes(90))
    (few,) = view(runs=[one for one in backups(9) if one[0] == "backup"], backup=declared).habits
    assert few.known_from == "expected_duration"
    (enough,) = view(runs=[one for one in backups(10) if one[0] == "backup"], backup=declared).habits
    assert (enough.known_from, enough.duration) == ("runs", timedelta(seconds=44.5))
    (undeclared,) = view(runs=backups(1)[:1], backup=task("backup")).habits
    assert (undeclared.known_from, undeclared.duration) == ("runs", timedelta(seconds=40))


def test_a_task_that_is_gone_still_has_its_cost_and_no_plan() -> None:
    by_name = {one.name: one for one in view(check=TASKS["check"]).habits}
    assert not by_name["backup"].configured
    assert by_name["backup"].cost is not None
    assert by_name["backup"].quiet == ()


def test_without_any_history_everything_is_open() -> None:
    told = trends([], [], TASKS, START, TICK, lambda moment: moment)
    assert (told.cpu, told.memory, told.covered, told.days, told.pairs) == (None, None, 0.0, 0, [])
    assert told.span_days == 1.0
    assert {one.cpu for one in told.hours} == {None}


# -- the page ----------------------------------------------------------------------------------------


def test_the_page_tells_in_sentences_what_an_administrator_asks() -> None:
    text = printed(view())
    for sentence in (
        "28 days (2025-10-06 to 2025-11-03) with 1,344 samples and 84 runs\n",
        "; 100 % of the time measured\n",
        "blank: no samples\n",
        "busiest: Mon 09:00-10:00 (80 %); quietest: Mon 03:00-04:00 (7 %)\n",
        "never finished a run, and without expected_duration: other\n",
        "backup grew from 44 s to 1 min 3 s over 27 d (28 runs)\n",
        "steady: check (",
    ):
        assert sentence in text
    assert re.search(r"backup +54 s +03:00 \(2 %\) +03:15 \(2 %\) +03:30 \(2 %\)", text)
    assert re.search(r"new +1 h 30 min \(declared\) +02:30", text)
    assert re.search(r"backup +1\.0 +30 s +94 % +30 s +54 s +1\.9 GB +-", text)
    assert re.search(r"check +2\.0 +2\.0 s +6 % +1\.0 s +31 s +- +1 kB", text)
    assert re.search(r"check beside backup +28 +9\.6 min +1\.95 x +- +- +heavy", text)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949"])
@pytest.mark.parametrize("foreign", [True, False])
def test_the_page_fits_into_80_columns_of_any_console(encoding: str, foreign: bool) -> None:
    text = printed(view(samples=load(28, foreign=foreign)), encoding=encoding)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "?" not in text
    assert ("█" in text) == (encoding == "utf-8")
    assert text.isascii() or encoding == "utf-8"
    monday = next(line for line in text.splitlines() if line.startswith("Mon "))
    low, third, high = "▁▃█" if encoding == "utf-8" else "_-#"
    assert monday[9:].startswith(third * 6 + low * 2 + third * 10 + high * 18 + third * 12)
    assert ("\nnot ours" in text) == foreign


def test_colours_follow_the_law_of_the_rhythm_and_are_explained_only_where_there_are_any() -> None:
    coloured = printed(view(), terminal=True)
    monday = next(line for line in coloured.splitlines() if ESCAPE.sub("", line).startswith("Mon "))
    assert re.search(r"\x1b\[32m▁▁", monday)
    assert re.search(r"\x1b\[1;31m██", monday)
    assert "tasks come sooner" in coloured
    for plain in (printed(view()), printed(view(), terminal=True, NO_COLOR="1")):
        assert "tasks come sooner" not in plain
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)


def test_hours_without_samples_are_blank() -> None:
    text = printed(view(samples=load(1), runs=[]))
    rows = {line[:3]: line[9 : 9 + 48].strip() for line in text.splitlines() if line[:3] in ("Mon", "Tue", "Sun")}
    assert len(rows["Mon"]) == 48
    assert (rows["Tue"], rows["Sun"]) == ("", "")


def test_a_few_days_are_called_a_glimpse() -> None:
    assert "a glimpse, not a habit yet" in printed(view(13))
    assert "a glimpse" not in printed(view(14))
    text = printed(view(2, runs=[]))
    assert "no part of the day that suits them was seen on 3 days yet: new" in text
    assert "What the tasks use" not in text


def test_pretended_samples_are_called_so() -> None:
    faked = [replace(one, source="fake") for one in load(20)]
    assert "960 samples pretended (ADAPTIVE_FAKE_SAMPLE)" in printed(view(20, samples=faked))


def test_nothing_is_said_about_nothing() -> None:
    told = trends([], [], TASKS, START, TICK, lambda moment: moment)
    assert printed(told).startswith("no samples and no runs yet")
    runs_only = trends([], backups(3)[:1], TASKS, START + timedelta(days=3), TICK, lambda moment: moment)
    text = printed(runs_only)
    assert "too few runs: backup (1)" in text
    assert "no two tasks ran at the same time" in text
    assert "Busy hours" not in text


def test_samples_without_cpu_leave_the_hours_blank() -> None:
    unknown = [replace(one, cpu=None, foreign_cpu=None) for one in load(20)]
    text = printed(view(20, samples=unknown))
    assert "CPU unknown, memory 40 %" in text
    assert "busiest" not in text


def test_many_pairs_do_not_bury_the_heavy_ones() -> None:
    crowd = [run(f"t{number:02}", timedelta(days=1), 60) for number in range(8)]
    text = printed(view(runs=crowd + backups(28)))
    assert text.index("check beside backup") < text.index("t00 beside t01")
    assert "and 17 pairs more; --json has them all" in text
    assert len(re.findall(r"^\w+ beside \w+ +\d", text, re.M)) == page.SHOWN_PAIRS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (0.44, "0.4 s"), (9.6, "9.6 s"), (99, "99 s"), (100, "1.7 min"), (5999, "1.7 h"), (7200, "2.0 h")],
)
def test_durations_in_narrow_columns_have_one_unit(seconds: float | None, words: str) -> None:
    assert page.brief(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "-"), (0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (2e6, "2 MB"), (1.86e9, "1.9 GB"), (3e13, "30000.0 GB")],
)
def test_bytes_have_one_unit(count: float | None, words: str) -> None:
    assert page.size(count) == words


# -- the command -------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    """A project whose history of four days was written as cycles write it."""
    config = '[scheduler]\ntick = "30m"\n[tasks.backup]\ninterval = "1d"\nscript = "b.py"\n'
    inside = Inside(tmp_path).config(config + '[tasks.check]\ninterval = "12h"\nscript = "c.py"\n')
    inside.at(START + timedelta(days=4))
    assert isinstance(inside, Inside)
    inside.outputs.mkdir()
    history = History(inside.outputs)
    for number, sample in enumerate(load(4)):
        history.record(sample.at, number, sample, [], TICK)
    history.take_in(backups(4))
    return inside


def test_the_json_has_its_keys_and_the_numbers_of_the_history(program: Inside) -> None:
    before = program.files()
    told = program("trends", "--json").json
    assert program.files() == before
    assert told.keys() == {
        *("at", "since", "days", "samples", "pretended_samples", "runs", "measured_share"),
        *("cpu", "foreign_cpu", "memory", "hours", "tasks", "pairs"),
    }
    assert (told["days"], told["samples"], told["runs"], told["measured_share"]) == (4, 192, 12, 1.0)
    assert len(told["hours"]) == 168
    monday_at_three = {"weekday": 0, "hour": 3, "cpu": 7.0, "foreign_cpu": 2.0, "memory": 40.0, "days": 1}
    assert told["hours"][3] == monday_at_three
    assert told["hours"][-1] == {**dict.fromkeys(monday_at_three), "weekday": 6, "hour": 23, "days": 0}
    backup, check = told["tasks"]
    assert (backup["name"], backup["configured"], backup["runs"], backup["runs_per_day"]) == ("backup", True, 4, 1.0)
    assert backup["cpu_s"] == {"per_day": 30.0, "per_run": 30.0, "most": 30.0, "share": 0.938}
    assert (backup["output_bytes"], check["output_bytes"]["per_day"]) == (None, 1400.0)
    assert backup["quiet"][0] == {"start_minute": 180, "end_minute": 195, "foreign_cpu": 2.0}
    assert backup["drift"]["change"] == "too few runs"
    (pair,) = told["pairs"]
    assert (pair["tasks"], pair["overlaps"], pair["slowdown"], pair["heavy"]) == (["backup", "check"], 4, None, False)
    assert pair["slowdowns"][1] == {"together": 4, "apart": 4, "factor": None}


def test_it_looks_back_as_far_as_it_is_told(program: Inside) -> None:
    assert program("trends", "--days", "2", "--json").json["samples"] == 97
    assert program("trends", "--days", "2").out.startswith("3 days (2025-10-07 to 2025-10-10) with 97 samples")
    assert program("trends", "--days", "0").code == 2


def test_without_a_history_it_says_so_and_creates_nothing(tmp_path: Path) -> None:
    inside = Inside(tmp_path)
    inside.config('[tasks.backup]\ninterval = "1d"\nscript = "b.py"\n')
    before = inside.files()
    answer = inside("trends")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("no samples and no runs yet")
    told = inside("trends", "--json").json
    assert (told["samples"], told["cpu"], [one["name"] for one in told["tasks"]]) == (0, None, ["backup"])
    assert told["tasks"][0]["cpu_s"] is None
    assert inside.files() == before


def test_commands_of_every_cycle_load_nothing_of_it(program: Inside) -> None:
    """What is imported is paid for 288 times a day."""
    for words in (["status"], ["run", "--dry-run"], ["why", "backup"]):
        look = (
            "import sys; from adaptive_scheduler import cli\n"
            f"sys.argv = {['x', '--config', str(program.folder / 'tasks.toml'), *words]!r}\n"
            "try: cli.main()\n"
            "except SystemExit: pass\n"
            "loaded = {'numpy', 'statistics', 'adaptive_scheduler.trends'} & set(sys.modules)\n"
            "sys.exit(f'loads {loaded}' if loaded else 0)"
        )
        done = subprocess.run([sys.executable, "-c", look], env=program.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_task_that_only_events_start_is_offered_no_quiet_time() -> None:
    known = view(backup=task("backup", None), check=task("check", 720))
    quiet = {one.name: bool(one.quiet) for one in known.habits}
    assert quiet == {"backup": False, "check": True}
