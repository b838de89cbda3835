"""The table of what became of a run on a node, row by row."""

from datetime import timedelta

import pytest

from adaptive_scheduler.reconcile import REMEMBERED, SETTLING, TABLE, Action, Entry, Word, action

OLD, FRESH = SETTLING, SETTLING - timedelta(seconds=1)


@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize("age", [FRESH, OLD])
@pytest.mark.parametrize(
    ("entry", "done"),
    [
        (Entry.DONE, Action.RECORD),
        (Entry.RUNNING, Action.LEAVE),
        (Entry.INTERRUPTED, Action.INTERRUPTED),
        (Entry.VOID, Action.COMES_BACK),
        (Entry.SILENT, Action.UNREACHABLE),
    ],
)
def test_what_the_ledger_knows_counts_whatever_the_scheduler_says(
    word: Word, age: timedelta, entry: Entry, done: Action
) -> None:
    assert action(word, entry, age) is done


@pytest.mark.parametrize(
    ("word", "age", "done"),
    [
        pytest.param(Word.PROCESSING, OLD, Action.LEAVE, id="it waits for a thread"),
        pytest.param(Word.PROCESSING, FRESH, Action.LEAVE, id="it is on its way"),
        pytest.param(Word.GONE, FRESH, Action.LEAVE, id="its submit may be under way"),
        pytest.param(Word.GONE, OLD, Action.VOID, id="nobody will start it any more"),
        pytest.param(Word.NO_WORKER, FRESH, Action.LEAVE, id="its node has only just left"),
        pytest.param(Word.NO_WORKER, OLD, Action.VOID, id="kept for a node under an address that is gone"),
        pytest.param(Word.SILENT, OLD, Action.LEAVE, id="no scheduler to say whether it will start it"),
    ],
)
def test_a_run_that_its_node_does_not_know_comes_back_only_by_a_mark_there(
    word: Word, age: timedelta, done: Action
) -> None:
    assert action(word, Entry.UNKNOWN, age) is done


@pytest.mark.parametrize("word", Word)
def test_what_a_ledger_may_have_forgotten_is_never_given_out_again(word: Word) -> None:
    assert action(word, Entry.UNKNOWN, REMEMBERED) is Action.UNREACHABLE
    assert action(Word.GONE, Entry.UNKNOWN, REMEMBERED - timedelta(days=1)) is Action.VOID


def test_the_table_is_whole() -> None:
    assert {entry: set(row) for entry, row in TABLE.items()} == {entry: set(Word) for entry in Entry}
