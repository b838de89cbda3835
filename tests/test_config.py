"""tasks.toml: what it may say, every fault with its line, and where it is found."""

import codecs
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from adaptive_scheduler import config
from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.model import Config, MemoryGate, Priority, Rhythm, Rules, Step, Task, Window
from adaptive_scheduler.tables import File, TaskTable
from adaptive_scheduler.validation import validate

FILE = Path("tasks.toml")
ONE = '[tasks.a]\ninterval = "10m"\nscript = "a.py"\n'


def read(content: str | bytes, path: Path = FILE) -> Config:
    return config.read(content, path, platform="linux")


def faults(content: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(content)
    return caught.value.faults


def fault(content: str | bytes) -> str:
    (only,) = faults(content)
    return only


def test_a_short_file_gets_the_defaults_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    assert read(ONE, path) == Config(
        path=str(path),
        state_dir=str(tmp_path / "outputs"),
        rules=Rules(),
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
                keep_going=True,
            ),
        },
    )


def test_the_defaults_shown_to_editors_are_those_in_force() -> None:
    tables = {
        name: field.annotation.model_fields  # type: ignore[union-attr]
        for name, field in File.model_fields.items()
        if name not in ("interpreters", "tasks")
    }
    written = [f"[{name}]\n" + "\n".join(as_toml(keys)) for name, keys in tables.items()]
    rows = as_toml(TaskTable.model_fields)
    assert len(rows) == 13
    assert read("\n".join([*written, ONE, *rows])) == read(ONE)


def as_toml(keys: dict[str, FieldInfo]) -> list[str]:
    """Write the defaults of a table, which JSON and TOML write alike."""
    found = {key: field.default for key, field in keys.items() if not field.is_required()}
    return [f"{key} = {json.dumps(value)}" for key, value in found.items() if value is not None]


MESSY = """\
[scheduler]
tick = 5
maxparallel = 3
[rhythm]
low_cpu = 80
[memory_gate]
limit = 95
[tasks.a]
evry = "10m"
script = "x"
depends_on = ["b", "helth"]
[tasks.health]
interval = "10"
steps = [
  { script = "" },
  { scrpt = "a" },
]
[tasks.b]
interval = "10m"
script = "x"
enabled = 1
depends_on = ["a"]
"""


