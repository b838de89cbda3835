"""What the commands say of tasks that wait for events, and of events that wait."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adaptive_scheduler.model import TaskState
from adaptive_scheduler.store import Store
from tests.builders import event, minutes
from tests.console import Inside

NOW = datetime(2025, 11, 2, 22, 30, tzinfo=UTC)
TOML = """
[events.full]
when = "memory_usage > 85"
[tasks.only]
on = ["cpu_spike", "full"]
script = "only.py"
[tasks.both]
interval = "1h"
on = ["cpu_spike"]
depends_on = ["only"]
script = "both.py"
"""


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    made = Inside(tmp_path)
    made.script("only.py", "print(os.environ.get('ADAPTIVE_EVENT'))").script("both.py", "").config(TOML).at(NOW)
    return made


def let_happen(program: Inside) -> None:
    """Leave an event in the state, as a cycle does that has seen it behind a closed gate."""
    with Store(program.outputs).transaction(NOW) as transaction:
        its = transaction.state.tasks.get("only") or TaskState(first_seen=NOW)
        transaction.state = replace(transaction.state, tasks={"only": replace(its, event=event(at=NOW))})


def test_without_an_event_it_never_runs_and_everything_says_so(program: Inside) -> None:
    told = program("run", "--json").json
    assert {one["task"]: (one["code"], one["reason"]) for one in told["decisions"]} == {
        "only": ("NOT_DUE", "waits for cpu_spike or full"),
        "both": ("DEP_WAIT", "'only' has not finished a run yet"),
    }
    assert program("run", "--dry-run", "--json").json["decisions"][0]["reason"] == "waits for cpu_spike or full"
    assert program("why", "only", "--json").json["reason"] == "waits for cpu_spike or full"
    page = program("why", "only").out
    assert "base interval" not in page
    assert re.search(r"starts on +cpu_spike, full", page)
    assert re.search(r"base interval +1 h", program("why", "both").out)
    assert program("why", "only", "--at", "1m ago").code == 2


def test_its_status_has_no_interval_and_it_is_never_late(program: Inside) -> None:
    program("run")
    later = program.at(NOW + minutes(60 * 24 * 90))
    only, both = later("status", "--json").json["tasks"]
    assert (only["interval_s"], only["adaptive_interval_s"], only["effective_interval_s"]) == (None, None, None)
    assert (only["overdue"], only["rhythm"], only["reason"]) == (False, "events", "waits for cpu_spike or full")
    assert (both["interval_s"], both["overdue"]) == (3600.0, True)
    (row,) = [line for line in later("status").out.splitlines() if line.startswith("only")]
    assert row.split()[1:3] == ["never", "-"]
    assert "waits for" in row


def test_an_event_that_waits_is_shown_by_all_and_started_by_run(program: Inside) -> None:
    let_happen(program)
    told = program("run", "--dry-run", "--json").json["decisions"]
    assert [(one["task"], one["code"]) for one in told] == [("only", "EVENT"), ("both", "RUN")]
    assert program("why", "only", "--json").json["code"] == "EVENT"
    assert program("status", "--json").json["tasks"][0]["code"] == "EVENT"
    assert Store(program.outputs).read().state.tasks["only"].event is not None
    ran = program("run", "--json").json
    assert [(one["code"], one["value"], one["limit"]) for one in ran["decisions"]] == [
        ("EVENT", 91.0, 40.0),
        ("RUN", None, None),
    ]
    assert '"kind": "cpu_spike"' in program("logs", "only").out
    assert program("status", "--json").json["tasks"][0]["code"] == "NOT_DUE"
    assert program("why", "only").out.startswith("only: NOT_DUE")


def test_by_hand_it_starts_without_an_event(program: Inside) -> None:
    assert program("run", "--force", "--task", "only").code == 0
    assert program("logs", "only").out.splitlines() == ["None"]


def test_the_rooms_that_learn_and_look_ahead_leave_it_out(program: Inside) -> None:
    told = program("forecast", "--json").json["tasks"]
    assert (told[0]["rhythm"], told[0]["next_start"], told[0]["reason"]) == (
        *("events", None, "waits for cpu_spike or full"),
    )
    trace = program.folder / "trace.csv"
    rows = [f"{(NOW + minutes(5 * n)).isoformat()},50,40" for n in range(300)]
    trace.write_text("timestamp,cpu_percent,memory_percent\n" + "\n".join(rows), encoding="utf-8")
    one = program("simulate", "--trace", str(trace), "--policy", "seed", "--json").lines[-1]["summary"]["tasks"]
    assert one["only"]["runs"] == 0
    page = program("simulate", "--trace", str(trace), "--policy", "seed").out
    assert "on events" in page
