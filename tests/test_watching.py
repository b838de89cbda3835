"""What one cycle says of what was measured: signal by signal, with our own load told apart."""

from dataclasses import replace
from datetime import timedelta, timezone
from functools import cache
from typing import Any

import pytest

from adaptive_scheduler.absence import NOT_CALLED, Absence
from adaptive_scheduler.baseline import CPU, LATENCY, MEMORY, Baseline
from adaptive_scheduler.events import Answer, Culprit, Level, Process, Watch
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.ownership import OwnLoad
from adaptive_scheduler.series import KEPT_DAYS, latency_of, percent_of
from adaptive_scheduler.sightings import Sighting
from adaptive_scheduler.watching import Facts, look, primed, remembered, remembered_latency
from tests.builders import NOW, minutes
from tests.sights import GIB, process, watches

TICK = minutes(5)
ROGUE = Culprit(name="rogue", pid=9, created=1.0, cpu_percent=70.0)
HEAVY = OwnLoad("r1", "a", 40.0, by_event=False)
LIGHT = OwnLoad("r2", "a", 1.0, by_event=True)


def wave(number: int) -> float:
    return number % 7


@cache
def three_days(tick: timedelta = TICK) -> Baseline:
    """What is usual after three calm days up to NOW: CPU about 10 %, memory 40 %, the probe 20 ms."""
    found = Baseline()
    count = timedelta(days=3) // tick
    for number in range(count):
        at = NOW - (count - 1 - number) * tick
        found = remembered(found, Sample(at, 10 + wave(number), 40 + wave(number) / 10), tick)
        found = remembered_latency(found, "db", Answer(at, 20 + wave(number)), tick)
    return primed(found, tick)


def facts(cpu: float | None = 12, memory: float | None = 40, after: float = 5, **more: Any) -> Facts:
    at = NOW + minutes(after)
    sample = Sample(at, cpu, memory, more.pop("foreign", None), total_bytes=10 * GIB)
    return Facts(at=at, sample=sample, **more)


def seen(
    now: Facts, baseline: Baseline | None = None, wanted: dict[str, Watch] | None = None, tick: timedelta = TICK
) -> dict[str, Sighting]:
    """What is said of one cycle, by the name of its latch."""
    _, found = look(baseline or three_days(), now, wanted or watches(), tick)
    return {one.key: one for one in found}


def excess(now: Facts, key: str, **more: Any) -> float:
    found = seen(now, **more)[key].excess
    assert found is not None
    return found


# -- CPU -------------------------------------------------------------------------------------------


def test_a_spike_is_seen_with_its_culprit_and_a_calm_step_is_none() -> None:
    spike = seen(facts(95, spender=ROGUE))["cpu_spike"]
    assert spike.excess is not None
    assert spike.excess > 1
    assert (spike.value, spike.culprit, spike.since) == (95.0, ROGUE, NOW)
    assert spike.learning == timedelta(0)
    assert excess(facts(12), "cpu_spike") < 1


def test_what_we_use_ourselves_is_no_spike() -> None:
    assert excess(facts(95, foreign=12), "cpu_spike") < 1
    assert excess(facts(95, foreign=90), "cpu_spike") > 1


@pytest.mark.parametrize(
    ("after", "is_mute"), [(5, True), (10, True), (13, True), (13.1, False), (20, False)], ids=lambda one: str(one)
)
def test_a_heavy_run_of_ours_mutes_spikes_while_it_runs_and_for_one_slot(after: float, is_mute: bool) -> None:
    during, found = look(three_days(), facts(95, own=HEAVY), watches(), TICK)
    assert [one.excess for one in found if one.name == "cpu_spike"] == [None]
    spike = seen(facts(95, after=after), during)["cpu_spike"]
    assert (spike.excess is None) is is_mute


def test_a_light_run_of_ours_mutes_nothing() -> None:
    assert excess(facts(95, foreign=94, own=LIGHT), "cpu_spike") > 1


def test_a_heavy_run_of_a_time_to_come_mutes_nothing() -> None:
    during, _ = look(three_days(), facts(12, own=HEAVY, after=60), watches(), TICK)
    assert seen(facts(95, after=5), during)["cpu_spike"].excess is not None