def test_all_faults_are_told_at_once_in_the_order_of_lines() -> None:
    assert faults(MESSY) == [
        "tasks.toml:2: scheduler.tick: '5' is not a duration: write a duration such as \"10m\"",
        "tasks.toml:3: scheduler.maxparallel: unknown key 'maxparallel'; did you mean 'max_parallel'?",
        "tasks.toml:5: rhythm.low_cpu: low_cpu (80) must be below high_cpu (70, the default)",
        "tasks.toml:7: memory_gate.limit: limit (95) is above hard_limit (90, the default), which nothing passes",
        "tasks.toml:9: tasks.a.evry: unknown key 'evry'; did you mean 'interval'?",
        "tasks.toml:11: tasks.a.depends_on[0]: the dependencies form a loop, so that none could ever run: "
        "a -> b -> a; break it here",
        "tasks.toml:11: tasks.a.depends_on[1]: unknown task 'helth'; did you mean 'health'?",
        "tasks.toml:13: tasks.health.interval: '10' is not a duration: write a number and a unit "
        '(s, m, h, d or w), such as "90s", "10m" or "2h30m"',
        "tasks.toml:15: tasks.health.steps[0].script: must not be empty",
        "tasks.toml:16: tasks.health.steps[1].scrpt: unknown key 'scrpt'; did you mean 'script'?",
        "tasks.toml:21: tasks.b.enabled: '1' is not true or false",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("interval = 600", "tasks.a.interval: '600' is not a duration: write a duration such as \"10m\""),
        ('interval = "400d"', 'tasks.a.interval: must be from "1s" to "366d": with its stretchings'),
        ("retries = true", "tasks.a.retries: 'true' is not a whole number"),
        ('retries = "3"', "tasks.a.retries: the text '3' is not a whole number; leave the quotes out"),
        ('retries = "many"', "tasks.a.retries: the text 'many' is not a whole number"),
        ("retries = 1.0", "tasks.a.retries: '1.0' is not a whole number"),
        ("retries = -1", "tasks.a.retries: must be at least 0, not '-1'"),
        ("retries = 101", "tasks.a.retries: must be at most 100, not '101'"),
        ("retries = 9" + 400 * "9", "tasks.a.retries: must be at most 100, not this number"),
        ('adaptive = "true"', "tasks.a.adaptive: the text 'true' is not true or false; leave the quotes out"),
        ("description = 5", "tasks.a.description: '5' is not text; put it in quotes"),
        ('description = "a\\nb"', "tasks.a.description: must be one line without control characters"),
        ("description = 07:00:00", "tasks.a.description: a date or time is not text; put it in quotes"),
        (
            'args = "x"',
            'tasks.a.args: the text \'x\' is not a list; write it in brackets, such as ["a", "b"]',
        ),
        ('args = ["a\\u0000"]', "tasks.a.args[0]: must not hold the character NUL"),
        ("args = [[1]]", "tasks.a.args[0]: a list is not text; put it in quotes"),
        (
            "priority = 'hgh'",
            "tasks.a.priority: 'hgh' is not one of critical, high, medium, low; did you mean 'high'?",
        ),
        ("priority = 1", "tasks.a.priority: '1' is not one of critical, high, medium, low"),
        ('os = "win"', "tasks.a.os: 'win' is not one of linux, windows, macos; did you mean 'windows'?"),
        ("interpreter = []", "tasks.a.interpreter: must not be empty"),
        ('interpreter = [""]', "tasks.a.interpreter[0]: must not be empty"),
        ('cwd = ""', "tasks.a.cwd: must not be empty"),
        ("env = 5", "tasks.a.env: '5' is not a table"),
        ("env.PORT = 8080", "tasks.a.env.PORT: '8080' is not text; put it in quotes"),
        ('env."A=B" = "x"', "tasks.a.env.\"A=B\": 'A=B' cannot be the name of an environment variable"),
        (
            'env.ADAPTIVE_RUN_ID = "x"',
            "tasks.a.env.ADAPTIVE_RUN_ID: 'ADAPTIVE_RUN_ID' is set by the scheduler itself",
        ),
        ('window = "1:00-2:00"', "tasks.a.window: the text '1:00-2:00' is not a list; write it in brackets"),
        (
            'window = ["25:00-26:00"]',
            "tasks.a.window[0]: the text '25:00-26:00' is not a window: write local times",
        ),
        ("window = [5]", "tasks.a.window[0]: '5' is not a window"),
        ("memory_limit = 101", "tasks.a.memory_limit: must be at most 100, not '101'"),
        ("memory_limit = nan", "tasks.a.memory_limit: 'nan' is not a number"),
        (
            "memory_limit = 95",
            "tasks.a.memory_limit: '95' is above memory_gate.hard_limit (90), which nothing",
        ),
        ("success_codes = []", "tasks.a.success_codes: must not be empty"),
        ("warning_codes = [1, 0]", "tasks.a.warning_codes[1]: '0' is among the success_codes too; keep one"),
        ('depends_on = ["a"]', "tasks.a.depends_on[0]: 'a' cannot depend on itself"),
        ('depends_on = ["zzz"]', "tasks.a.depends_on[0]: unknown task 'zzz'; the tasks are: a"),
        ('depends_on = ["A"]', "tasks.a.depends_on[0]: unknown task 'A'; did you mean 'a'?"),
        ("depends_on = [5]", "tasks.a.depends_on[0]: '5' is not text; put it in quotes"),
        ("every = 1", "tasks.a.every: unknown key 'every'; did you mean 'interval'?"),
        (
            "max_parallel = 1",
            "tasks.a.max_parallel: unknown key 'max_parallel'; it belongs under [scheduler]",
        ),
        ("zzz = 1", "tasks.a.zzz: unknown key 'zzz'; a task knows: adaptive, args, background, cwd,"),
        ('steps = [{ script = "b" }]', "tasks.a.steps: 'script' and 'steps' exclude each other; keep one"),
        ('"k\\ny" = 1', 'tasks.a."k\\ny": unknown key'),
    ],
    ids=lambda value: value[:40],
)
def test_a_faulty_line_of_a_task_is_named(line: str, told: str) -> None:
    rest = ONE.replace('interval = "10m"\n', "") if line.startswith("interval") else ONE
    (only,) = faults(rest + line)
    assert only.startswith(f"tasks.toml:{rest.count(chr(10)) + 1}: {told}")
    assert "\n" not in only


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('[scheduler]\ntick = "30s"', '2: scheduler.tick: must be from "1m" to "1h": system schedulers call'),
        (
            "[scheduler]\nkeep_bytes = 5",
            "2: scheduler.keep_bytes: '5' is not a size: write a size such as \"1MB\"",
        ),
        (
            '[scheduler]\noutput_max = "1XB"',
            "2: scheduler.output_max: '1XB' is not a size: write a number and a unit",
        ),
        ('[scheduler]\noutput_max = "0MB"', "2: scheduler.output_max: '0MB' is no bytes at all"),
        (
            '[scheduler]\noutput_max = "9B"',
            "2: scheduler.output_max: must be at least 1000, not the text '9B'",
        ),
        ('[scheduler]\noutput_max = "2000GB"', "2: scheduler.output_max: '2000GB' is more than a terabyte"),
        ("[scheduler]\nmax_parallel = 0", "2: scheduler.max_parallel: must be at least 1, not '0'"),
        ("[rhythm]\nfaster = 0", "2: rhythm.faster: must be above 0, not '0'"),
        (
            "[rhythm]\nhigh_cpu = 20",
            "2: rhythm.high_cpu: low_cpu (20, the default) must be below high_cpu (20)",
        ),
        (
            "[memory_gate]\nhard_limit = 50",
            "2: memory_gate.hard_limit: limit (60, the default) is above hard_limit",
        ),
        ("[memory_gate]\nlow = 91", "2: memory_gate.low: low (91) is above hard_limit (90, the default)"),
        (
            "[memory_gate]\ncritical = 9",
            "2: memory_gate.critical: unknown key 'critical'; [memory_gate] knows: hard_",
        ),
        (
            '[interpreters]\nsh = "bash"',
            "2: interpreters.sh: 'sh' is not a script type: write the extension with its",
        ),
        ('[interpreters]\n".sh" = 5', "2: interpreters.\".sh\": '5' is not a list"),
        ('[history]\nkeep = "1h"', '2: history.keep: must be from "1d" to "36500d"'),
        ("[task.b]\nscript = 1", "1: task: unknown key 'task'; did you mean 'tasks'?"),
        ("[jobs.b]\nscript = 1", "1: jobs: unknown key 'jobs'; did you mean 'tasks'?"),
        ("log = 5", "1: log: '5' is not a table"),
    ],
    ids=lambda value: value[:40],
)
def test_a_fault_in_the_rules_is_named(table: str, told: str) -> None:
    assert fault(f"{table}\n{ONE}").startswith(f"tasks.toml:{told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: tasks: no task is defined; add a table such as [tasks.backup]"),
        ("\n[tasks]\n", "2: tasks: no task is defined"),
        ("tasks = 5", "1: tasks: '5' is not a table"),
        ("tasks.a = 5", "1: tasks.a: '5' is not a table"),
        ('\n[tasks.a]\nscript = "x"', '2: tasks.a.interval: is missing; add interval = "10m"'),
        (
            '\n[tasks.a]\ninterval = "1h"',
            '2: tasks.a.script: is missing; add script = "backup.py", or several steps',
        ),
        ('[tasks.a]\ninterval = "1h"\nsteps = []', "3: tasks.a.steps: must not be empty"),
        (
            '[tasks.a]\ninterval = "1h"\nscripts = []',
            "3: tasks.a.scripts: unknown key 'scripts'; did you mean 'steps'?",
        ),
        (
            '[tasks.a]\ninterval = "1h"\nsteps = [{ script = "x" }]\nargs = ["y"]',
            "4: tasks.a.args: a task with steps has its arguments at each step",
        ),
        (
            '[tasks.a]\ninterval = "1h"\n[[tasks.a.steps]]\nscript = "x"\n[[tasks.a.steps]]\nname = "x"',
            '5: tasks.a.steps[1].script: is missing; add script = "backup.py"',
        ),
        (
            '[tasks.a]\ninterval = "1h"\n[[tasks.a.steps]]\nscript = "x"\ntimeout = "1h"',
            "5: tasks.a.steps[0].timeout: unknown key 'timeout'; a step knows: args, interpreter, name, os, script",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_a_fault_of_the_whole_is_named(text: str, told: str) -> None:
    assert fault(text).startswith(f"tasks.toml:{told}")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ('""', "a task's name must not be empty"),
        ('"a b"', "' ' cannot stand in a task's name; use letters, digits, '_', '-' and '.'"),
        ('"a/b"', "'/' cannot stand in a task's name"),
        (r'"a\\b"', r"'\' cannot stand in a task's name"),
        (r'"a\u0007"', "'U+0007' cannot stand in a task's name"),
        ('".a"', "'.a' cannot be a task's name: it must not begin with '.' or '-', nor end with '.'"),
        ('"-a"', "'-a' cannot be a task's name"),
        ('"a."', "'a.' cannot be a task's name"),
        ("nul", "'nul' cannot be a task's name: Windows keeps it for a device"),
        ('"Com1.x"', "'Com1.x' cannot be a task's name: Windows keeps it for a device"),
        ("a" * 65, "'aaaaaaaaaaaaaaaaaaaa...' is too long for a task's name: 64 letters at most"),
        ('"' + "\N{CJK UNIFIED IDEOGRAPH-20000}" * 51 + '"', "'" + "\N{CJK UNIFIED IDEOGRAPH-20000}" * 20),
    ],
    ids=lambda value: ascii(value[:12]),
)
def test_a_name_that_no_folder_can_have_is_refused(name: str, told: str) -> None:
    assert fault(ONE.replace("tasks.a", f"tasks.{name}")).split(": ", 2)[2].startswith(told)


