"""Faults of single values: each line, each sentence, all at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.validation import validate
from tests.faults import ONE, fault, faults, read

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
        "tasks.toml:7: memory_gate.limit: limit (95) is above hard_limit (90, the default)",
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
        ("success_codes = []", "tasks.a.success_codes: must not be empty"),
        ("success_codes = 0", "tasks.a.success_codes: '0' is not a list; write it in brackets"),
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
        ("[metrics]", '1: metrics.textfile: is missing; add textfile = "/var/lib/node_exporter/adaptive.prom"'),
        (
            '[metrics]\ntextfile = "adaptive.txt"',
            "2: metrics.textfile: 'adaptive.txt' must end in .prom, such as "
            '"/var/lib/node_exporter/adaptive.prom": node_exporter reads no other file',
        ),
        ('[metrics]\npath = "a.prom"', "2: metrics.path: unknown key 'path'; did you mean 'textfile'?"),
        ('[metrics]\ntextfile = "a.prom"\nproject = ""', "3: metrics.project: must not be empty"),
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
