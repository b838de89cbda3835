"""The JSON Schema: what editors accept is what the program accepts, as far as a schema can say it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from adaptive_scheduler.schema import schema
from adaptive_scheduler.starter import STARTER

SCHEMA = schema()
ONE = '[tasks.a]\ninterval = "10m"\nscript = "a.py"\n'


def complaints(text: str) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))]


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["title"] == "tasks.toml of adaptive-scheduler"


def test_the_starter_passes() -> None:
    assert complaints(STARTER) == []


def test_the_shipped_tasks_toml_passes() -> None:
    assert complaints((Path(__file__).parents[1] / "tasks.toml").read_text(encoding="utf-8")) == []


def tables(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the properties of every table in the schema."""
    own = node.get("properties", {})
    below = [*own.values(), *node.get("patternProperties", {}).values(), *([node["items"]] if "items" in node else [])]
    return [own] * bool(own) + [found for inner in below for found in tables(inner)]


def test_every_key_is_described_and_needs_no_reference() -> None:
    keys = [(name, key) for table in tables(SCHEMA) for name, key in table.items()]
    assert len(keys) > 50
    assert [name for name, key in keys if not key.get("description")] == []
    assert "$ref" not in str(SCHEMA)
    assert [name for name, key in keys if key.get("default", "") is None] == []


@pytest.mark.parametrize(
    "line",
    [
        'window = ["22:00-5:30", "1:00-24:00"]',
        'interpreter = "ruby"',
        'timeout = "2h 30m"',
        "memory_limit = 80.5",
        'os = "macos"',
        'env = { A = "b" }',
        "warning_codes = [10]",
        "adaptive = false",
    ],
)
def test_what_is_right_passes(line: str) -> None:
    assert complaints(ONE + line) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        ONE.replace("interval", "evry"),
        ONE.replace("10m", "10 minutes"),
        ONE.replace('"10m"', "600"),
        ONE.replace("script", "scrpt"),
        ONE.replace("tasks", "task"),
        ONE.replace("tasks.a", 'tasks."a b"'),
    ]
    + [ONE + line for line in ('window = ["22-5"]', 'os = "beos"', 'priority = "urgent"', "retries = -1")]
    + [ONE + line for line in ("env = { A = 1 }", "interpreter = []", 'steps = [{ script = "b" }]')]
    + [f"{table}\n{ONE}" for table in ("[rhythm]\nfaster = 2", '[interpreters]\nsh = "sh"', "[log]\nsize = 5")],
    ids=lambda text: text[-40:],
)
def test_what_is_wrong_is_marked(text: str) -> None:
    assert complaints(text) != []


@pytest.mark.parametrize(
    "text",
    [
        '[events.cpu_spike]\nlevel = "keen"\ncool_down = "2h"\nmax_per_hour = 60',
        '[events.mine]\nwhen = "cpu_load > 5"',
        '[probes.db]\ntcp = "[::1]:5432"\ntimeout = "100ms"',
        '[probes.db]\nhttp = "https://db/x?y=1"\ntimeout = "5s"',
        '[probes.db]\ncommand = ["ask"]',
        '[tasks.b]\non = ["cpu_spike"]\nscript = "b"',
    ],
)
def test_events_probes_and_a_task_without_an_interval_pass(text: str) -> None:
    assert complaints(ONE + text) == []


@pytest.mark.parametrize(
    "text",
    [
        '[events.cpu_spike]\nlevel = "loud"',
        "[events.cpu_spike]\nmax_per_hour = 0",
        '[events."a b"]\nlevel = "off"',
        '[probes.db]\ntimeout = "5s"',
        '[probes.db]\ntcp = "db:1"\nhttp = "http://db"',
        '[probes.db]\ntcp = "db"',
        '[probes.db]\nhttp = "ftp://db"',
        '[tasks.b]\nscript = "b"',
    ],
)
def test_wrong_events_and_probes_are_marked(text: str) -> None:
    assert complaints(ONE + text) != []