@pytest.mark.parametrize("name", ["a", "täglich", "백업", "a.b-c_1", "x" * 64, "conserve", "_x"])
def test_names_of_every_language_are_welcome(name: str) -> None:
    assert list(read(ONE.replace("tasks.a", f'tasks."{name}"')).tasks) == [name]


@pytest.mark.parametrize("pair", [("Backup", "backup"), ("\uac00", "\u1100\u1161")], ids=["case", "composition"])
def test_names_that_some_systems_cannot_tell_apart_are_refused(pair: tuple[str, str]) -> None:
    first, second = (ONE.replace("tasks.a", f'tasks."{name}"') for name in pair)
    assert "differ only in case" in fault(first + second)


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["a -> b -> c -> a"]),
        ({"x": ["a"], "a": ["b"], "b": ["a"]}, ["a -> b -> a"]),
        ({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}, ["a -> b -> a", "c -> d -> c"]),
        ({"a": ["b", "c"], "b": ["a"], "c": ["a"]}, ["a -> b -> a", "a -> c -> a"]),
        ({"a": ["b", "c"], "b": ["c"], "c": []}, []),
    ],
    ids=["three", "behind a path", "two apart", "two together", "a diamond is none"],
)
def test_a_loop_is_named_once(needs: dict[str, list[str]], told: list[str]) -> None:
    text = "".join(
        f'[tasks.{name}]\ninterval = "1h"\nscript = "x"\ndepends_on = {others}\n' for name, others in needs.items()
    )
    if not told:
        assert len(read(text).tasks) == len(needs)
        return
    found = [line.split("could ever run: ")[1].split(";")[0] for line in faults(text)]
    assert found == told


