"""README.md is held to the program: its blocks are executed, its tables and numbers compared with the code."""

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer.main

from adaptive_scheduler import admission, footprints, norms, recent, rhythm
from adaptive_scheduler import config as configuration
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.cli import app
from adaptive_scheduler.codes import HELD_BACK, MEANINGS, Code
from adaptive_scheduler.dependencies import FRESH_INTERVALS
from adaptive_scheduler.detectors import high_latency
from adaptive_scheduler.detectors.cpu_spike import CpuSpike
from adaptive_scheduler.detectors.high_latency import HighLatency
from adaptive_scheduler.durations import words
from adaptive_scheduler.events import BUILT_IN, HIGH_LATENCY, Culprit, Level, as_text
from adaptive_scheduler.exposition import METRICS, PREFIX
from adaptive_scheduler.model import Priority
from adaptive_scheduler.settings import Config
from tests.builders import event, task
from tests.program import Program

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FLAT = " ".join(README.split())
BLOCKS = [(kind, text) for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)]
SPANS = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S))
PROGRAM = "adaptive-scheduler"
GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = GROUP.commands
GROUPS: dict[str, Any] = {name: one for name, one in COMMANDS.items() if hasattr(one, "commands")}
INNER: dict[str, Any] = {
    f"{group} {name}": one for group, all_ in GROUPS.items() for name, one in all_.commands.items()
}


def blocks(*kinds: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind in kinds]


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[tuple[str, str]]:
    """Return the rows of the first table of a section, as (first cell, second cell)."""
    found = re.findall(r"^\| (.*?) \| (.*) \|$", section(title), re.M)
    return [(first, second) for first, second in found[1:]]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


# -- the first screen --------------------------------------------------------------------------------


@pytest.fixture
def example(tmp_path: Path) -> Program:
    """The first screen's tasks.toml with its two scripts."""
    program = Program(tmp_path).config(blocks("toml")[0])
    tell = "print(*sorted(key for key in os.environ if key.startswith('ADAPTIVE_')), os.environ['PYTHONUTF8'])\n"
    return program.script("check.py", tell).script("backup.py", "print('saved')\n")


def test_the_first_screen_prints_what_it_says_and_changes_nothing(example: Program) -> None:
    told = blocks("console")[0].splitlines()
    *settings, program, verb, option = shlex.split(told[0].removeprefix("$ "))
    assert program == PROGRAM
    example.environ.pop("ADAPTIVE_FAKE_SAMPLE")
    example.environ.update(dict(setting.split("=", 1) for setting in settings))
    before = example.files()
    answer = example(verb, option)
    assert (answer.code, answer.err) == (0, "")
    assert [line.rstrip() for line in answer.out.splitlines()] == told[1:]
    assert example.files() == before


