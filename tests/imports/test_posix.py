"""Commands of a crontab: what a shell would only split, and what stays its own."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.imports.posix import Surroundings, Work, stdin_apart, work
from tests.platforms import posix_only

HOME = Surroundings("/home/me")
THERE = {
    "prog": "/usr/bin/prog",
    "python3": "/usr/bin/python3",
    "flock": "/usr/bin/flock",
    "timeout": "/usr/bin/timeout",
}


def of(command: str, around: Surroundings = HOME) -> Work:
    return work(command, around, lambda name, path: THERE.get(name))


@pytest.mark.parametrize(
    ("command", "script", "args"),
    [
        ("/opt/x", "/opt/x", None),
        ("/opt/x.sh --to '/mnt/my disk' \"a b\"c ''", "/opt/x.sh", ["--to", "/mnt/my disk", "a bc", ""]),
        ("prog -v", "/usr/bin/prog", ["-v"]),
        ("./bin/x.sh", "/home/me/bin/x.sh", None),
        ("bin/x.sh a", "/home/me/bin/x.sh", ["a"]),
        ("~/x.sh ~/y ~", "/bin/sh", ["-c", "~/x.sh ~/y ~"]),
        ("~/x.sh ~/y", "/home/me/x.sh", ["/home/me/y"]),
        ("flock -n /tmp/l timeout 20m /opt/x", "/usr/bin/flock", ["-n", "/tmp/l", "timeout", "20m", "/opt/x"]),
        ("python3 -u x.py", "/usr/bin/python3", ["-u", "x.py"]),
        ("python3 -", "/usr/bin/python3", ["-"]),
        ("/bin/sh -c 'a; b'", "/bin/sh", ["-c", "a; b"]),
    ],
)
def test_a_plain_program_is_started_by_itself(command: str, script: str, args: list[str] | None) -> None:
    assert of(command).values == {"script": script, "args": args, "interpreter": ["env"]}


@pytest.mark.parametrize(
    ("command", "script", "args", "interpreter"),
    [
        ("python3 /opt/x.py -a", "/opt/x.py", ["-a"], "/usr/bin/python3"),
        ("python3 x.py", "/home/me/x.py", None, "/usr/bin/python3"),
        ("/usr/bin/php8.2 /srv/cron.php", "/srv/cron.php", None, "/usr/bin/php8.2"),
    ],
)
def test_an_interpreter_with_a_script_is_a_script_with_an_interpreter(
    command: str, script: str, args: list[str] | None, interpreter: str
) -> None:
    assert of(command).values == {"script": script, "args": args, "interpreter": [interpreter]}


@pytest.mark.parametrize(
    "command",
    [
        "/opt/a | /opt/b",
        "/opt/a && /opt/b",
        "/opt/a > /tmp/x 2>&1",
        "/opt/a $HOME",
        '/opt/a "$HOME"',
        '/opt/a "a\\b"',
        "/opt/a *.log",
        "cd /srv",
        "FOO=1 /opt/a",
        "/opt/a 'unclosed",
        "/opt/a `date`",
        "/opt/a \\$x",
        "/opt/a ~other",
        "/opt/a --x=~/y:~/z",
        "[ -x /opt/a ]",
        "/opt/a # remark",
        "/opt/a ~/x '~/y'",
        '"" x',
    ],
)
def test_what_a_shell_would_work_out_stays_with_it(command: str) -> None:
    assert of(command).values == {"script": "/bin/sh", "args": ["-c", command], "interpreter": ["env"]}


@pytest.mark.parametrize("word", ["cd", "command", "time", "umask", "."])
def test_a_word_of_the_shell_stays_with_it_where_a_program_has_that_name_too(word: str) -> None:
    found = work(f"{word} x", HOME, lambda name, path: f"/usr/bin/{name}")
    assert found.values["args"] == ["-c", f"{word} x"]


def test_the_shell_is_the_one_that_the_crontab_names() -> None:
    assert of("a | b", Surroundings("/", shell="/bin/bash")).values["script"] == "/bin/bash"


def test_a_name_that_is_not_on_the_path_is_left_to_the_shell_and_told() -> None:
    found = of("nothing --here")
    assert found.values["args"] == ["-c", "nothing --here"]
    assert "'nothing' was not found on cron's PATH (/usr/bin:/bin)" in found.remarks[0]


@pytest.mark.parametrize(
    ("command", "shell", "given"),
    [
        ("prog", "prog", None),
        (r"date +\%d", "date +%d", None),
        ("mail me%hello%world", "mail me", "hello\nworld"),
        (r"mail me%50\% off", "mail me", "50% off"),
        ("mail me%", "mail me", ""),
    ],
)
def test_a_percent_sign_ends_the_command_unless_escaped(command: str, shell: str, given: str | None) -> None:
    assert stdin_apart(command) == (shell, given)


def test_what_follows_a_percent_sign_is_a_here_document_with_an_end_of_its_own() -> None:
    found = of("mail me%END%END_%bye")
    assert found.values["args"] == ["-c", "{ mail me\n} <<'END__'\nEND\nEND_\nbye\nEND__"]
    assert "as its input" in found.remarks[0]


@posix_only("sh")
def test_a_here_document_reaches_the_first_of_several_commands_as_it_does_under_cron() -> None:
    args = of("cat && echo done%one%$two").values["args"]
    answer = subprocess.run(["/bin/sh", *args], capture_output=True, text=True, check=True)
    assert answer.stdout == "one\n$two\ndone\n"


@posix_only("sh")
@settings(deadline=None)  # a process each
@given(
    st.lists(
        st.text("ab =:~/.-$'\"\\`*?[]{}#!&;|<>()%", min_size=1, max_size=6).filter(lambda word: word.strip()),
        min_size=0,
        max_size=3,
    )
)
def test_what_is_split_here_is_what_a_shell_splits(words: list[str]) -> None:
    """Where it is no plain program the shell has it anyway, so only those need to be compared."""
    command = " ".join(["/bin/echo", *words]).replace("%", r"\%")
    found = of(command)
    if found.values["script"] != "/bin/echo":
        return
    line, _ = stdin_apart(command)
    told = subprocess.run(
        ["/bin/sh", "-c", line.replace("/bin/echo", "printf '%s\\n' x", 1)],
        capture_output=True,
        text=True,
        env={"HOME": "/home/me"},
        check=True,
    )
    assert told.stdout.split("\n")[1:-1] == (found.values["args"] or [])


@given(st.lists(st.text(min_size=1).filter(lambda word: "\0" not in word and "%" not in word), min_size=1))
def test_words_that_were_quoted_for_a_shell_come_out_whole_or_stay_with_it(words: list[str]) -> None:
    line = "/opt/x " + shlex.join(words)
    found = of(line)
    assert found.values["args"] in (words, ["-c", line.strip()])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("flock -n /l /opt/x", "a task never runs twice at once"),
        ("timeout 5m /opt/x", "a run is ended after `timeout`"),
        ("nice -n 10 /opt/x", "at a lower priority"),
        ("cd / && run-parts --report /etc/cron.daily", "each script of that folder"),
        ("/opt/x >> /var/log/x.log 2>&1", "the redirection may go"),
        ("/opt/x > /dev/null 2>&1", "the redirection may go"),
    ],
)
def test_what_is_built_in_here_is_told(command: str, says: str) -> None:
    assert says in " ".join(of(command).remarks)


@pytest.mark.parametrize("command", ["command -v x > /dev/null && /opt/x", "/opt/x '>> /a'", "/opt/x 2>&1"])
def test_a_redirection_that_keeps_nothing_is_not_told(command: str) -> None:
    assert of(command).remarks == ()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/opt/backup.sh --to x", "backup"),
        ("flock -n /l timeout 5m /opt/report.py", "report"),
        ("[ -x /usr/lib/clean ] && if [ ! -d /run ]; then /usr/lib/clean; fi", "clean"),
        ("test -e /run || X=1 /sbin/scrub -A", "scrub"),
        ("cd /srv && make all", "make"),
        ("cd /srv && ./x.sh", "x"),
        ("command -v sa1 > /dev/null && sa1 1 1", "sa1"),
        ("echo 'a b'", "echo"),
        ("'%'", "task"),
        ("nice sh", "nice"),
    ],
)
def test_a_task_is_named_after_its_work(command: str, name: str) -> None:
    assert of(command.replace("%", r"\%")).name == name


@pytest.mark.parametrize(("command", "says"), [("  ", "no command"), ("a\0b", "NUL"), ("%x", "no command")])
def test_what_is_no_command_is_an_error(command: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        of(command)


@posix_only("a PATH of programs without endings")
def test_a_bare_name_is_looked_up_on_the_path_of_the_crontab(tmp_path: Path) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    around = Surroundings("/", path=str(tmp_path))
    found = work("mine a", around, lambda name, path: shutil.which(name, path=path))
    assert found.values["script"] == str(program)
