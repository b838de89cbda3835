"""Ids of runs that go elsewhere: one for each beat."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.model import Status, TaskState
from adaptive_scheduler.runid import of_beat
from tests.builders import NOW, ago, ended, event, mine, minutes


def test_the_same_state_gives_the_same_id_however_late() -> None:
    its = mine(10, last=ended(9, run_id="r0"))
    assert of_beat("outputs", "job", its) == of_beat("outputs", "job", replace(its, code="NO_SLOT", failures=3))


def test_an_id_begins_with_the_beat_in_utc_and_has_the_form_of_a_local_one() -> None:
    assert of_beat("outputs", "job", mine(10, last=ended(9))).startswith("20251102T222100.000Z-")
    assert of_beat("outputs", "job", mine(10)).startswith("20251102T222000.000Z-")


def test_whatever_makes_it_another_run_makes_another_id() -> None:
    its = mine(10, last=ended(9, run_id="r0"))
    others = [
        ("other", its),
        ("job", replace(its, anchor=ago(5))),
        ("job", replace(its, first_seen=ago(99))),
        ("job", replace(its, retry_at=ago(3))),
        ("job", replace(its, last=ended(9, run_id="r1"))),
        ("job", replace(its, event=event())),
    ]
    ids = {of_beat("outputs", name, state) for name, state in others} | {of_beat("outputs", "job", its)}
    ids.add(of_beat("copy/outputs", "job", its))
    assert len(ids) == len(others) + 2


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=20))
def test_the_ids_of_a_task_sort_by_time(gaps: list[int]) -> None:
    its, moment, made = TaskState(first_seen=NOW), NOW, []
    for gap in gaps:
        made.append(of_beat("outputs", "job", its))
        moment += minutes(gap)
        its = replace(its, anchor=moment, last=replace(ended(status=Status.OK), run_id=made[-1], ended_at=moment))
    assert made == sorted(made)
    assert len(set(made)) == len(made)