def test_two_cycles_of_the_first_screen_leave_the_files_that_the_readme_lists(example: Program) -> None:
    for _ in range(2):
        answer = example("run")
        assert (answer.code, answer.out, answer.err) == (0, "", "")
    listed = [code(first) for first, _ in rows("Files")]
    assert listed[0].pop() == ".bak"
    assert listed[-2:-1] == [["runs/TASK/RUN_ID/"]]
    names = {name for names in listed for name in names if not name.startswith("runs/")} | {f"{listed[0][0]}.bak"}
    found = {path.name for path in example.outputs.iterdir()}
    assert names <= found
    assert {name for name in found - names if not name.endswith(".lock")} == {"runs"}
    (run,) = (example.outputs / "runs" / "health_check").iterdir()
    inside = re.search(r"one run: (.*)", dict(rows("Files"))["`runs/TASK/RUN_ID/`"])
    assert inside is not None
    assert {path.name for path in run.iterdir()} == {"claim", *code(inside.group(1))}
    if sys.platform != "win32":
        for path in [example.outputs, *example.outputs.rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, f"'{path}' is open to others"


def test_scripts_get_the_environment_that_the_readme_lists(example: Program) -> None:
    example("run")
    promised = re.search(r"Scripts get (.*?)\.", FLAT)
    assert promised is not None
    *names, utf8 = code(promised.group(1))
    *seen, number = example("logs", "health_check").out.split()
    assert set(names) == {name for name in seen if not name.startswith("ADAPTIVE_FAKE")}
    assert utf8 == f"PYTHONUTF8={number}"


# -- tasks.toml --------------------------------------------------------------------------------------


def load(text: str, folder: Path) -> Config:
    return configuration.read(text, folder / "tasks.toml", platform="linux")


@pytest.fixture(scope="module")
def defaults(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return load(blocks("toml")[0], tmp_path_factory.mktemp("readme"))


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_toml_block_loads(text: str, tmp_path: Path) -> None:
    assert load(text, tmp_path).tasks


def settings() -> Iterator[str]:
    """Yield every `key = value` of the running text; `[section] key = value` names its section."""
    for span in SPANS:
        if re.match(r'(\[[\w.]+\] )?["\w.]+ = (?!\[\.\.\.\])', span):
            yield span


@pytest.mark.parametrize("written", sorted(set(settings())))
def test_every_setting_in_the_text_is_one(written: str, tmp_path: Path) -> None:
    known = '[tasks.download]\ninterval = "1h"\nscript = "a.py"\n'
    own = '[tasks.report]\ninterval = "10m"\nscript = "report.py"\n'
    key, _, _ = written.partition(" = ")
    own = "".join(line for line in own.splitlines(keepends=True) if not line.startswith(f"{key} ="))
    if written.startswith("["):
        named, _, rest = written.partition("] ")
        text = f"{named}]\n{rest}\n{known}"
    elif "." in key:
        text = f"{written}\n{known}"
    elif key in ("where", "deploy", "on_loss", "when_unreachable"):
        cluster = '[cluster]\nmaster = "tcp://localhost"\n' + f"{written}\n" * (key == "when_unreachable")
        elsewhere = "" if key == "where" else 'where = "any"\n'
        text = f"{cluster}{own}{elsewhere}" + f"{written}\n" * (key != "when_unreachable")
    else:
        text = f"{known}{own}{written}\n"
    assert load(text, tmp_path).tasks


def test_the_job_of_the_rosetta_stone_loads(tmp_path: Path) -> None:
    job = load("\n".join(code(dict(rows("A Rosetta stone"))["here"])), tmp_path).tasks["report"]
    assert (job.interval, job.timeout) == (timedelta(minutes=10), timedelta(minutes=20))


# -- the command line --------------------------------------------------------------------------------


def command_lines() -> Iterator[str]:
    """Yield every call of the program: in the blocks, and in the running text where it has words after it."""
    for line in "\n".join(blocks("sh", "console", "text")).splitlines():
        call = re.search(rf"(?:^|[\s/]){PROGRAM} (?P<words>[^#]+)", line)
        if call:
            yield call["words"].strip()
    for span in SPANS:
        program, _, words_after = span.partition(" ")
        if program == PROGRAM and words_after:
            yield words_after
        elif program in COMMANDS and words_after:
            yield span


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_every_command_line_parses(line: str) -> None:
    """It is parsed, not run: an unknown command or option raises."""
    line = re.sub(r"\[([A-Z]+)\]", r"\1", line)
    for part in line.split(", ") if re.fullmatch(r"[a-z]+ [A-Z]+(, [a-z]+ [A-Z]+)*", line) else [line]:
        said = shlex.split(part)
        verb = next(word for word in said if word in COMMANDS)
        before, after = said[: said.index(verb)], said[said.index(verb) + 1 :]
        with GROUP.make_context(PROGRAM, [*before, verb]) as context:
            COMMANDS[verb].make_context(verb, after, parent=context)


def test_the_table_of_commands_is_the_program() -> None:
    told: dict[str, tuple[set[str], set[str]]] = {}
    everything = {name: one for name, one in COMMANDS.items() if name not in GROUPS} | INNER
    for first, second in [*rows("Commands"), *rows("Many machines")]:
        calls = [call.strip() for span in code(first) for call in span.split(",")]
        verbs = [" ".join(call.split()[: 1 + (" ".join(call.split()[:2]) in INNER)]) for call in calls]
        if set(verbs) <= set(GROUPS):  # a table of their own has what is in them
            continue
        words_after = " ".join(call.removeprefix(verb) for call, verb in zip(calls, verbs, strict=True))
        arguments = set(re.findall(r"\[[^]]*\]|\S+", words_after))
        options = set(re.findall(r"--[a-z-]+", " ".join(code(second))))
        told[", ".join(verbs)] = (arguments, options)
    real: dict[str, tuple[set[str], set[str]]] = {}
    for group in told:
        arguments, options = set(), set()
        for verb in group.split(", "):
            for one in everything[verb].params:
                if one.param_type_name == "argument":
                    arguments.add(one.metavar if one.required else f"[{one.metavar}]")
                elif not one.hidden:
                    options |= set(one.opts) - {"--json", "--help"}
        real[group] = (arguments, options)
    assert told == real
    named = [verb for group in told for verb in group.split(", ")]
    assert sorted(named) == sorted(name for name, command in everything.items() if not command.hidden)


def test_the_commands_that_know_json_are_those_named() -> None:
    promised = re.search(r"in this order\. (.*?) know `--json`", FLAT)
    assert promised is not None
    knowing = [name for name, command in COMMANDS.items() if any("--json" in one.opts for one in command.params)]
    assert sorted(code(promised.group(1))) == sorted(knowing)


def test_every_scheduler_of_a_system_has_its_row_and_its_name_in_the_table_of_commands() -> None:
    titles = {"systemd": "systemd", "cron": "cron", "windows": "Windows Task Scheduler", "launchd": "launchd"}
    assert [first for first, _ in rows("With the system's scheduler")] == [titles[name] for name in BACKENDS]
    told = dict(rows("Commands"))["`install [SERVICE -- OPTIONS]`"]
    assert [name for name in ("auto", *BACKENDS) if not re.search(rf"`(--backend )?{name}`", told)] == []


# -- tables and numbers ------------------------------------------------------------------------------


def reasons() -> str:
    """Return the table of reasons, as it stands in README.md between its two comments."""
    return "| code | meaning |\n|---|---|\n" + "".join(f"| {one} | {meaning} |\n" for one, meaning in MEANINGS.items())


def test_the_table_of_reasons_is_that_of_the_code() -> None:
    written = README.partition("<!-- reasons: begin -->\n")[2].partition("<!-- reasons: end -->")[0]
    assert written == reasons(), "renew it: put this between the two comments of README.md\n" + reasons()


def test_the_order_of_refusals_is_that_of_the_gates() -> None:
    refusals = [one.value for one in Code if not one.starts and one is not Code.ERROR]
    assert f"the first in this order is told: {', '.join(refusals)}." in FLAT


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    real = [
        (f"`{PREFIX}{name}{'{' * bool(one.labels)}{', '.join(one.labels)}{'}' * bool(one.labels)}`", one.means)
        for name, one in METRICS.items()
    ]
    assert rows("Prometheus") == real
    assert f"was {', '.join(HELD_BACK[:-1])} or {HELD_BACK[-1]};" in FLAT


def test_the_table_of_events_is_that_of_the_code() -> None:
    told = [(code(event)[0], cells) for event, cells in rows("Events")]
    assert [name for name, _ in told] == list(BUILT_IN)
    again = dict(told)
    for detector in (CpuSpike(), HighLatency()):
        cool_down = detector.calm(timedelta(minutes=5)).cool_down
        assert again[detector.kind].endswith(f" {cool_down / timedelta(hours=1):g} h"), detector.kind
    assert f"more than {high_latency.RATIOS[Level.CALM]} times" in again[HIGH_LATENCY]


def test_the_facts_of_an_event_are_those_that_scripts_find() -> None:
    culprit = Culprit(name="leaker", pid=1, created=0.0)
    found = json.loads(as_text(event("cpu_spike", culprit=culprit)))
    told = re.search(r"one line of JSON: (.*?)\n- \*\*Due", section("Events"), re.S)
    assert told is not None
    assert set(code(told[1])) <= {*found, *found["culprit"]}


def numbers(config: Config) -> Iterator[str]:
    """Yield README's sentences with numbers, with the numbers of the code in them."""
    rules, gate, law = config.rules, config.rules.memory_gate, config.rules.rhythm
    own = config.tasks["backup"]
    ten = task(every=10)
    at = [rhythm.adaptive_interval(ten.interval, rhythm.classic(law), cpu) for cpu in (0.0, 50.0, 100.0)]
    eight, plain, fifteen = (int(one / timedelta(minutes=1)) for one in at)
    yield (
        f"Below {law.low_cpu:g} % CPU it runs every {law.faster:g} B, from {law.low_cpu:g} to {law.high_cpu:g} % "
        f"every B, above {law.high_cpu:g} % every {law.slower:g} B: 10 minutes are {eight}, {plain} or {fifteen}."
    )
    yield f"up to {rhythm.SLACK_SHARE * 100:g} % of the interval (half a tick at most)"
    yield f"above `memory_gate.limit` ({gate.limit:g} %)"
    yield f"`memory_gate.hard_limit` ({gate.hard_limit:g} %)"
    yield f"At most `max_parallel` ({rules.max_parallel}) runs"
    yield f"has waited `max_defer` ({own.patience / own.interval:g} B)"
    yield f"not older than {('once', 'twice')[FRESH_INTERVALS - 1]} its slowest interval"
    yield f"process tree at `timeout` ({words(norms.UNTIL_LEARNED)}"
    yield f"What a task's last {footprints.KEPT} successful runs took"
    yield f"after {footprints.ENOUGH} runs the need is their p90"
    yield (
        f"after {norms.RUNS_NEEDED} successful runs {norms.LIMIT_FACTOR} x their p90, "
        f"{norms.LONGEST_FACTOR} x the longest of them"
    )
    yield f"never less than {words(norms.SHORTEST_LIMIT)}"
    yield f"up to {norms.MOST_GROWTH} times what the successful runs ask for ({words(norms.UNTIL_LEARNED)}, where"
    yield f"than {norms.MAD_FACTOR:g} robust deviations ({norms.MAD_TO_SIGMA:g} x the median absolute deviation"
    yield f"off by {norms.LEAST_S:g} s or {norms.LEAST_BYTES / 1e6:g} MB at least"
    yield f"until one of them is {admission.APART_UNTIL_AGE:g} B old"
    yield f"`success_codes` ({', '.join(map(str, own.success_codes))})"
    yield f"of more than {config.output_max_bytes / 1e6:g} MB the first and last half are kept"
    yield f"the last {recent.KEPT} samples"
    yield f"for {config.history_keep.days} days (`[history] keep`)"
    yield f"`{Path(config.state_dir).name}/` beside tasks.toml"
    yield f"a {rules.tick // timedelta(minutes=1)}-minute mean"
    yield f"2-57/{rules.tick // timedelta(minutes=1)} * * * * "
    yield f"Python {PROJECT['requires-python'].removeprefix('>=')} or later"
    yield f"called `{PROJECT['name']}`"


def test_the_numbers_are_those_of_the_code(defaults: Config) -> None:
    assert [sentence for sentence in numbers(defaults) if sentence not in FLAT] == []


def test_all_but_critical_tasks_run_in_the_background() -> None:
    assert "All but critical tasks run in the background" in FLAT
    assert [one for one in Priority if not task(priority=one).in_background] == [Priority.CRITICAL]


# -- links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_file_of_ours_that_is_named_exists(text: str) -> None:
    """Names in capitals, such as `commands/VERB.py`, are those that the reader chooses."""
    named = [link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if link]
    places = ["", "adaptive_scheduler/"]
    named += re.findall(r"(?<![\w/~.-])((?:install|tests|benchmarks|commands|runners|backends|\.ci)/[\w./-]*)", text)
    missing = [
        name
        for name in named
        if not re.search(r"[A-Z]{2,}\.|[A-Z]{2,}$", name)
        and not any((ROOT / place / name).exists() for place in places)
    ]
    assert missing == []
    rooms = re.findall(r"`(\w+\.py)`", text)
    own = {path.name for path in (ROOT / "adaptive_scheduler").rglob("*.py")}
    assert [room for room in rooms if text is CONTRIBUTING and room not in own] == []


def test_every_link_inside_the_page_has_its_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", README, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


def test_the_bootstrap_knows_the_actions_that_are_shown() -> None:
    shown = re.findall(r"install/bootstrap\.py (\w+)", README + CONTRIBUTING)
    assert shown
    source = (ROOT / "install" / "bootstrap.py").read_text(encoding="utf-8")
    choices = re.search(r'"action", choices=\[(.*?)\]', source)
    assert choices is not None
    assert set(shown) <= set(re.findall(r'"(\w+)"', choices.group(1)))
