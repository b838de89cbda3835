"""The language of `when`: what it means, what it refuses and how it says so."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.clauses import OPERATORS, UNITS, Clause, Comparison, Condition, Not, Several, unit_of
from adaptive_scheduler.conditions import DEEPEST, LONGEST_TEXT, MOST_CYCLES, fields_of, parse
from adaptive_scheduler.machine import Sample
from tests.builders import NOW, minutes

TICK = minutes(5)
VALUES = {"cpu_load": 90.0, "memory_usage": 40.0, "disk_ms": None, "probes.db": 501.0, "available": 5e8}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("cpu_load > 89", True),
        ("cpu_load > 90", False),
        ("cpu_load >= 90", True),
        ("cpu_load < 90.5%", True),
        ("cpu_load <= 90 %", True),
        ("cpu_load == 90", True),
        ("cpu_load != 90", False),
        ("cpu_load > -1", True),
        ("available < 500MB", False),
        ("available <= 500 MB", True),
        ("available < 0.5GiB", True),
        ("probes.db > 500", True),
        ("probes.web > 500", None),
        ("disk_ms > 200", None),
        ("not disk_ms > 200", None),
        ("not cpu_load > 89", False),
        ("not not cpu_load > 89", True),
        ("cpu_load > 89 and memory_usage > 50", False),
        ("cpu_load > 89 and memory_usage < 50", True),
        ("cpu_load > 89 or memory_usage > 50", True),
        ("cpu_load > 95 or memory_usage > 50", False),
        ("cpu_load > 89 and disk_ms > 5", None),
        ("cpu_load < 89 and disk_ms > 5", False),
        ("disk_ms > 5 and cpu_load < 89", False),
        ("cpu_load > 89 or disk_ms > 5", True),
        ("disk_ms > 5 or cpu_load < 89", None),
        ("cpu_load < 5 and memory_usage < 5 or probes.db > 5", True),
        ("cpu_load < 5 and (memory_usage < 5 or probes.db > 5)", False),
        ("not (cpu_load < 50 or memory_usage < 30)", True),
        ("NOT cpu_load<50\tAND\nmemory_usage<50", True),
    ],
)
def test_a_condition_holds_or_does_not_or_is_unknown(text: str, holds: bool | None) -> None:
    assert parse(text).holds(VALUES) is holds


@pytest.mark.parametrize(
    ("tail", "cycles", "written"),
    [
        ("", 1, ""),
        (" for 1 cycle", 1, " for 1 cycle"),
        (" for 3 cycles", 3, " for 3 cycles"),
        (" FOR 3cycles", 3, " for 3 cycles"),
        (" for 10 minutes", 2, " for 10m"),
        (" for 11m", 3, " for 11m"),
        (" for 1 hour 30 min", 18, " for 1h30m"),
        (" for 2 days", 576, " for 2d"),
        (" for 1s", 1, " for 1s"),
        (" for 1 week", 2016, " for 7d"),
        (" for 90 seconds", 1, " for 1m30s"),
    ],
)
def test_how_long_it_must_hold_is_counted_in_cycles(tail: str, cycles: int, written: str) -> None:
    found = parse(f"cpu_load > 5{tail}")
    assert found.cycles(TICK) == cycles
    assert str(found) == f"cpu_load > 5{written}"


def test_what_it_looks_at_and_what_is_shown_of_it_are_told() -> None:
    found = parse("available < 1.5GB and (probes.my-db.eu > 20.5 or cpu_load > 9%) and not available < 1GB")
    assert found.fields == ("available", "probes.my-db.eu", "cpu_load")
    assert found.first == Comparison("available", "<", 1.5e9)
    assert [unit_of(name) for name in found.fields] == ["bytes", "ms", "percent"]
    assert str(found) == (
        "available < 1500000000B and (probes.my-db.eu > 20.5 or cpu_load > 9) and not available < 1000000000B"
    )
    assert parse("not cpu_load > 5").first.unit == "percent"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lacks a field at the end, such as memory_usage"),
        ("85", "lacks a field at '85', such as memory_usage"),
        ("and", "lacks a field at 'and', such as memory_usage"),
        ("memory_use > 85", "unknown field 'memory_use' at 'memory_use > 85'; did you mean 'memory_usage'?"),
        ("memory > 85", "unknown field 'memory' at 'memory > 85'; did you mean 'memory_usage'?"),
        ("cpu > 85", "unknown field 'cpu' at 'cpu > 85'; did you mean 'cpu_load'?"),
        ("CPU_LOAD > 85", "unknown field 'CPU_LOAD' at 'CPU_LOAD > 85'; did you mean 'cpu_load'?"),
        (
            "zzz > 85",
            "unknown field 'zzz' at 'zzz > 85'; the fields are: cpu_load, memory_usage, foreign_cpu, pressure_",
        ),
        ("probes > 85", "unknown field 'probes' at 'probes > 85'; the fields are: "),
        ("cpu_load", "lacks a comparison at the end, such as > or <="),
        ("cpu_load 85", "lacks a comparison at '85', such as > or <="),
        ("cpu_load = 85", "lacks a comparison at '= 85'; write =="),
        ("cpu_load => 85", "lacks a comparison at '=> 85'; write >="),
        ("cpu_load <> 85", "lacks a comparison at '<> 85'; write !="),
        ("cpu_load >", "lacks a number at the end, such as 85"),
        ("cpu_load > memory_usage", "lacks a number at 'memory_usage', such as 85"),
        ("cpu_load > 500MB", "lacks a number at '500MB', such as 85"),
        ("available > 500", "lacks a size at '500', such as 500MB"),
        ("available > 0MB", "'0MB' is no bytes at all: write a size such as"),
        ("available > 5iB", "'5iB' is not a size: write a number and a unit"),
        ("disk_ms > 5%", "'disk_ms' is in ms, not in '%' at '5%'"),
        ("cpu_load > 5 && disk_ms > 5", "does not belong there: '&&' at '&& disk_ms > 5'; write and"),
        ("cpu_load > 5 || disk_ms > 5", "does not belong there: '||' at '|| disk_ms > 5'; write or"),
        ("!cpu_load > 5", "lacks a field at '!cpu_load > 5'; write not"),
        ("cpu_load > 5 disk_ms > 5", "does not belong there: 'disk_ms' at 'disk_ms > 5'; join with and, or"),
        ("cpu_load > 5)", "does not belong there: ')' at ')'; join with and, or"),
        ("(cpu_load > 5", "lacks a ')' at the end"),
        ("()", "lacks a field at ')'"),
        ("cpu_load > 5 # high", "cannot be read '#' at '# high'"),
        ("cpu_load > 1e3", "cannot be read '1' at '1e3'"),
        ("cpu_load > 5 for", "'' is not a duration: write a number and a unit"),
        ("cpu_load > 5 for 3", "'3' is not a duration: write a number and a unit (s, m, h, d or w), such as"),
        ("cpu_load > 5 for 3 circles", "or a number of cycles such as 'for 3 cycles'"),
        ("cpu_load > 5 for 0 cycles", f"'for 0 cycles' must be from 1 to {MOST_CYCLES} cycles"),
        ("cpu_load > 5 for 10001 cycles", "must be from 1 to"),
        ("cpu_load > 5 for 31 days", "'for 31 days' is longer than 30 days"),
        ("cpu_load > 5 for 3 cycles and disk_ms > 5", "is not a duration"),
        ("__import__('os').system('x')", "unknown field '__import__'"),
        ("(" * 500 + "cpu_load > 5" + ")" * 400, f"nests deeper than {DEEPEST} at '((((("),
        ("not " * 200 + "cpu_load > 5", f"nests deeper than {DEEPEST} at 'not not"),
        ("x" * 10_000, f"the condition is longer than {LONGEST_TEXT} characters"),
    ],
    ids=lambda value: value[:40],
)
def test_what_cannot_be_meant_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert told in str(caught.value)


def test_as_deep_as_allowed_is_read() -> None:
    assert parse("(" * DEEPEST + "cpu_load > 5" + ")" * DEEPEST).holds(VALUES) is True


def test_clauses_side_by_side_do_not_count_as_nested() -> None:
    assert parse(" and ".join(["(not cpu_load > 95)"] * 2 * DEEPEST)).holds(VALUES) is True


def test_the_fields_are_those_of_the_sample_the_disk_and_the_probes() -> None:
    full = Sample(NOW, 18.0, 45.9, 12.0, {"cpu": 1.0, "io": 3.0}, "test", 1000)
    found = fields_of(full, 4.5, {"db": 12.5, "web": None})
    assert found == {
        **{"cpu_load": 18.0, "memory_usage": 45.9, "foreign_cpu": 12.0, "available": 1000.0, "disk_ms": 4.5},
        **{"pressure_cpu": 1.0, "pressure_memory": None, "pressure_io": 3.0, "probes.db": 12.5, "probes.web": None},
    }
    assert set(UNITS) <= set(found)
    assert fields_of(Sample(NOW, None, None), None, {}) == dict.fromkeys(UNITS)


NUMBERS = st.decimals(-999, 10**9, places=6, allow_nan=False).map(float)
SIZES = st.integers(1, 10**12).map(float)
NAMES = st.sampled_from([name for name in UNITS if name != "available"]) | st.from_regex(
    r"probes\.[a-z0-9_]([a-z0-9_.-]{0,8}[a-z0-9_-])?", fullmatch=True
)
SIGNS = st.sampled_from(sorted(OPERATORS))
COMPARISONS = st.builds(Comparison, NAMES, SIGNS, NUMBERS) | st.builds(Comparison, st.just("available"), SIGNS, SIZES)
CLAUSES: st.SearchStrategy[Clause] = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Several, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
SPANS = st.integers(1, 30 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


@given(
    CLAUSES,
    st.just((None, None)) | st.tuples(st.integers(1, MOST_CYCLES), st.none()) | st.tuples(st.none(), SPANS),
)
def test_a_condition_that_is_written_and_read_is_the_same(
    clause: Clause, lasting: tuple[int | None, timedelta | None]
) -> None:
    one = Condition(clause, *lasting)
    assert parse(str(one)) == one
    assert one.cycles(TICK) >= 1


@given(st.text(max_size=80) | st.from_regex(r"[a-z_.()<>=! 0-9%MBfor&|and]{0,60}", fullmatch=True))
def test_no_text_does_anything_but_mean_something_or_be_refused(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert parse(str(found)) == found


@given(CLAUSES, st.dictionaries(st.sampled_from(sorted(UNITS)), st.none() | st.floats(-1e3, 1e12)))
def test_more_knowledge_never_turns_a_verdict_round(clause: Clause, values: dict[str, float | None]) -> None:
    """What is decided with some values unknown stays so whatever they are."""
    known = {name: 0.0 if value is None else value for name, value in values.items()}
    before, after = clause.holds(values), clause.holds(dict.fromkeys(UNITS, 7.0) | known)
    assert before is None or before is after