def test_a_loop_through_thousands_of_tasks_is_found() -> None:
    text = "".join(
        f'[tasks.t{number}]\ninterval = "1h"\nscript = "x"\ndepends_on = ["t{(number + 1) % 3000}"]\n'
        for number in range(3000)
    )
    assert fault(text).startswith("tasks.toml:4: tasks.t0.depends_on[0]: the dependencies form a loop")


def test_a_dependency_named_twice_is_a_fault() -> None:
    text = ONE + '[tasks.b]\ninterval = "1h"\nscript = "x"\ndepends_on = ["a", "a"]\n'
    assert fault(text) == "tasks.toml:7: tasks.b.depends_on[1]: 'a' is named twice"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"\n{ONE}\n{ONE}", "6: tasks.a: task 'a' is defined twice, first in line 2; rename one of them"),
        (f"[log]\n{ONE}\n[log]\n", "6: log: table 'log' is defined twice, first in line 1; join them"),
        (f'{ONE}"script" = "b.py"\n', '4: "script": \'"script"\' is defined twice; keep one of them'),
        (f"{ONE}env = {{ A = '1', A = '2' }}\n", "4: env: 'env' is defined twice; keep one of them"),
        (
            f"{ONE}interval 5\n",
            "4: syntax: not valid TOML: expected '=' after a key in a key/value pair; a line is",
        ),
        (
            f"{ONE}timeout = 10m\n",
            "4: syntax: not valid TOML: expected newline or end of document after a statement",
        ),
        (f"{ONE}timeout = ten\n", "4: syntax: not valid TOML: invalid value; text stands in quotes"),
        (f'{ONE}cwd = "C:\\Users"\n', "4: syntax: not valid TOML: "),
        (
            f'{ONE}cwd = "C:\\my"\n',
            "4: syntax: not valid TOML: unescaped '\\' in a string; write paths of Windows",
        ),
        (f'{ONE}cwd = "x\n', "4: syntax: not valid TOML: illegal character '\\n'; a text ends on the line"),
        (f'{ONE}args = ["x"\n', "4: syntax: not valid TOML: unclosed array; is a closing ] missing?"),
        (f"{ONE}x = {'[' * 20_000}", "1: syntax: brackets are nested too deeply"),
        (f"{ONE}x = {'9' * 5_000}", "4: syntax: not valid TOML: exceeds the limit"),
    ],
    ids=lambda value: value[-40:],
)
def test_what_is_no_toml_is_told_in_one_sentence(text: str, told: str) -> None:
    assert fault(text).startswith(f"tasks.toml:{told}")


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + ONE.encode(),
        codecs.BOM_UTF16_LE + ONE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + ONE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + ONE.encode("utf-32-le"),
        ONE.replace("\n", "\r\n").encode(),
    ],
    ids=["UTF-8 with a mark", "UTF-16-LE", "UTF-16-BE", "UTF-32-LE", "Windows line ends"],
)
def test_what_editors_of_windows_write_is_read(content: bytes) -> None:
    assert read(content) == read(ONE)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (ONE.encode() + b"# caf\xe9\n", "4: encoding: byte '0xe9' is no UTF-8 text; save the file as UTF-8"),
        (codecs.BOM_UTF16_LE + b"a", "1: encoding: byte '0x61' is no UTF-16 text; save the file as UTF-8"),
        (b"\0\0\0\0", "1: syntax: not valid TOML: invalid statement"),
    ],
    ids=["Latin-1", "half a UTF-16", "NUL"],
)
def test_what_is_no_text_is_told(content: bytes, told: str) -> None:
    assert fault(content).startswith(f"tasks.toml:{told}")