def test_muted_or_not_it_is_learned() -> None:
    for own in (None, HEAVY):
        after, _ = look(three_days(), facts(95, own=own), watches(), TICK)
        assert percent_of(after.signals[CPU].series.cells[-1]) == 95


def test_in_the_first_days_it_says_how_long_it_still_learns() -> None:
    assert seen(facts(95), Baseline())["cpu_spike"].learning > timedelta(days=1)


def test_what_was_not_measured_is_absent_and_nothing_is_said() -> None:
    after, found = look(three_days(), facts(None, None), watches(), TICK)
    assert {one.key: one.excess for one in found if one.name != "missed_cycles"} == {
        "cpu_spike": None,
        "memory_leak": None,
    }
    assert [after.signals[name].series.cells[-1] for name in (CPU, MEMORY)] == [0, 0]


def test_a_glimpse_after_a_gap_is_no_mean_over_a_tick() -> None:
    glimpse = facts(95)
    glimpse = replace(glimpse, sample=replace(glimpse.sample, source="short sample"))
    after, found = look(three_days(), glimpse, watches(), TICK)
    assert [one.excess for one in found if one.name == "cpu_spike"] == [None]
    assert after.signals[CPU].series.cells[-1] == 0
    assert percent_of(after.signals[MEMORY].series.cells[-1]) == 40
    assert remembered(Baseline(), glimpse.sample, TICK).signals.keys() == {MEMORY}


def test_a_step_that_has_hardly_begun_is_not_judged() -> None:
    tick, baseline, said = minutes(1), three_days(), []
    for number in range(1, 11):
        baseline, found = look(baseline, facts(95, after=number), watches(), tick)
        said.append(next(one.excess for one in found if one.name == "cpu_spike") is not None)
    assert said == [False, False, True, True, True] * 2


def test_at_a_tick_of_an_hour_each_cycle_is_judged() -> None:
    tick = minutes(60)
    late = facts(after=60, latencies={"db": Answer(NOW, 500.0)})
    assert excess(late, "high_latency:db", baseline=three_days(tick), tick=tick) > 1


# -- memory ----------------------------------------------------------------------------------------


def grown(baseline: Baseline, *processes: Process, count: int = 12, **more: Any) -> dict[str, Sighting]:
    """What is said after so many cycles in which these processes grow by 60 MiB each."""
    found: list[Sighting] = []
    for number in range(count):
        larger = [replace(one, rss=one.rss + number * (60 << 20)) for one in processes]
        now = facts(after=5 * (number + 1), processes=larger, **more)
        baseline, found = look(baseline, now, watches(), TICK)
    return {one.key: one for one in found}


def test_a_process_that_grows_is_named_and_the_total_keeps_silent() -> None:
    found = grown(three_days(), process(mib=500, run_id="r3"), process("calm", 8, mib=100))
    leak = found["memory_leak:leaker"]
    assert leak.excess is not None
    assert leak.excess > 1
    assert leak.culprit is not None
    assert (leak.culprit.pid, leak.culprit.run_id, leak.caused_by) == (7, "r3", "r3")
    assert found["memory_leak"].excess is None
    assert leak.learning == found["memory_leak"].learning == timedelta(0)


def test_of_two_of_one_name_the_worse_is_named() -> None:
    found = grown(three_days(), process(mib=500), process(pid=8, mib=100), memory=None)
    assert [key for key in found if key.startswith("memory_leak:")] == ["memory_leak:leaker"]
    worse = grown(three_days(), process(mib=500), process(pid=8, mib=100), count=13)
    culprit = worse["memory_leak:leaker"].culprit
    assert culprit is not None


def test_a_process_is_silent_too_while_the_total_is_learned() -> None:
    assert grown(Baseline(), process(mib=500))["memory_leak:leaker"].learning > timedelta(0)


