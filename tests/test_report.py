"""The page of `report`: what it tells of a machine, what it says where little is known, and that no text is obeyed."""

import base64
import hashlib
import json
import re
import struct
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from math import expm1, inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.codes import Code
from adaptive_scheduler.events import Culprit, Event
from adaptive_scheduler.model import Status
from adaptive_scheduler.overlaps import Pair, Slowdown
from adaptive_scheduler.report import ceilings, markup, packed, summary, tables
from adaptive_scheduler.report import curves as drawn
from adaptive_scheduler.report import tasks as tasks_page
from adaptive_scheduler.report.book import HELD_WHEN_DUE, TOLD, Held, Started
from adaptive_scheduler.report.document import Kit
from adaptive_scheduler.rhythm import PLAIN, adaptive_interval, classic
from adaptive_scheduler.settings import Rhythm
from tests import tables as tables_of
from tests.builders import NOW, ago, ended, event, footprint, minutes, task
from tests.reports import KIT, book, full, learning, lesson, page, runs, samples

EVIL = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script> \x1b[31mred\x00 \u2028 \u202eend \ud800"


class Reader(HTMLParser):
    """All elements with their attributes, and the text between them; it complains of an element left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.text += f" {data}"

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def read(text: str) -> Reader:
    return Reader(text)


def data(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


def cells(text: str, kind: str = "H") -> list[int]:
    raw = base64.b64decode(text)
    return list(struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw))


def moments(packed_moments: dict[str, Any]) -> list[int]:
    """What lod.js makes of moments."""
    jumps, at, found = dict(packed_moments["jumps"]), 0, []
    for number, step in enumerate(cells(packed_moments["steps"])):
        at += step + jumps.get(number, 0)
        found.append(at)
    return found


# -- the page ------------------------------------------------------------------------------------------


def test_the_page_is_one_whole_document_with_its_landmarks() -> None:
    seen = read(page(full()))
    names = [name for name, _ in seen.elements]
    assert [names.count(name) for name in ("html", "h1", "header", "nav", "main", "footer")] == [1] * 6
    assert seen.all("html") == [{"lang": "en"}]
    assert [one["id"] for one in seen.all("section") if one.get("class") != "task"] == [
        *("time", "tasks", "week", "learned", "events", "pairs")
    ]
    idents = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(idents) == len(set(idents))
    assert {str(one["href"]).removeprefix("#") for one in seen.all("a")} <= set(idents)
    assert {one["for"] for one in seen.all("label")} <= set(idents)


def test_every_chart_says_in_words_what_it_shows() -> None:
    charts = [one for one in read(page(full())).all("div") if one.get("class") == "chart"]
    assert [one["id"] for one in charts] == ["timeline", "task-chart", "week-chart", "ceiling-chart"]
    assert all(one["role"] == "img" and len(str(one["aria-label"])) > 60 for one in charts)


def test_nothing_is_loaded_and_only_the_scripts_of_the_page_may_run() -> None:
    text = page(full())
    seen = read(text)
    assert [one for _, one in seen.elements if "src" in one or str(one.get("href", "#"))[0] != "#"] == []
    policy = next(one["content"] for one in seen.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    told = dict(part.split(" ", 1) for part in policy.split("; "))
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (KIT.plotly, KIT.script)]
    assert told.pop("script-src") == " ".join(f"'sha256-{one}'" for one in digests)
    assert told == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert text.index("Content-Security-Policy") < text.index("<style>")


@pytest.mark.parametrize("harm", ["</script>", "</SCRIPT >", "<!-- ", "a\r\nb", "a\0b"], ids=repr)
def test_a_script_that_a_page_cannot_hold_is_refused(harm: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a page"):
        page(full(), Kit(KIT.plotly, harm, KIT.style))


def test_without_any_history_every_section_says_so() -> None:
    seen = read(page(book()))
    for sentence in (
        "No samples and no runs in this time",
        "There are no tasks in tasks.toml, and none ran.",
        "No samples in this time.",
        "Nothing out of the ordinary was noticed",
        "No two tasks ran at the same time.",
    ):
        assert sentence in seen.text
    assert [one["id"] for one in seen.all("div") if one.get("class") == "chart"] == []
    assert "task-chart" not in page(book(task()))
    assert "learned" not in [one.get("id") for one in seen.all("section")]


def test_a_machine_whose_cpu_is_unknown_has_a_page_that_says_unknown() -> None:
    text = page(book(task(), seen=samples(2, None)))
    assert "unknown" in read(text).text
    told = data(text)
    assert set(cells(told["samples"]["cpu"])) == {packed.UNKNOWN}
    assert set(told["week"]["cpu"]) == {None}


def test_less_than_two_weeks_are_called_a_glimpse() -> None:
    assert "Known days: 2. That is a glimpse" in read(page(book(task(), seen=samples(30)))).text
    assert "a glimpse" not in read(page(book(task(), seen=samples(15 * 24)))).text


# -- texts of others -----------------------------------------------------------------------------------


def test_what_others_wrote_is_shown_and_never_obeyed() -> None:
    culprit = Culprit(name=EVIL, pid=7, created=0.0, rss=5_000_000, processes=3, cpu_percent=60.0)
    happened = [(event(EVIL, 60, reason=EVIL, source=EVIL, culprit=culprit, caused_by=EVIL), [(EVIL, ended(5))])]
    ran = [(name, replace(run, cause=EVIL, unusual=EVIL, run_id=EVIL)) for name, run in runs(EVIL, 9, n3=Status.FAILED)]
    learned = learning(lesson(EVIL, EVIL))
    wanted = task(EVIL, description=EVIL)
    one = book(wanted, seen=samples(3), ran=ran, happened=happened, learning=learned, machine=EVIL, notes=(EVIL,))
    text = page(one)
    calm = page(
        book(task(), seen=samples(3), ran=runs("job", 9), happened=[(event(), [])], learning=learning(lesson("job")))
    )
    seen = read(text)
    assert {name for name, _ in seen.elements} <= {name for name, _ in read(calm).elements} | {"small"}
    assert not [key for _, attributes in seen.elements for key in attributes if key.startswith("on")]
    assert len(seen.all("script")) == 3
    assert seen.text.count("<img src=x onerror=alert(1)>") >= 8
    assert not set("\x1b\x00\u2028\u202e\ud800") & set(text)
    assert data(text)["tasks"][0]["name"].startswith("<img src=x")
    assert text.encode()


def test_long_texts_are_cut() -> None:
    assert markup.plain("x" * 10_000) == "x" * 600 + "..."
    assert markup.named("n" * 81) == "n" * 80 + "..."
    assert markup.plain("x" * 600) == "x" * 600
    assert markup.plain("x " * 2000, 4) == "x x..."


@given(st.text(), st.text())
def test_no_text_ends_its_element_or_its_attribute(text: str, value: str) -> None:
    made = markup.tag("p", text, title=value)
    seen = read(made)
    assert seen.elements[0][0] == "p"
    assert len(seen.elements) == 1
    assert list(seen.elements[0][1]) == ["title"]


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_data_come_back_as_they_were_and_can_end_no_script(value: Any) -> None:
    written = markup.data(value)
    assert json.loads(written) == value
    assert written.isascii()
    assert not set("<>&") & set(written)


def test_attributes_that_are_off_are_left_out() -> None:
    assert markup.tag("p", hidden=True, title=None, lang=False, class_="a") == '<p hidden class="a"></p>'
    assert markup.tag("p", tabindex=0) == '<p tabindex="0"></p>'
    assert markup.tag("meta", charset="utf-8") == '<meta charset="utf-8">'


# -- numbers -------------------------------------------------------------------------------------------


@given(st.lists(st.none() | st.floats(-5, 200)))
def test_percentages_are_kept_to_a_hundredth(values: list[float | None]) -> None:
    for value, cell in zip(values, cells(packed.percents(values)), strict=True):
        assert cell == packed.UNKNOWN if value is None else abs(cell / 100 - max(0.0, value)) <= 0.0051


@given(st.lists(st.integers(0, 10**7)).map(sorted))
def test_moments_come_back_however_far_apart(values: list[int]) -> None:
    assert moments(packed.moments(values)) == values


@given(st.lists(st.floats(0, 1e8)))
def test_durations_are_right_to_a_part_in_two_thousand(values: list[float]) -> None:
    for value, cell in zip(values, cells(packed.durations(values)), strict=True):
        assert expm1(cell / packed.PER_E) == pytest.approx(value, rel=5e-4, abs=5e-4)


def test_a_duration_that_makes_no_sense_is_none_or_the_longest() -> None:
    assert cells(packed.durations([-1.0, inf, float("nan")])) == [0, packed.MOST, 0]


def test_columns_are_the_same_on_a_machine_of_the_other_byte_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    assert base64.b64decode(packed.column("H", [1])) == (b"\x00\x01" if sys.byteorder == "little" else b"\x01\x00")


@given(st.lists(st.none() | st.floats(0, 100)))
def test_the_steps_are_those_of_the_law(cpus: list[float | None]) -> None:
    stairs = classic(Rhythm())
    for cpu, step in zip(cpus, drawn.steps(cpus, stairs), strict=True):
        assert stairs[step].age * minutes(10) == adaptive_interval(minutes(10), stairs, cpu)
    assert list(drawn.steps([5.0], PLAIN[:1])) == [0]


def test_the_runs_of_a_task_are_those_of_the_history() -> None:
    ran = runs("job", 8, n2=Status.FAILED)
    ran[5] = ("job", replace(ran[5][1], unusual="took 9 s, usually 5 s"))
    told = data(page(book(task(), seen=samples(3), ran=ran)))
    (job,) = told["tasks"]
    begin = datetime.fromtimestamp(told["begin"], UTC)
    assert [begin + timedelta(seconds=at) for at in moments(job["at"])] == [run.started_at for _, run in ran]
    assert [round(expm1(cell / packed.PER_E), 1) for cell in cells(job["seconds"])] == [
        run.duration_s for _, run in ran
    ]
    failed = told["statuses"].index("failed")
    assert job["odd"] == [[2, failed, 0, "exit code 3"], [5, 0, 1, "took 9 s, usually 5 s"]]
    assert (job["interval"], job["ages"], job["rhythm"]) == (600.0, [0.8, 1.0, 1.5], "classic")


def test_the_band_is_that_of_the_last_twenty_successful_runs() -> None:
    ran = [run for _, run in runs("job", 40, n39=Status.FAILED)]
    (*_, (last, low, high)) = drawn.band(ran)
    assert last is ran[38]
    assert (low, high) == (5.0, 7.0)
    assert list(drawn.band(ran[:4])) == []
    assert len(list(drawn.band(ran * 50))) <= drawn.BAND_POINTS + 60


def test_only_so_many_causes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "NOTES", 1)
    ran = runs("job", 6, n1=Status.FAILED, n4=Status.FAILED)
    (job,) = data(page(book(task(), ran=ran)))["tasks"]
    assert [note for _, _, _, note in job["odd"]] == ["", "exit code 3"]


def test_of_too_many_tasks_those_have_a_row_that_failed_most_then_those_that_ran_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawn, "MOST_ROWS", 2)
    ran = [*runs("short", 3, 1), *runs("long", 3, 90), *runs("failed", 3, 1, n0=Status.FAILED)]
    one = book(task("short"), task("long"), task("failed"), ran=ran)
    assert drawn.rows(one) == [1, 2]
    assert "Of 3 tasks the 2 have a row that failed most" in page(one)
    monkeypatch.undo()
    assert drawn.rows(one) == [0, 1, 2]
    assert "have a row" not in page(one)


@pytest.mark.parametrize(
    ("one", "ages", "interval"),
    [
        (task("a"), [0.8, 1.0, 1.5], 600.0),
        (task("a", adaptive=False), [1.0, 1.0, 1.0], 600.0),
        (task("a", None), [], None),
    ],
    ids=["adaptive", "plain", "events"],
)
def test_the_ages_are_those_of_the_rhythm_of_a_task(one: Any, ages: list[float], interval: float | None) -> None:
    (told,) = data(page(book(one)))["tasks"]
    assert (told["ages"], told["interval"]) == (ages, interval)


# -- the head ------------------------------------------------------------------------------------------


def test_the_first_line_says_that_everything_is_fine_or_what_is_not() -> None:
    fine = book(task(), last=Status.OK)
    assert "Everything is fine." in read(summary.header(fine)).text
    one = read(summary.header(book(task(), last=Status.FAILED))).text
    assert "One thing needs attention:" in one
    assert "'job' is failing (failed: exit code 3)" in one
    assert "2 things need attention:" in read(summary.header(book(task(), task("b"), last=Status.FAILED))).text


def test_more_problems_than_can_be_read_at_once_are_folded_away() -> None:
    many = book(*(task(f"job{number}") for number in range(10)), last=Status.FAILED)
    seen = read(summary.header(many))
    assert "10 things need attention:" in seen.text
    assert "and 2 more" in seen.text
    assert len(seen.all("details")) == 1
    assert len(seen.all("li")) == 10


def test_the_figures_sum_the_time_up() -> None:
    held = {"job": [Held(Code.CPU_CEILING, 1, 6), Held(Code.NOT_DUE, 9, 900), Held(Code.PAUSED, 1, 50)]}
    one = book(task(), seen=samples(24), ran=runs("job", 100, n1=Status.FAILED), held=held, days=1)
    told = {name: (value, note) for name, value, note in summary.figures(one)}
    assert told["Runs"] == ("100", "100 a day")
    assert told["Failures"] == ("1", "1.0 % of them")
    assert told["CPU, mean"] == ("30 %", "100 % of the time measured")
    assert (told["CPU, not ours"][0], told["Memory, mean"][0], told["Held back"][0]) == ("15 %", "40 %", "30 min")
    assert "the last 1 day" in read(summary.header(one)).text


def test_times_are_told_with_their_zone_and_a_change_of_the_clocks() -> None:
    seoul = timezone(timedelta(hours=9))
    one = book(task(), seen=samples(48), now=NOW.astimezone(seoul))
    assert summary.clocks(one) == "Times are UTC+09:00."
    assert data(page(one))["offset"] == 9 * 3600

    def summer(moment: datetime) -> datetime:
        return moment.astimezone(timezone(timedelta(hours=1 if moment < ago(24 * 60) else 0)))

    assert "Local clocks were changed in between" in summary.clocks(book(task(), seen=samples(48), local=summer))


# -- tables --------------------------------------------------------------------------------------------


def test_every_task_has_a_row_and_its_facts_also_one_that_is_gone() -> None:
    seen = read(page(full()))
    assert [one["aria-label"] for one in seen.all("section") if one.get("class") == "task"] == [
        *("Task check", "Task backup", "Task alarm", "Task gone")
    ]
    for words in ("not in tasks.toml any more", "Is it well?", "on events", "CPU_CEILING"):
        assert words in seen.text
    assert "exit code 3 (run check-9)" in seen.text


def test_a_failure_without_a_cause_is_told_by_its_exit_code() -> None:
    ran = runs("job", 2, n1=Status.FAILED)
    for exit_code, words in ((7, "failed: exit code 7"), (None, "failed: -")):
        bare = [("job", replace(run, cause="", exit_code=exit_code)) for _, run in ran]
        assert words in read(tasks_page.facts(book(task(), ran=bare))).text


def test_a_task_that_never_ran_says_so() -> None:
    assert "never ran" in read(tasks_page.overview(book(task()))).text
    told = read(tasks_page.facts(book(task()))).text
    for words in ("none in this time", "Nothing held it back", "No runs in this time."):
        assert words in told


def test_how_long_a_task_usually_takes_is_told_as_the_scheduler_knows_it() -> None:
    told = read(tasks_page.facts(book(task(), footprint=footprint(*[(12.0, 50.0)] * 9, (75.0, 50.0))))).text
    assert "12 s, 9 of 10 runs up to 12 s (last 10 runs)" in told
    assert "10 min (learned from 10 runs)" in told


def test_what_held_a_task_back_is_told_longest_first_with_its_meaning() -> None:
    held = {"job": [Held(Code.CPU_CEILING, 2, 3), Held(Code.MEMORY_GATE, 1, 24), Held(Code.NOT_DUE, 5, 99)]}
    told = read(tasks_page.facts(book(task(), held=held))).text
    assert told.index("MEMORY_GATE") < told.index("CPU_CEILING")
    assert "2 h" in told
    assert "NOT_DUE: due" in told
    assert "Memory use is above the limit" in told
    assert "Its adaptive interval has not passed" not in told


def test_the_reasons_told_are_all_that_refuse_but_those_of_every_day() -> None:
    every_day = {Code.NOT_DUE, Code.RUNNING}
    assert set(TOLD) == {one for one in Code if not one.starts} - every_day
    assert set(HELD_WHEN_DUE) < set(TOLD)


def test_the_days_are_told_newest_first() -> None:
    one = book(task(), seen=samples(48), ran=runs("job", 3, n1=Status.FAILED))
    told = read(tables.days(one)).text
    assert told.index("2025-11-02") < told.index("2025-11-01")
    alone = book(task(), ran=runs("job", 1))
    assert "unknown" in read(tables.days(alone)).text


def test_the_week_shows_each_hour_and_leaves_unknown_ones_open() -> None:
    told = read(tables.week(book(task(), seen=samples(2)))).text.split()
    assert told.count("-") == 7 * 24 - told.count("30")
    assert told.count("30") == 3


def test_more_events_than_a_table_holds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_EVENTS", 1)
    happened: list[tuple[Event, Started]] = [(event("cpu_spike", number), []) for number in range(3)]
    assert "and 2 older events more" in read(tables.events(book(happened=happened))).text
    assert "and 1 older event more" in read(tables.events(book(happened=happened[:2]))).text


def test_an_event_names_its_culprit_and_what_it_started() -> None:
    lone = Culprit(name="leaker", pid=7, created=0.0)
    happened = [(event(culprit=lone), [("job", ended(1, Status.FAILED))])]
    told = " ".join(read(tables.events(book(happened=happened))).text.split())
    assert "leaker (pid 7)" in told
    assert "job failed" in told


def test_pairs_are_told_with_what_they_cost_and_the_heavy_ones_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    heavy = Pair("a", "b", 9, 90.0, (Slowdown(9, 9, 1.5, 4.0), Slowdown(9, 9)), 12.0, "io")
    rare = Pair("a", "c", 1, 9.0, (Slowdown(1, 9), Slowdown(1, 9)))
    often = Pair("b", "c", 9, 9.0, (Slowdown(9, 9, 1.0), Slowdown(9, 9)))
    one = book()
    one = replace(one, trends=replace(one.trends, pairs=[heavy, rare, often]))
    told = read(tables.pairs(one)).text
    for words in ("a and b", "1.50 x", "+12 points (io)", "heavy", "too few to say", "no harm seen"):
        assert words in told
    monkeypatch.setattr(tables, "MOST_PAIRS", 1)
    assert "and 2 pairs more" in read(tables.pairs(one)).text


# -- what was learned ----------------------------------------------------------------------------------


def test_a_lesson_tells_what_it_gained_and_whether_it_holds() -> None:
    learned = learning(
        lesson("a"), lesson("b", "no better"), lesson("c", learned=None, runs=None), a=tables_of.table(60)
    )
    one = book(task("a", 60), task("b", 60), task("c", 60), learning=learned)
    told = read(page(one)).text
    for words in ("Learned 1 d ago from 28 days", "+10.5 points", "in force", "no better", "not in force"):
        assert words in told


def test_the_ceilings_are_told_as_a_table_every_third_hour() -> None:
    rule = lambda slot, age, level: slot // 36 % 6  # noqa: E731
    learned = learning(lesson("a"), a=tables_of.table(60, rule))
    told = " ".join(read(tables.learned(book(task("a", 60), learning=learned))).text.split())
    assert told.endswith("a 1.42 never 30 % 40 % 50 % 60 % any never 30 %")
    assert told.count("never") == 6


def test_lessons_that_do_not_hold_have_no_map() -> None:
    seen = read(page(book(task("a", 60), learning=learning(lesson("a", "no better")))))
    assert "ceiling-chart" not in [one.get("id") for one in seen.all("div")]
    assert "no better" in seen.text


def test_a_map_has_the_ceilings_of_the_table() -> None:
    rule = lambda slot, age, level: (slot // 12) % 6  # noqa: E731
    one = tables_of.table(60, rule)
    found = tables_of.learned(one, 20.0, level=50.0)
    rows = ceilings.ceilings(found)
    assert ceilings.ages(one)[0] == pytest.approx(0.833, abs=0.001)
    assert len(rows) == one.ages
    assert {len(row) for row in rows} == {96}
    assert sorted(set(rows[-1])) == [ceilings.NEVER, 30, 40, 50, 60, ceilings.ALWAYS]
    (told,) = ceilings.maps(learning(lesson("a"), a=one))
    assert cells(told["z"], "B") == [value for row in ceilings.ceilings(tables_of.learned(one, 20.0)) for value in row]