def test_a_text_with_a_lone_surrogate_is_a_fault_not_a_crash() -> None:
    assert "encoding" in fault(ONE + "# \ud800")


pieces = st.sampled_from(
    [
        ONE,
        "[tasks.b]\n",
        "[scheduler]\n",
        "[[tasks.a.steps]]\n",
        "[tasks.a.steps]\n",
        "[",
        "]",
        "{",
        "}",
        "=",
        ".",
        ",",
        '"',
        "'",
        '"""',
        "\n",
        "#",
        "\\",
        "tasks",
        "interval",
        "depends_on",
        "window",
        "env",
        "script",
        "memory_gate",
        " = [",
        ' = "10m"\n',
        " = 5\n",
        " = true\n",
        " = inf\n",
        ' = ["a", 5, [1]]\n',
        " = { a = 1 }\n",
        "é",
        "\0",
        " = 2025-01-01\n",
        " = 07:32:00\n",
        " = -0.0\n",
        " = 0xff\n",
        "rhythm.low_cpu",
        "interpreters",
        "log",
    ]
)


@given(st.one_of(st.lists(pieces, max_size=12).map("".join), st.text(max_size=40)))
def test_no_text_ends_in_anything_but_a_config_or_its_faults(text: str) -> None:
    told: list[str] = ["tasks.toml:1: it is without fault"]
    try:
        read(text)
    except ConfigError as error:
        told = error.faults
    assert told
    assert all(line.startswith("tasks.toml:") and line.isprintable() for line in told)


@given(st.binary(max_size=60))
def test_no_bytes_end_in_anything_but_a_config_or_its_faults(content: bytes) -> None:
    with pytest.raises(ConfigError):
        read(content)


def test_checked_values_say_no_more_than_the_file() -> None:
    assert validate(ONE.encode(), "x") == {"tasks": {"a": {"interval": 600, "script": "a.py"}}}


def test_a_home_folder_is_spelt_out_in_state_dir(tmp_path: Path) -> None:
    home = Path.home()
    assert read(f'scheduler.state_dir = "~/as"\n{ONE}').state_dir == str(home / "as")
    absolute = (tmp_path / "there").as_posix()
    assert Path(read(f'scheduler.state_dir = "{absolute}"\n{ONE}').state_dir) == tmp_path / "there"


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


def test_a_file_that_the_system_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(.*\); mend its permissions, or name another"):
        config.load(tmp_path / ("x" * 5_000), platform="linux")


def test_faults_name_the_file_as_short_as_the_reader_knows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text("x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^tasks\.toml:1: "):
        config.load(path, platform="linux")
    monkeypatch.chdir("/")
    with pytest.raises(ConfigError) as caught:
        config.load(path, platform="linux")
    assert caught.value.faults[0].startswith((str(path), str(path.relative_to("/"))))


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
    } <= set(tasks)
