"""tasks.toml: what it may say, how it becomes a Config, and where it is found."""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from adaptive_scheduler import config
from adaptive_scheduler.durations import NEVER
from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.events import Level, Probe, Watch
from adaptive_scheduler.model import Priority, Step, Task, Window
from adaptive_scheduler.settings import Config, MemoryGate, Rhythm, Rules
from adaptive_scheduler.tables import ClusterTable, EventTable, File, ProbeTable, TaskTable
from adaptive_scheduler.textfile import Textfile
from adaptive_scheduler.watchlist import watches
from tests.faults import ONE, read


def test_a_short_file_gets_the_defaults_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    assert read(ONE, path) == Config(
        path=str(path),
        state_dir=str(tmp_path / "outputs"),
        rules=Rules(),
        watches=watches({}),
        tasks={"a": Task(name="a", interval=timedelta(minutes=10), steps=(Step("a.py", "a.py"),))},
    )


def test_every_key_reaches_the_model(tmp_path: Path) -> None:
    text = """
[scheduler]
tick = "10m"
state_dir = "st"
max_parallel = 3
keep_runs = 7
keep_bytes = "1.5 GB"
output_max = "64KiB"
[rhythm]
low_cpu = 10.5
high_cpu = 80
faster = 0.5
slower = 2
[memory_gate]
limit = 50
hard_limit = 95
high = 80
low = 0
[interpreters]
".SH" = ["bash", "-e"]
".rb" = "ruby"
[log]
format = "json"
max_size = "2MB"
keep = 3
[history]
keep = "30d"
[events.cpu_spike]
level = "keen"
cool_down = "1h"
max_per_hour = 2
[events.full]
when = "memory_usage > 85 for 3 cycles"
level = "off"
[probes.db]
tcp = "[::1]:5432"
timeout = "250ms"
[probes.web]
http = "https://me:secret@host:8443/health?token=x"
[probes.own]
command = ["ask", "-q"]
[tasks.base]
interval = "1h"
script = 'tools\\base.ps1'
args = ["", "two words"]
interpreter = "pwsh"
[tasks.all]
description = "everything"
priority = "critical"
interval = "1h30m"
steps = [
  { name = "First", script = "builtin:first.py", args = ["-x"], interpreter = ["py"], os = "windows" },
  { script = "x/second.sh" },
]
interpreter = ["zsh", "-f"]
os = "linux"
depends_on = ["base"]
on = ["full", "cpu_spike"]
adaptive = false
enabled = false
window = ["22:00-5:30", "12:00-24:00"]
max_defer = "1d"
timeout = "2h"
retries = 2
retry_delay = "30s"
success_codes = [0, 3]
warning_codes = [10, -1]
memory_limit = 80
env = { PATH = "/bin", "a.b" = "" }
cwd = "work"
background = true
expected_duration = "10m"
memory = "500MB"
keep_going = true
"""
    folder = tmp_path / "there"
    assert read(text, folder / "my.toml") == Config(
        path=str(folder / "my.toml"),
        state_dir=str(folder / "st"),
        rules=Rules(
            tick=timedelta(minutes=10),
            max_parallel=3,
            rhythm=Rhythm(10.5, 80, 0.5, 2),
            memory_gate=MemoryGate(50, 95, {Priority.HIGH: 80, Priority.LOW: 0}),
            platform="linux",
        ),
        interpreters={".sh": ("bash", "-e"), ".rb": ("ruby",)},
        log_format="json",
        log_max_bytes=2_000_000,
        log_keep=3,
        history_keep=timedelta(days=30),
        runs_keep=7,
        runs_max_bytes=1_500_000_000,
        output_max_bytes=65_536,
        watches={
            "cpu_spike": Watch(name="cpu_spike", level=Level.KEEN, cool_down=timedelta(hours=1), max_per_hour=2),
            "memory_leak": Watch(name="memory_leak"),
            "high_latency": Watch(name="high_latency"),
            "missed_cycles": Watch(name="missed_cycles"),
            "full": Watch(name="full", level=Level.OFF, when="memory_usage > 85 for 3 cycles"),
        },
        probes={
            "db": Probe(name="db", way="tcp", target=("[::1]:5432",), timeout=timedelta(milliseconds=250)),
            "web": Probe(name="web", way="http", target=("https://me:secret@host:8443/health?token=x",)),
            "own": Probe(name="own", way="command", target=("ask", "-q")),
        },
        tasks={
            "base": Task(
                name="base",
                interval=timedelta(hours=1),
                steps=(Step("base.ps1", r"tools\base.ps1", ("", "two words"), ("pwsh",)),),
            ),
            "all": Task(
                name="all",
                description="everything",
                priority=Priority.CRITICAL,
                interval=timedelta(minutes=90),
                steps=(
                    Step("First", "builtin:first.py", ("-x",), ("py",), "windows"),
                    Step("second.sh", "x/second.sh", (), ("zsh", "-f")),
                ),
                os="linux",
                depends_on=("base",),
                on=("full", "cpu_spike"),
                adaptive=False,
                enabled=False,
                windows=(Window(1320, 330), Window(720, 0)),
                max_defer=timedelta(days=1),
                timeout=timedelta(hours=2),
                retries=2,
                retry_delay=timedelta(seconds=30),
                success_codes=(0, 3),
                warning_codes=(10, -1),
                memory_limit=80,
                env={"PATH": "/bin", "a.b": ""},
                cwd="work",
                background=True,
                expected_duration=timedelta(minutes=10),
                memory=500_000_000,
                keep_going=True,
            ),
        },
    )


