"""Nodes as they tell of themselves, and why one gets no work."""

from typing import Any

import pytest

from adaptive_scheduler.fleet import PROTOCOL, Fleet, Node, Where, mismatch, node

OURS = {"adaptive-scheduler": "0.1.0", "dask": "2026.8.0"}
VITALS: dict[str, Any] = {
    "protocol": PROTOCOL,
    "versions": OURS,
    "ledger": "ab12",
    "os": "windows",
    "labels": ["gpu", "fast"],
    "suffixes": [".py", ".ps1"],
    "slots": 4,
    "cpu": 12.5,
    "memory": 40,
    "available_bytes": 8_000_000_000,
    "total_bytes": None,
    "runs": {"r1": 5_000_000, "r2": None},
    "trouble": "",
}


def told(silent_s: float = 1.0, handed: tuple[str, ...] = (), **more: Any) -> Node:
    return node("box", {**VITALS, **more}, silent_s=silent_s, handed=handed, ours=OURS)


def test_a_node_is_what_it_tells() -> None:
    one = told()
    assert (one.name, one.slots, one.os, one.ledger, one.unusable) == ("box", 4, "windows", "ab12", "")
    assert one.labels == {"gpu", "fast"}
    assert (one.cpu, one.memory, one.available_bytes, one.total_bytes) == (12.5, 40.0, 8_000_000_000, None)
    assert one.runs == {"r1": 5_000_000, "r2": None}


def test_what_the_scheduler_handed_over_counts_before_the_node_tells_of_it() -> None:
    assert told(handed=("r1", "r3")).runs == {"r1": 5_000_000, "r2": None, "r3": None}


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(told(silent_s=30.0), "", id="just heard of"),
        pytest.param(told(silent_s=31.0), "has been silent for 31 s", id="silent"),
        pytest.param(told(trouble="its disk has 3 MB left"), "its disk has 3 MB left", id="in trouble"),
        pytest.param(
            told(protocol=PROTOCOL + 1),
            f"speaks protocol {PROTOCOL + 1}, this is {PROTOCOL}; install the same",
            id="other protocol",
        ),
        pytest.param(
            told(versions={**OURS, "dask": "2025.5.1"}),
            "has dask 2025.5.1, this is 2026.8.0; install the same on both",
            id="other dask",
        ),
        pytest.param(told(versions={}), "has adaptive-scheduler unknown, this is 0.1.0", id="says nothing of itself"),
        pytest.param(told(slots="many"), "is no node of adaptive-scheduler", id="nonsense"),
        pytest.param(told(runs=None), "is no node of adaptive-scheduler", id="no runs"),
        pytest.param(
            node("bare", {}, silent_s=0.0, handed=(), ours=OURS), "is no node of adaptive-scheduler", id="a bare worker"
        ),
    ],
)
def test_who_gets_no_work_has_a_reason(seen: Node, why: str) -> None:
    assert seen.unusable.startswith(why)
    assert bool(seen.unusable) is bool(why)


@pytest.mark.parametrize(
    ("where", "suffixes", "lacks"),
    [
        (Where(), {".py"}, ""),
        (Where(("gpu", "fast"), "windows", "box"), {".py", ".ps1"}, ""),
        (Where(node="other"), set(), "it is not 'other'"),
        (Where(os="linux"), set(), "runs windows, not linux"),
        (Where(("gpu", "big")), set(), "has no label 'big'"),
        (Where(), {".rb", ".py", ".lua"}, "has nothing that runs .lua, .rb"),
    ],
)
def test_a_node_that_lacks_something_says_what(where: Where, suffixes: set[str], lacks: str) -> None:
    assert told().lacks(where, suffixes) == lacks


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(), ""),
        (Where(("gpu",)), "with label 'gpu'"),
        (Where(("a", "b"), "linux", "n1"), "named 'n1' under linux with labels 'a', 'b'"),
    ],
)
def test_a_wish_reads_as_part_of_a_sentence(where: Where, words: str) -> None:
    assert str(where) == words


def test_equal_versions_differ_in_nothing() -> None:
    assert mismatch({**OURS, "more": "1"}, OURS, PROTOCOL) == ""


def test_a_fleet_knows_its_nodes_by_name() -> None:
    fleet = Fleet((told(),), asked=True)
    assert fleet["box"] == told()
    assert fleet["none"] is None
