"""What people see: at 80 and 200 columns, with colour and without, on any console, whatever others wrote."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from adaptive_scheduler import render, terminal
from adaptive_scheduler.checkup import Finding
from adaptive_scheduler.codes import Code
from adaptive_scheduler.edges import Report
from adaptive_scheduler.events import Level
from adaptive_scheduler.model import Decision, Status
from adaptive_scheduler.outlook import Expected
from adaptive_scheduler.overview import Overview, overview
from adaptive_scheduler.prospects import Forecast, Hour, Prospect
from adaptive_scheduler.render import ahead, days, lesson, machines
from adaptive_scheduler.render import happened as happened_page
from adaptive_scheduler.render import overview as page
from adaptive_scheduler.settings import Config, Rhythm, Rules
from adaptive_scheduler.trends import Trends, trends
from adaptive_scheduler.vigilance import Standing
from tests.builders import (
    NOW,
    ago,
    ended,
    event,
    fleet,
    footprint,
    live,
    mine,
    minutes,
    node,
    sample,
    state,
    task,
    tasks,
)
from tests.console import Stream, environment, streams

EVIL = "[red]x[/red] :smile: \x1b[31mred\x1b]0;title\x07 \x9b2J\r\x00 \u202eend"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
ENCODINGS = ["utf-8", "cp949", "ascii", "cp1252"]


def shown(body: Any, *, columns: int = 80, encoding: str = "utf-8", terminal: bool = False, **environ: str) -> str:
    """Return what a function prints on such a console."""
    out = Stream(encoding, terminal=terminal)
    out.reconfigure(errors="replace")
    with environment({"COLUMNS": str(columns), "TERM": "xterm-256color", **environ}), streams(out, out):
        body()
    return out.text


def decision(name: str, code: Code = Code.NOT_DUE, reason: str = "due in 5 min", **more: Any) -> Decision:
    return Decision(name, code, reason, NOW + minutes(5), interval=minutes(10), **more)


def view(*names: str, cause: str = "", notes: tuple[str, ...] = (), status: Status = Status.OK) -> Overview:
    wanted = tasks(*(task(name) for name in names))
    config = Config(path="tasks.toml", state_dir="outputs", rules=Rules(), tasks=wanted)
    known = {name: mine(5, last=ended(5, status, cause=cause)) for name in names}
    samples = [sample(cpu) for cpu in (0, 50, None, 100)]
    look = {name: decision(name) for name in names}
    now_state = replace(state(**known), last_cycle_at=ago(5))
    return overview(config, now_state, look, replace(sample(), foreign_cpu=3.5), samples, NOW, notes)


def report(**more: Any) -> Report:
    decisions = [
        decision("health", Code.RUN, "it has never run"),
        decision("backup", Code.MEMORY_GATE, "memory 65 % is above 60 %"),
        decision("broken", Code.ERROR, "its run cannot be set up"),
    ]
    return Report(3, NOW, sample(18, 45.9), decisions, **more)


def row(**more: Any) -> dict[str, Any]:
    plain = {
        "started_at": "2025-11-02T22:25:00+00:00",
        "task": "job",
        "status": "ok",
        "duration_s": 1.25,
        "run_id": "20251102T222500Z-ab12",
    }
    return plain | more


def looked_back(name: str) -> Trends:
    """Return what is told of a task that ran once, beside another."""
    runs = [(one, replace(ended(6, duration_s=60.0), ended_at=ago(5))) for one in (name, "other")]
    return trends([sample()], runs, tasks(task(name)), NOW, minutes(5), lambda moment: moment)


def expected(name: str) -> Forecast:
    """Return what is told of a task that is held, in an hour of which much is known."""
    hours = [Hour(NOW, Expected(40.0, 30.0, 55.0))]
    held = Prospect(name, "classic", decision(name, Code.PAUSED, EVIL), runs=0, fewest=0, most=0)
    return Forecast(NOW, NOW + timedelta(hours=1), 28.0, "total", hours, [held], [EVIL])


def happened() -> None:
    """Print an event that names a process with such a name, and what it started."""
    culprit = event("cpu_spike", reason=f"{EVIL} uses 90 % CPU", source=EVIL, caused_by=EVIL)
    stands = Standing(EVIL, EVIL, Level.CALM, timedelta(0), True, NOW)
    happened_page.events([(culprit, [(EVIL, ended())])], [stands], NOW, [EVIL])


def simulated(page: Any) -> None:
    """Print a simulation of a task with such a name."""
    told: dict[str, Any] = {
        "runs": 1,
        "runs_per_day": 1.0,
        "mean_cpu_met": 1.0,
        "fixed_mean_cpu_met": 1.0,
        "foresight_mean_cpu": None,
    }
    told |= {"min_gap_s": None, "max_gap_s": None, "capture": None, "decisions": {"RUN": 1}}
    summary = {"policy": "seed", "days": 1.0, "from": NOW.isoformat(), "events": {EVIL: 2}}
    summary["tasks"] = {EVIL: told | {"policies": {"seed": told}}}
    page(summary, Config(path="", state_dir="", rules=Rules(), tasks=tasks(task(EVIL))))


def learned() -> None:
    """Print a lesson about a task with such a name."""
    one = {"task": EVIL, "interval_s": 600, "refused": EVIL, "backtest": None}
    lesson.lesson([one], 28.0, "", EVIL, None, switched_off=False)


PAGES: dict[str, Any] = {
    "events": happened,
    "replayed": lambda: happened_page.replayed([event("cpu_spike", reason=EVIL)], ago(600), NOW, EVIL),
    "simulate": lambda: simulated(render.simulation),
    "comparison": lambda: simulated(render.comparison),
    "learn": learned,
    "no lesson": lambda: lesson.lesson([], 1.0, EVIL, "", NOW, switched_off=False),
    "cluster status": lambda: machines.cluster(EVIL, fleet(node(EVIL, labels=frozenset([EVIL]), unusable=EVIL))),
    "nodes": lambda: render.why(decision("job"), NOW, task(), nodes={EVIL: EVIL}),
    "status": lambda: render.status(view("job", cause=EVIL, notes=(EVIL,), status=Status.FAILED)),
    "run": lambda: render.report(report(runs=[("job", ended(1, Status.FAILED, cause=EVIL))]), [EVIL]),
    "why": lambda: render.why(decision("job", Code.ERROR, EVIL, blocker=EVIL), NOW, task()),
    "history": lambda: render.history([row(status="failed", cause=EVIL)], NOW),
    "check": lambda: render.findings([Finding("error", EVIL, EVIL, EVIL)], EVIL),
    "trends": lambda: days.trends(looked_back(EVIL), Rhythm()),
    "forecast": lambda: ahead.forecast(expected(EVIL), [EVIL]),
    "fine check": lambda: render.findings([], EVIL),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_others_wrote_is_shown_and_never_obeyed(page: str, columns: int, encoding: str) -> None:
    plain = shown(PAGES[page], columns=columns, encoding=encoding)
    assert [letter for letter in plain if not letter.isprintable() and letter != "\n"] == []
    assert "[red]x[/red]" in "".join(plain.split())
    folds = page not in ("check", "fine check")  # those lines stay whole, so that they can be copied
    assert not folds or max(cell_len(line.rstrip()) for line in plain.splitlines()) <= columns
    coloured = shown(PAGES[page], columns=columns, encoding=encoding, terminal=True)
    assert ESCAPE.search(coloured)
    assert [letter for letter in ESCAPE.sub("", coloured) if not letter.isprintable() and letter != "\n"] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_color_means_no_colour_on_a_terminal(page: str) -> None:
    plain = shown(PAGES[page], terminal=True, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])m", plain)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_korean_names_are_aligned(encoding: str) -> None:
    names = ["상태_점검", "backup", "일"]
    lines = shown(lambda: render.status(view(*names)), encoding=encoding).splitlines()
    rows = [line for line in lines if line.startswith(tuple(names))]
    assert len(rows) == 3
    assert len({cell_len(line.partition("ok, 5 min ago")[0]) for line in rows}) == 1


def test_a_very_long_name_is_folded_and_loses_no_letter() -> None:
    name = "n" * 64
    page = shown(lambda: render.status(view(name)))
    assert page.count("n" * 10) >= 1
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_long_names_in_a_wide_alphabet_cost_the_reasons_no_letter(columns: int) -> None:
    """They did: a column with a minimum made the table wider than the terminal, and its right end was cut off."""
    names = ["상태_점검_아주_긴_한국어_작업_이름_입니다_확인용으로", "n" * 64, "일"]

    def letters(columns: int) -> list[str]:
        lines = shown(lambda: render.status(view(*names)), columns=columns).splitlines()
        assert max(map(cell_len, lines)) <= columns
        return sorted("".join(lines).replace(" ", ""))

    assert letters(columns) == letters(500)


@pytest.mark.parametrize(
    ("encoding", "row"),
    [("utf-8", "▁▅ █"), ("cp949", "_= #"), ("ascii", "_= #"), ("no-such-encoding", "_= #")],
)
def test_the_sparkline_falls_back_where_the_blocks_cannot_be_said(encoding: str, row: str) -> None:
    assert terminal.sparkline([sample(cpu) for cpu in (0, 50, None, 100)], encoding) == row


@pytest.mark.parametrize("columns", [50, 69, 70, 71, 76, 80, 81, 100, 120, 200])
def test_no_word_of_a_reason_is_cut_off_at_any_width(columns: int) -> None:
    """A first column that insisted on its width made the table wider than the console, which cut the last one."""
    seen = view("performance_analysis", "일일_점검_작업")
    told = [
        replace(one, decision=replace(one.decision, reason="waits for memory_leak 7 min 58 s")) for one in seen.tasks
    ]
    page = shown(lambda: render.status(replace(seen, tasks=told)), columns=columns)
    text = "".join(page.split())
    assert text.count("memory_leak") == 2 or columns < 60
    rows = page[page.index("Now") :]
    assert all(word in "".join(rows.split()) for word in ("NOT_DUE", "waits", "58s"))


def test_status_answers_first_and_in_words() -> None:
    lines = shown(lambda: render.status(view("a", "b"))).splitlines()
    assert lines[0].rstrip() == "Everything is fine: 2 tasks, cycle 1."
    assert lines[1].rstrip() == "CPU 50 %  memory 40 %  not ours 3.5 %  ▁▅ █"
    assert lines[2].rstrip() == "last cycle 5 min ago; tasks.toml"


def test_problems_stand_where_fine_would_stand() -> None:
    text = shown(lambda: render.status(view("job", status=Status.FAILED, cause="exit code 3")))
    assert text.splitlines()[0].rstrip() == "Not everything is fine: 1 problem."
    assert text.splitlines()[1].startswith("'job' is failing (failed: exit code 3)")
    assert "Everything is fine" not in text


def test_every_state_of_a_task_has_its_words() -> None:
    base = view("job")
    one = base.tasks[0]
    assert page._last(replace(one, live=live(3)), NOW).plain == "running, 3 min"
    assert page._last(replace(one, live=live(-3)), NOW).plain == "running, 0 s"
    assert page._last(replace(one, last=None), NOW).plain == "never"
    assert page._every(one) == "10m, really 10m" or page._every(one) == "10m"
    assert page._every(replace(one, adaptive_interval=minutes(8), effective_interval=minutes(10))) == (
        "8m (10m), really 10m"
    )


def test_a_cycle_shows_decisions_results_and_what_lives_on() -> None:
    done = report(runs=[("health", ended(1, duration_s=12.0))], live={"long": live(3)})
    text = shown(lambda: render.report(done, []), columns=200)
    assert text.startswith("Cycle 3: CPU 18 %, memory 45.9 %")
    assert re.search(r"health +RUN +it has never run +-", text)
    assert re.search(r"backup +MEMORY_GATE +memory 65 % is above 60 % +22:35", text)
    assert "health: ok after 12 s\n" in text
    assert "long: still running since 22:27; a later cycle collects it" in text
    dry = shown(lambda: render.report(replace(done, dry_run=True), []), columns=200)
    assert dry.startswith("Dry run, nothing is changed: ")
    assert "still running" not in dry


def test_past_runs_are_a_table() -> None:
    rows = [row(cpu_s=0.5, peak_memory_bytes=12_400_000), row(status="warning", cause="exit code 10", duration_s=None)]
    text = shown(lambda: render.history(rows, NOW), columns=200)
    assert re.search(r"22:25 +job +ok +1\.2 s +0\.5 s +12 MB +ab12", text)
    assert re.search(r"22:25 +job +warning: exit code 10 +- +- +- +ab12", text)
    assert shown(lambda: render.history([], NOW)) == "no runs yet\n"


@pytest.mark.parametrize(("count", "words"), [(1, "1 error"), (2, "2 errors")])
def test_findings_are_counted(count: int, words: str) -> None:
    found = [Finding("error", "tasks.a", "bad", "mend it")] * count + [Finding("info", "", "good to know")]
    lines = shown(lambda: render.findings(found, "tasks.toml")).splitlines()
    assert lines[:2] == ["error: tasks.a: bad", "  mend it"]
    assert lines[-2:] == ["info: good to know", words]


def test_why_shows_the_numbers_in_their_units() -> None:
    one = decision(
        "job", Code.MEMORY_GATE, "memory 65 % is above 60 %", value=65, limit=60, unit="percent", blocker="b"
    )
    text = shown(lambda: render.why(one, NOW, task()))
    for words in (
        "measured       65 %",
        "limit          60 %",
        "blocked by     b",
        "(in 5 min)",
        "base interval  10 min",
    ):
        assert words in text
    slots = decision("job", Code.NO_SLOT, "full", value=2, limit=2, unit="runs")
    assert "measured       2 runs" in shown(lambda: render.why(slots, NOW, task()))
    timed = replace(decision("job", value=61, limit=600, unit="seconds"), next_look=None)
    text = shown(lambda: render.why(timed, NOW, task()))
    assert "measured       1 min 1 s" in text
    assert "next look" not in text


def test_why_shows_what_runs_take_and_how_long_they_may_last() -> None:
    need = decision("job", Code.MEMORY_NEED, "needs 1.5 GB", value=3e8, limit=1.5e9, unit="bytes")
    text = shown(lambda: render.why(need, NOW, task(), footprint(*[(30, 1500)] * 18)))
    for words in (
        "measured       300 MB",
        "limit          1.5 GB",
        "may last       10 min (learned from 18 runs)",
        "usual run      30 s; 9 of 10 within 30 s and 1.5 GB of memory",
    ):
        assert words in text
    assert "usual run      1 min; 9 of 10 within 1 min" in shown(
        lambda: render.why(need, NOW, task(), footprint(*[(60, None)] * 9))
    )
    fresh = shown(lambda: render.why(need, NOW, task(), ""))
    assert "may last       1 h (the default)" in fresh
    assert "usual run" not in fresh
    assert "may last" not in shown(lambda: render.why(need, NOW, task()))


def test_what_was_unusual_stands_behind_the_result() -> None:
    odd = "took 3 min, usually 20 to 40 s"
    text = shown(lambda: render.history([row(unusual=odd), row()], NOW), columns=200)
    assert text.count(f"ok; {odd}") == 1
    wanted = tasks(task("job"))
    config = Config(path="tasks.toml", state_dir="outputs", rules=Rules(), tasks=wanted)
    known = replace(state(job=mine(5, last=ended(5, unusual=odd))), last_cycle_at=ago(5))
    page = overview(config, known, {"job": decision("job")}, sample(), [], NOW)
    assert page.ok
    assert f"ok, 5 min ago; {odd}" in shown(lambda: render.status(page), columns=200)


@pytest.mark.parametrize(
    ("away", "words", "clock"),
    [
        (None, "-", "-"),
        (timedelta(seconds=0.5), "now", "22:30"),
        (minutes(-3), "3 min ago", "22:27"),
        (minutes(120), "in 2 h", "11-03 00:30"),
    ],
)
def test_times_are_local_and_relative(away: timedelta | None, words: str, clock: str) -> None:
    moment = None if away is None else NOW + away
    assert render.relative(moment, NOW) == words
    assert render.clock_time(moment, NOW) == clock


def test_live_lines_and_the_bar_stand_on_stderr_and_go_away() -> None:
    def work() -> None:
        with terminal.LiveWatcher() as watcher:
            watcher.started(decision("상태", Code.RUN))
            watcher._progress.refresh()
            watcher.ended("상태", ended())
            watcher.ended("unknown", ended())
        with terminal.progress("simulating", 2) as advance:
            advance()
            advance()

    for encoding in ENCODINGS:
        assert ESCAPE.search(shown(work, encoding=encoding, terminal=True))
    assert "상태" in shown(work, terminal=True)


def test_pages_replace_one_another() -> None:
    def work() -> None:
        with terminal.screen() as show:
            show(render.overview_page(view("job")))
            show(render.overview_page(view("job")))

    assert "Everything is fine" in shown(work, terminal=True)


def test_a_simulation_is_a_table() -> None:
    told: dict[str, Any] = {"runs": 180, "runs_per_day": 180.0, "mean_cpu_met": 17.0, "fixed_mean_cpu_met": 18.0}
    told |= {"min_gap_s": 300, "max_gap_s": 600, "decisions": {"RUN": 180}}
    none = told | {"runs": 0, "min_gap_s": None, "max_gap_s": None, "mean_cpu_met": None}
    summary = {"policy": "seed", "days": 1.0, "tasks": {"job": told, "idle": none}, "events": {}}
    config = Config(path="", state_dir="", rules=Rules(), tasks=tasks(task(), task("idle")))
    text = shown(lambda: render.simulation(summary, config), columns=200)
    assert "Events" not in text
    summary["events"] = {"cpu_spike": 3, "memory_leak": 1}
    with_events = shown(lambda: render.simulation(summary, config), columns=200)
    assert "Events that some task waits for: cpu_spike 3 times, memory_leak once." in with_events
    assert re.search(r"job +10m +180 +180\.0 +17 % +18 % +5\.\.10 min +RUN 180", text)
    assert re.search(r"idle +10m +0 +180\.0 +unknown +18 % +- +RUN 180", text)