def test_the_defaults_shown_to_editors_are_those_in_force() -> None:
    tables = {
        name: field.annotation.model_fields  # type: ignore[union-attr]
        for name, field in File.model_fields.items()
        if name not in ("interpreters", "tasks", "events", "probes", "cluster", "metrics")
    }
    cluster = '[cluster]\nmaster = "tls://m"\ncertificates = "certs/m"\n'
    given = as_toml(ClusterTable.model_fields)
    assert len(given) == 3
    with_defaults, without = (read(f"{cluster}{text}\n{ONE}") for text in ("\n".join(given), ""))
    assert with_defaults == without
    written = [f"[{name}]\n" + "\n".join(as_toml(keys)) for name, keys in tables.items()]
    rows = as_toml(TaskTable.model_fields)
    rows.remove('deploy = "content"')  # means nothing without where
    assert len(rows) == 14
    seen = ["[events.cpu_spike]", *as_toml(EventTable.model_fields)]
    asked, probe = as_toml(ProbeTable.model_fields), '[probes.a]\ntcp = "a:1"\n'
    assert (len(seen), asked) == (3, ['timeout = "5s"'])
    full = read("\n".join([*written, *seen, probe, *asked, ONE, *rows]))
    assert full == read(f"{probe}{ONE}")


def test_a_task_without_an_interval_has_no_beat_and_no_tempo() -> None:
    only = read('[tasks.a]\non = ["cpu_spike"]\nscript = "a.py"\n').tasks["a"]
    assert (only.beats, only.interval, only.adaptive, only.on) == (False, NEVER, False, ("cpu_spike",))
    assert read(ONE).tasks["a"].beats


def test_the_longest_interval_that_a_file_may_name_is_a_beat() -> None:
    assert read(ONE.replace("10m", "366d")).tasks["a"].beats


def as_toml(keys: dict[str, FieldInfo]) -> list[str]:
    """Write the defaults of a table, which JSON and TOML write alike."""
    found = {key: field.default for key, field in keys.items() if not field.is_required()}
    return [f"{key} = {json.dumps(value)}" for key, value in found.items() if value is not None]