def test_a_total_that_creeps_up_is_seen_and_blamed_on_who_grew_most() -> None:
    baseline, most, culprits = three_days(), 0.0, set()
    for number in range(72):
        # One process that grows in two jumps is no leak of its own, and the rest grows unseen.
        processes = [process("jumper", mib=500 + 200 * (number > 5) + 200 * (number > 40))]
        now = facts(memory=40 + number / 3, after=5 * (number + 1), processes=processes)
        baseline, found = look(baseline, now, watches(), TICK)
        (leak,) = [one for one in found if one.name == "memory_leak"]
        if (leak.excess or 0) > max(most, 1):
            most = leak.excess or 0
            culprits.add(leak.culprit.name if leak.culprit else "")
    assert most > 1
    assert culprits == {"jumper"}


# -- latency ---------------------------------------------------------------------------------------


def test_a_source_that_answers_late_is_seen() -> None:
    late = seen(facts(latencies={"db": Answer(NOW, 500.0)}))["high_latency:db"]
    assert late.excess is not None
    assert late.excess > 1
    assert late.value == pytest.approx(500, rel=1e-3)
    assert late.caused_by == ""
    assert excess(facts(latencies={"db": Answer(NOW, 22.0)}), "high_latency:db") < 1


def test_no_answer_counts_as_the_timeout() -> None:
    silent = Answer(NOW, None, "no answer within 5 s")
    late = seen(facts(latencies={"db": silent}, timeouts_ms={"db": 5000}))["high_latency:db"]
    assert late.excess is not None
    assert late.excess > 1
    assert late.value == pytest.approx(5000, rel=1e-3)
    assert "had no answer (no answer within 5 s)" in late.reason
    after, _ = look(three_days(), facts(latencies={"db": silent}, timeouts_ms={"db": 5000}), watches(), TICK)
    assert latency_of(after.signals[LATENCY + "db"].series.cells[-1]) == pytest.approx(5000, rel=1e-3)


def test_no_answer_of_a_source_without_a_timeout_says_nothing() -> None:
    assert seen(facts(latencies={"db": Answer(NOW, None)}))["high_latency:db"].excess is None


@pytest.mark.parametrize("own", [HEAVY, LIGHT], ids=["heavy", "by an event"])
def test_what_a_run_of_ours_may_have_slowed_down_is_its_doing(own: OwnLoad) -> None:
    assert seen(facts(latencies={"db": Answer(NOW, 500.0)}, own=own))["high_latency:db"].caused_by == own.run_id


def test_a_source_that_is_gone_for_long_is_forgotten() -> None:
    later = 60 * 24 * (KEPT_DAYS + 1)
    after, _ = look(three_days(), facts(after=later), watches(), TICK)
    assert set(after.signals) == {CPU, MEMORY}


# -- the rest --------------------------------------------------------------------------------------


def test_missed_cycles_are_told_once() -> None:
    missed = seen(facts(absence=Absence(95, NOW, NOT_CALLED)))["missed_cycles"]
    assert (missed.excess, missed.value) == (1.0, 95.0)
    assert seen(facts())["missed_cycles"].excess == 0.0


def test_a_gap_of_a_day_is_an_absence_and_no_value() -> None:
    day = 60 * 24
    after, found = look(three_days(), facts(90, 90, after=day), watches(), TICK)
    cells = after.signals[CPU].series.cells
    assert [cell for cell in cells[-287:-1] if cell] == []
    assert {one.key: one.excess for one in found if one.name == "cpu_spike"} == {"cpu_spike": None}


@pytest.mark.parametrize("by", [-60, -60 * 24, 60 * 24], ids=["an hour back", "a day back", "a day forward"])
def test_a_clock_that_was_set_breaks_nothing(by: float) -> None:
    baseline, most = three_days(), []
    for number in range(1, 40):
        now = facts(10 + wave(number), 40, after=by + 5 * number, latencies={"db": Answer(NOW, 22.0)})
        baseline, found = look(baseline, now, watches(), TICK)
        most += [one.excess for one in found if one.excess is not None]
    assert max(most) < 1


