"""Metrics all the way: real cycles, a real node_exporter that reads their file, a real Prometheus with our alerts.

Both listen on loopback ports of their own, keep their files in a temporary folder and are ended by their process
ids. Takes about a minute, most of it waiting for scrapes.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from claims import Claims, prove
from isolated import UnavailableError

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
ALERTS = ROOT / "install" / "prometheus" / "alerts.yml"
PATIENCE_S = 20.0
FAILING = "AdaptiveSchedulerTaskFailing"
TASK, PROJECT = "백업", 'a "project" \\ 사무실'
"""What a task and a project may be called, and text formats have to escape."""

TASKS = """\
[scheduler]
tick = "1m"
[metrics]
textfile = "metrics/adaptive.prom"
project = 'a "project" \\ 사무실'
[tasks."백업"]
interval = "1m"
script = "works.py"
priority = "critical"
[tasks.fails]
interval = "1m"
priority = "critical"
script = "fails.py"
"""
PROMETHEUS = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{alerts}"]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
"""


def story(claims: Claims) -> None:
    """Live it."""
    with tempfile.TemporaryDirectory() as folder:
        place, exporter, port = Path(folder), _free_port(), _free_port()
        textfiles = _written(place, exporter)
        with _daemon("prometheus-node-exporter", _exporter_words(textfiles, exporter), place):
            seen = _until(lambda: _get(f"http://127.0.0.1:{exporter}/metrics"))
            claims.claim("node_exporter answers, and knows nothing of us yet", "adaptive_" not in seen, seen)
            _cycles(claims, place, exporter)
            words = [f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'tsdb'}"]
            with _daemon("prometheus", [*words, f"--web.listen-address=127.0.0.1:{port}"], place):
                _prometheus(claims, place, f"http://127.0.0.1:{port}/api/v1")


def _written(place: Path, exporter: int) -> Path:
    (place / "tasks.toml").write_text(TASKS, encoding="utf-8")
    (place / "works.py").write_text("", encoding="utf-8")
    (place / "fails.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    (place / "prometheus.yml").write_text(PROMETHEUS.format(alerts=ALERTS, exporter=exporter), encoding="utf-8")
    textfiles = place / "metrics"
    textfiles.mkdir()
    return textfiles


def _cycles(claims: Claims, place: Path, exporter: int) -> None:
    """Run three forced cycles and look at what node_exporter makes of them."""
    for _ in range(3):
        _scheduler(place, "run", "--task", TASK, "--task", "fails", "--force")
    seen = _get(f"http://127.0.0.1:{exporter}/metrics")
    project, task = (name.replace("\\", "\\\\").replace('"', '\\"') for name in (PROJECT, TASK))
    row = f'adaptive_scheduler_task_runs_total{{project="{project}",result="ok",task="{task}"}} 3'
    claims.claim(
        "node_exporter serves three successful runs under the names of tasks.toml", row in seen.splitlines(), row
    )
    claims.claim("and found no fault in the file", "node_textfile_scrape_error 0" in seen.splitlines())
    ours = [line for line in seen.splitlines() if line.startswith("adaptive_scheduler_")]
    claims.remark(f"{len(ours)} samples of ours")


def _prometheus(claims: Claims, place: Path, api: str) -> None:
    def value(query: str) -> float | None:
        found = _api(api, "query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing() -> set[str]:
        return {one["labels"]["alertname"] for one in _api(api, "alerts")["alerts"] if one["state"] == "firing"}

    _until(lambda: value("adaptive_scheduler_cycles_total") is not None)
    claims.claim("a query for the cycles is answered", value("adaptive_scheduler_cycles_total") == 3)
    rules = [one["name"] for group in _api(api, "rules")["groups"] for one in group["rules"]]
    claims.claim("all alerts are loaded", len(rules) == ALERTS.read_text(encoding="utf-8").count("- alert:"), rules)
    _until(lambda: firing())
    claims.claim("the task that failed three times in a row is an alert, alone", firing() == {FAILING}, firing())
    query = 'adaptive_scheduler_task_consecutive_failures{task="fails"}'
    claims.claim("which a query confirms", value(query) == 3, value(query))
    (place / "fails.py").write_text("", encoding="utf-8")
    _scheduler(place, "run", "--task", "fails", "--force")
    claims.claim("after a success the alert ends", _until(lambda: not firing()), firing())
    runs = 'sum(adaptive_scheduler_task_runs_total{task="fails"})'
    claims.claim("and every run was counted once", value(runs) == 4, value(runs))
    with (place / "tasks.toml").open("a", encoding="utf-8") as file:
        file.write("nonsense = 1\n")
    _scheduler(place, "run", codes=[2])
    broken = _until(lambda: value("adaptive_scheduler_config_ok") == 0)
    claims.claim("a broken tasks.toml is seen", broken, value("adaptive_scheduler_config_ok"))


def _exporter_words(textfiles: Path, port: int) -> list[str]:
    return [
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={textfiles}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _scheduler(place: Path, *words: str, codes: Sequence[int] = (0, 1)) -> None:
    argv = [sys.executable, "-m", "adaptive_scheduler", "--config", str(place / "tasks.toml"), *words]
    done = subprocess.run(argv, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"'{' '.join(words)}' ended with {done.returncode}: {done.stderr}")


@contextmanager
def _daemon(name: str, words: Sequence[str], place: Path) -> Iterator[None]:
    """Run a program until the block ends."""
    path = shutil.which(name)
    if path is None:
        raise UnavailableError(f"'{name}' is not installed")
    with (place / f"{name}.log").open("w") as log:
        process = subprocess.Popen([path, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _api(api: str, what: str, **words: str) -> dict[str, Any]:
    answer = _get(f"{api}/{what}?{urllib.parse.urlencode(words)}")
    found: dict[str, Any] = json.loads(answer).get("data", {}) if answer else {}
    return {"result": [], "alerts": [], "groups": [], **found}


def _get(url: str) -> str:
    """Return what is answered, empty as long as nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def _until(look: Callable[[], T]) -> T:
    """Look again and again until there is something to see, or patience ends; return what was seen."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not (seen := look()) and time.monotonic() < give_up_at_s:
        time.sleep(0.5)
    return seen


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    prove("metrics through a real node_exporter to a real Prometheus", story)
