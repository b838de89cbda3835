"""The starter file: it runs as it stands, teaches every key truly, and never writes over anything."""

import re
from pathlib import Path

import pytest

from adaptive_scheduler import config
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.fleet import Where
from adaptive_scheduler.starter import STARTER, write_starter
from adaptive_scheduler.tables import ClusterTable, EventTable, File, MetricsTable, ProbeTable, TaskTable, WhereTable


def test_the_starter_loads(tmp_path: Path) -> None:
    path = write_starter(tmp_path)
    loaded = config.load(path, platform="linux")
    assert list(loaded.tasks) == ["health_check", "daily_routine", "learn_rhythm", "leak_response"]
    builtin = Path(config.__file__).parent / "builtin"
    for task in loaded.tasks.values():
        assert (builtin / task.steps[0].script.removeprefix("builtin:")).is_file()


def test_what_the_starter_shows_in_comments_is_right_too() -> None:
    body = STARTER.split("\n\n", 1)[1]
    everything = config.read(re.sub(r"(?m)^# ", "", body), Path("tasks.toml"), platform="linux")
    assert [step.name for step in everything.tasks["backup"].steps] == ["Save", "Tidy"]
    assert everything.tasks["backup"].on == ("memory_full",)
    assert everything.tasks["render"].where == Where(("gpu",), "windows")
    assert everything.cluster is not None
    assert everything.cluster.master == "tls://master.example:8786"
    assert everything.metrics is not None
    assert everything.metrics.project == "office"
    assert everything.probes["db"].target == ("db:5432",)


def test_the_starter_shows_every_key() -> None:
    tables = (File, TaskTable, EventTable, ProbeTable, ClusterTable, WhereTable, MetricsTable)
    keys = {key for table in tables for key in table.model_fields} - {"args", "script", "http", "command"}
    assert [key for key in keys if not re.search(rf"(?m)^(# )?(\[?|where.*){key}\b", STARTER)] == []


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"tasks.toml' exists and stays as it is"):
        write_starter(tmp_path)
    assert path.read_text() == "mine"


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be written \(.*\); give another folder"):
        write_starter(tmp_path / "none")