@pytest.mark.parametrize("shift", [-1, 1], ids=["summer time ends", "summer time begins"])
def test_the_nights_with_an_hour_more_or_less_fire_nothing_and_a_spike_in_them_is_seen(shift: int) -> None:
    zone, baseline, most = timezone(timedelta(hours=shift)), three_days(), []
    for number in range(1, 30):
        now = facts(10 + wave(number), after=5 * number, latencies={"db": Answer(NOW, 22.0)})
        baseline, found = look(baseline, replace(now, at=now.at.astimezone(zone)), watches(), TICK)
        most += [one.excess for one in found if one.excess is not None]
    assert max(most) < 1
    spike = facts(95, after=150)
    assert excess(replace(spike, at=spike.at.astimezone(zone)), "cpu_spike", baseline=baseline) > 1


@pytest.mark.parametrize("kind", ["cpu_spike", "memory_leak", "high_latency", "missed_cycles"])
def test_what_is_off_is_not_even_looked_at(kind: str) -> None:
    wanted = watches(**{kind: {"level": Level.OFF}})
    absent = Absence(95, NOW, NOT_CALLED)
    before = three_days()
    after, found = look(before, facts(latencies={"db": Answer(NOW, 500.0)}, absence=absent), wanted, TICK)
    assert kind not in {one.name for one in found}
    assert len({one.name for one in found}) == 3
    del wanted[kind]
    assert len(look(before, facts(latencies={"db": Answer(NOW, 5.0)}, absence=absent), wanted, TICK)[1]) == 3
    signal = {"cpu_spike": CPU, "memory_leak": MEMORY, "high_latency": LATENCY + "db"}.get(kind)
    assert signal is None or after.signals[signal] == before.signals[signal]


def test_keen_is_nearer_to_its_limit_than_calm() -> None:
    keen = watches(high_latency={"level": Level.KEEN})
    now = facts(latencies={"db": Answer(NOW, 60.0)})
    assert excess(now, "high_latency:db", wanted=keen) > excess(now, "high_latency:db")


# -- conditions of the user ------------------------------------------------------------------------


def own_watch(when: str, **more: Any) -> dict[str, Watch]:
    return watches(Watch(name="mine", when=when, **more))


def test_a_condition_looks_at_all_that_was_measured() -> None:
    latencies = {"disk": Answer(NOW, 7.0), "db": Answer(NOW, 30.0), "gone": Answer(NOW, None)}
    for when, expected in (
        ("cpu_load > 90", 1.0),
        ("disk_ms > 5 and probes.db > 25", 1.0),
        ("memory_usage > 85", 0.0),
        ("probes.gone > 1", None),
        ("probes.other > 1", None),
    ):
        assert seen(facts(95, latencies=latencies), wanted=own_watch(when))["mine"].excess == expected


def test_a_condition_that_is_off_is_not_asked() -> None:
    assert "mine" not in seen(facts(95), wanted=own_watch("cpu_load > 90", level=Level.OFF))


def test_a_condition_says_in_how_many_cycles_it_must_hold() -> None:
    found = seen(facts(95), wanted=own_watch("cpu_load > 90 for 12m"))["mine"]
    assert (found.cycles, found.calm.lasting) == (3, minutes(10))


@pytest.mark.parametrize(
    ("own", "when", "caused_by"),
    [
        pytest.param(HEAVY, "cpu_load > 90", "r1", id="without it there would be less"),
        pytest.param(HEAVY, "cpu_load > 50", "", id="without it there would be enough"),
        pytest.param(HEAVY, "memory_usage > 20", "", id="it has nothing to do with it"),
        pytest.param(LIGHT, "memory_usage > 20", "r2", id="an event started it"),
        pytest.param(None, "cpu_load > 90", "", id="nothing of ours"),
    ],
)
def test_what_holds_only_because_of_a_run_of_ours_is_its_doing(own: OwnLoad | None, when: str, caused_by: str) -> None:
    assert seen(facts(95, own=own), wanted=own_watch(when))["mine"].caused_by == caused_by


def test_a_load_that_is_not_known_is_nobodys_doing() -> None:
    found = seen(facts(None, own=HEAVY), wanted=own_watch("cpu_load > 90"))["mine"]
    assert (found.excess, found.caused_by) == (None, "")


def test_a_baseline_made_of_the_past_knows_its_days_at_once() -> None:
    calm = three_days()
    assert calm.signals[CPU].memory
    assert primed(calm, TICK) == calm
    assert primed(Baseline(), TICK) == Baseline()
