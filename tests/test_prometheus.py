"""What lies in install/prometheus: alerts and a dashboard that ask for nothing that is not written."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.codes import Code
from adaptive_scheduler.exposition import METRICS, PREFIX
from adaptive_scheduler.model import Status
from tests.world import TestWorld

ROOT = Path(__file__).parents[1]
ALERTS = ROOT / "install" / "prometheus" / "alerts.yml"
BOARD: dict[str, Any] = json.loads((ROOT / "install" / "prometheus" / "dashboard.json").read_text(encoding="utf-8"))
PROMTOOL = shutil.which("promtool")

with_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="needs promtool, which Debian has in its package prometheus"
)


def promtool(*words: str, given: bytes = b"") -> str:
    """Return what promtool says; it must be content."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *words], input=given, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def asked_of_the_board() -> Iterator[str]:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in BOARD["templating"]["list"]:
        yield str(variable["query"])


def names_in(text: str) -> set[str]:
    return set(re.findall(rf"{PREFIX}([a-z_]+)", text))


@pytest.mark.parametrize("text", [ALERTS.read_text(encoding="utf-8"), "\n".join(asked_of_the_board())])
def test_every_metric_that_is_asked_for_is_written(text: str) -> None:
    assert len(names_in(text)) > 5
    assert names_in(text) <= METRICS.keys()


def test_the_board_shows_what_there_is() -> None:
    shown = names_in("\n".join(asked_of_the_board()))
    left_out = {"task_last_run_exit_code", "task_last_run_success", "task_learned", "task_next_look_timestamp_seconds"}
    assert METRICS.keys() - shown == left_out


def test_each_panel_has_an_id_of_its_own_and_a_place_of_its_own() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids) > 10
    cells = [
        (place["x"] + column, place["y"] + row)
        for place in (panel["gridPos"] for panel in BOARD["panels"])
        for column in range(place["w"])
        for row in range(place["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert max(x for x, _ in cells) < 24


def test_the_board_belongs_to_no_data_source_and_is_narrowed_by_machine_and_task() -> None:
    names = [variable["name"] for variable in BOARD["templating"]["list"]]
    assert names == ["datasource", "instance", "task"]
    for panel in BOARD["panels"]:
        assert {one["datasource"]["uid"] for one in (panel, *panel["targets"])} == {"${datasource}"}
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


def test_results_and_reasons_in_labels_are_those_of_the_program() -> None:
    named = re.findall(r'(?:result|reason)=~?"([^"]*)"', ALERTS.read_text(encoding="utf-8") + str(BOARD))
    assert {word for one in named for word in one.split("|")} <= {*map(str, Status), *map(str, Code)}


@with_promtool
def test_prometheus_reads_the_rules() -> None:
    assert "8 rules found" in promtool("check", "rules", str(ALERTS))


@with_promtool
def test_prometheus_reads_all_that_the_board_asks(tmp_path: Path) -> None:
    asked = [panel_target for panel_target in asked_of_the_board() if "label_values" not in panel_target]
    plain = [one.replace("$instance", ".*").replace("$task", ".*") for one in asked if one != "prometheus"]
    rules = [{"record": f"board:panel:{number}", "expr": one} for number, one in enumerate(plain)]
    path = tmp_path / "board.yml"  # what JSON says, YAML says too
    path.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(path))


@with_promtool
def test_each_alert_is_set_off_by_what_it_is_about() -> None:
    told = ROOT / "tests" / "prometheus" / "alerts.test.yml"
    promtool("test", "rules", str(told))
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8")))
    tested = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n", told.read_text(encoding="utf-8")))
    assert tested == alerts


@with_promtool
def test_prometheus_has_nothing_to_say_about_the_metrics(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    from adaptive_scheduler import exporter
    from adaptive_scheduler.textfile import Textfile

    place, path = TestWorld(tmp_path).task('a "b" \\ \n 백업', 10).task("c", 10).load(memory=80), tmp_path / "a.prom"
    for _ in range(2):
        exporter.export(place.world, Textfile(str(path), "office"), place.cycle("c").report, config_ok=True)
        place.load(memory=40).later(minutes=10)
    assert promtool("check", "metrics", given=path.read_bytes()) == ""