def test_a_home_folder_is_spelt_out_in_state_dir(tmp_path: Path) -> None:
    home = Path.home()
    assert read(f'scheduler.state_dir = "~/as"\n{ONE}').state_dir == str(home / "as")
    absolute = (tmp_path / "there").as_posix()
    assert Path(read(f'scheduler.state_dir = "{absolute}"\n{ONE}').state_dir) == tmp_path / "there"


def test_the_textfile_of_metrics_is_relative_to_the_file(tmp_path: Path) -> None:
    absolute = (tmp_path / "a.prom").as_posix()
    assert read(f'[metrics]\ntextfile = "out/a.prom"\n{ONE}', tmp_path / "tasks.toml").metrics == Textfile(
        str(tmp_path / "out" / "a.prom")
    )
    named = read(f'[metrics]\ntextfile = "{absolute}"\nproject = "office"\n{ONE}').metrics
    assert named == Textfile(str(tmp_path / "a.prom"), "office")
    assert read(ONE).metrics is None


def test_a_missing_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'.*none.toml' not found; .* 'adaptive-scheduler init'"):
        config.load(tmp_path / "none.toml", platform="linux")


def test_a_folder_instead_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder; name the file in it with --config"):
        config.load(tmp_path, platform="linux")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a file that this user cannot read")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(ONE)
    path.chmod(0)
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\)"):
        config.load(path, platform="linux")


@pytest.mark.parametrize(
    "name",
    ["a\0b", pytest.param("x" * 5_000, marks=pytest.mark.skipif(os.name == "nt", reason="is only missing there"))],
    ids=["NUL", "too long"],
)
def test_a_name_that_the_system_refuses_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(.*\); mend its permissions, or name another"):
        config.load(tmp_path / name, platform="linux")


def test_faults_name_the_file_as_short_as_the_reader_knows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text("x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^tasks\.toml:1: "):
        config.load(path, platform="linux")
    monkeypatch.chdir(path.anchor)
    with pytest.raises(ConfigError) as caught:
        config.load(path, platform="linux")
    assert caught.value.faults[0].startswith((str(path), str(path.relative_to(path.anchor))))


def write(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tasks.toml"
    path.write_text(ONE)
    return path


def test_the_file_is_found_in_the_order_of_nearness(tmp_path: Path) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    environ = {"HOME": str(home), "APPDATA": str(home), "ADAPTIVE_SCHEDULER_CONFIG": "named/by/environ.toml"}
    assert config.find("named.toml", environ, here) == Path("named.toml")
    assert config.find(None, environ, here) == Path("named/by/environ.toml")
    assert config.find("~/x.toml", environ, here) == home / "x.toml"
    del environ["ADAPTIVE_SCHEDULER_CONFIG"]
    with pytest.raises(ConfigError, match=r"no tasks.toml found; looked for '.*here.*', '.*home.*adaptive-scheduler"):
        config.find(None, environ, here)
    users = {"win32": home, "darwin": home / "Library/Application Support"}.get(sys.platform, home / ".config")
    mine = write(users / "adaptive-scheduler")
    assert config.find(None, environ, here) == mine
    local = write(here)
    assert config.find(None, environ, here) == local


@pytest.mark.skipif(sys.platform == "win32", reason="XDG folders are no custom of Windows")
def test_the_xdg_folder_stands_before_the_usual_one(tmp_path: Path) -> None:
    mine = write(tmp_path / "xdg" / "adaptive-scheduler")
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert config.find(None, environ, tmp_path) == mine


def test_the_shipped_tasks_toml_is_without_fault() -> None:
    shipped = Path(__file__).parents[1] / "tasks.toml"
    tasks = config.load(shipped, platform="linux").tasks
    assert {
        "health_check",
        "performance_analysis",
        "system_maintenance",
        "event_analysis",
        "daily_routine",
        "learn_rhythm",
        "leak_response",
        "latency_analysis",
    } <= set(tasks)
