"""What a second user tries, each as a function that does it for real and returns the line by which it is refused."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from adaptive_scheduler import __version__, config
from tests.processes import until
from tests.strangers import Ground

ATTEMPTS: dict[str, Callable[[Ground], str]] = {}

HOSTILE = "[tasks.evil]\\ninterval = '10m'\\nscript = '/bin/true'\\n"


def attempt(kind: str) -> Callable[[Callable[[Ground], str]], Callable[[Ground], str]]:
    def kept(body: Callable[[Ground], str]) -> Callable[[Ground], str]:
        ATTEMPTS[kind] = body
        return body

    return kept


# -- tasks.toml ----------------------------------------------------------------------------------------


@attempt("replace tasks.toml in a folder that a group can write")
def _(at: Ground) -> str:
    os.chown(at.folder, 0, 65_534)
    at.folder.chmod(0o775)
    at.stranger(f'mv {at.folder}/tasks.toml {at.folder}/gone; printf "{HOSTILE}" > {at.folder}/tasks.toml')
    return at.refused()


@attempt("write into a tasks.toml that is open to all")
def _(at: Ground) -> str:
    (at.folder / "tasks.toml").chmod(0o666)
    at.stranger(f'printf "{HOSTILE}" >> {at.folder}/tasks.toml')
    return at.refused()


@attempt("leave a tasks.toml where somebody else will stand")
def _(at: Ground) -> str:
    at.stranger(f'printf "{HOSTILE}" > {at.shared}/tasks.toml')
    words = [sys.executable, "-m", "adaptive_scheduler", "run"]
    done = subprocess.run(words, cwd=at.shared, env=at.program.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    return done.stderr.strip().removeprefix("adaptive-scheduler: ")


@attempt("change what a linked tasks.toml leads to")
def _(at: Ground) -> str:
    at.stranger(f'mkdir {at.shared}/theirs; printf "{HOSTILE}" > {at.shared}/theirs/tasks.toml')
    (at.folder / "tasks.toml").unlink()
    (at.folder / "tasks.toml").symlink_to(at.shared / "theirs" / "tasks.toml")
    return at.refused()


@attempt("put a pipe in the place of tasks.toml, so that its reader hangs")
def _(at: Ground) -> str:
    (at.folder / "tasks.toml").unlink()
    at.opened(at.folder, f"mkfifo {at.folder}/tasks.toml")
    os.chown(at.folder / "tasks.toml", 0, 0)
    at.folder.chmod(0o755)
    return at.refused()


@attempt("give a folder a name that moves the cursor")
def _(at: Ground) -> str:
    at.stranger(f"mkdir \"$(printf '{at.shared}/\\033[2Jx')\"")
    folder = next(at.shared.iterdir())
    shutil.copy(at.folder / "tasks.toml", folder)
    return at.refused("--config", str(folder / "tasks.toml"), "run")


# -- what is run ---------------------------------------------------------------------------------------


@attempt("replace a script in a folder that is open to all")
def _(at: Ground) -> str:
    (at.folder / "scripts").mkdir()
    (at.folder / "a.py").rename(at.folder / "scripts" / "a.py")
    (at.folder / "scripts").chmod(0o777)
    at.tasks("scripts/a.py")
    at.stranger(f"cd {at.folder}/scripts; mv a.py gone; echo 'print(1)' > a.py")
    return at.refused_task()


@attempt("write into a script that a group can write")
def _(at: Ground) -> str:
    os.chown(at.folder / "a.py", 0, 65_534)
    (at.folder / "a.py").chmod(0o664)
    at.stranger(f"echo 'print(1)' >> {at.folder}/a.py")
    return at.refused_task()


@attempt("lay a module beside a script in a folder such as /tmp")
def _(at: Ground) -> str:
    (at.folder / "a.py").rename(at.shared / "a.py")
    at.tasks(str(at.shared / "a.py"))
    at.stranger(f"echo 'print(1)' > {at.shared}/os.py; echo 'print(1)' > {at.shared}/time.py")
    return at.refused_task()


@attempt("replace the interpreter of a script")
def _(at: Ground) -> str:
    at.stranger(f"mkdir {at.shared}/bin; printf '#!/bin/sh\\necho 1\\n' > {at.shared}/bin/tool")
    at.stranger(f"chmod 755 {at.shared}/bin/tool")
    (at.folder / "a.x").touch()
    at.tasks("a.x", head=f'[interpreters]\n".x" = ["{at.shared}/bin/tool"]\n')
    return at.refused_task()


@attempt("lay modules where a cycle is called")
def _(at: Ground) -> str:
    for name in ("json", "typing", "tomllib", "typer", "pydantic"):
        at.stranger(f"echo 'raise SystemExit(99)' > {at.shared}/{name}.py")
    console = Path(sys.executable).with_name("adaptive-scheduler")
    for call in ([sys.executable, "-m", "adaptive_scheduler"], [str(console)] if console.exists() else []):
        if call:
            words = [*call, "--config", str(at.folder / "tasks.toml"), "run"]
            done = subprocess.run(words, cwd=at.shared, env=at.program.environ, capture_output=True, timeout=120)
            assert done.returncode == 0, done
    assert at.ran() == ["a.py", "b.py"]
    return "none of them is loaded"


# -- the state folder ----------------------------------------------------------------------------------


@attempt("make the state folder first, with a checked copy that runs their script")
def _(at: Ground) -> str:
    _shared_project(at)
    path, digest = at.folder / "tasks.toml", hashlib.sha256((at.folder / "tasks.toml").read_bytes()).hexdigest()
    plain = {"tasks": {"evil": {"interval": 600, "script": "a.py"}}}
    claims = {"version": 1, "program": __version__, "platform": config.current_platform(), "path": str(path)}
    copy = json.dumps({**claims, "sha256": digest, "config": plain})
    at.stranger(f"mkdir {at.folder}/outputs; printf '%s' '{copy}' > {at.folder}/outputs/tasks.validated.json")
    return at.refused()


@attempt("put a link in the place of the state folder")
def _(at: Ground) -> str:
    _shared_project(at)
    precious = at.victim.with_name("precious")
    precious.mkdir(mode=0o700)
    at.stranger(f"ln -s {precious} {at.folder}/outputs")
    line = at.refused()
    assert list(precious.iterdir()) == []
    return line


@attempt("write into a state folder that is open to all")
def _(at: Ground) -> str:
    at.program.outputs.mkdir()
    at.program.outputs.chmod(0o777)
    at.stranger(f"echo '{{}}' > {at.program.outputs}/adaptive_scheduler_state.json")
    return at.refused()


@attempt("leave a link to a precious file in the place of the log")
def _(at: Ground) -> str:
    at.opened(at.program.outputs, f"ln -s {at.victim} {at.program.outputs}/adaptive_scheduler.log")
    return _untouched(at)


@attempt("leave a second name of their file in the place of the log, to read along")
def _(at: Ground) -> str:
    mine = at.shared / "mine"
    at.opened(at.program.outputs, f"touch {mine}; ln {mine} {at.program.outputs}/adaptive_scheduler.log")
    line = _untouched(at)
    assert mine.read_text() == ""
    return line


@attempt("leave a link to a precious file in the place of the lock")
def _(at: Ground) -> str:
    at.opened(at.program.outputs, f"ln -s {at.victim} {at.program.outputs}/adaptive_scheduler.lock")
    answer = at.run()
    assert (answer.code, at.victim.read_text(), at.ran()) == (3, "precious", [])
    return answer.err.strip().removeprefix("adaptive-scheduler: ")


@attempt("leave a pipe in the place of the state, so that its reader hangs")
def _(at: Ground) -> str:
    at.opened(at.program.outputs, f"mkfifo {at.program.outputs}/adaptive_scheduler_state.json")
    answer = at.run()
    assert (answer.code, at.ran()) == (3, [])
    return answer.err.strip().removeprefix("adaptive-scheduler: ")


# -- what the kernel refuses for us --------------------------------------------------------------------


@attempt("read state, log, history, outbox and what scripts printed")
def _(at: Ground) -> str:
    assert at.run().code == 0
    places = [at.program.outputs, *at.program.outputs.rglob("*")]
    lines = [at.stranger(f"ls -d {one}/ && ls {one}; cat {one}", may=False) for one in places]
    assert all("Permission denied" in line for line in lines)
    return _denied(lines[0])


@attempt("forge the end of a run")
def _(at: Ground) -> str:
    assert at.run().code == 0
    done = next(at.program.outputs.glob("runs/a/*/done.json"))
    return _denied(at.stranger(f"echo '{{}}' > {done}", may=False))


@attempt("hold the lock of the state, so that every cycle waits")
def _(at: Ground) -> str:
    assert at.run().code == 0
    line = at.stranger(f"exec 9< {at.program.outputs}/adaptive_scheduler.lock; sleep 60", may=False)
    assert at.run().code == 0
    return _denied(line)


@attempt("end a run by a signal to its supervisor")
def _(at: Ground) -> str:
    at.program.script("a.py", f"while not os.path.exists({str(at.folder / 'go')!r}): time.sleep(0.02)\n")
    assert at.run("run", "--wait", "0s").code == 0
    line = at.stranger(f"kill -TERM {at.program.supervisor_pid('a')}", may=False)
    (at.folder / "go").touch()
    until(lambda: any(at.program.outputs.glob("runs/a/*/done.json")))
    assert at.run().code == 0
    assert at.program.state["tasks"]["a"]["last"]["status"] == "ok"
    return _denied(line)


def _denied(line: str) -> str:
    """The words of the system, without those of the shell, which every system has others of."""
    return next(words for words in ("Permission denied", "Operation not permitted") if words in line)


def _shared_project(at: Ground) -> None:
    """Make the project's folder one as /tmp is."""
    at.folder.chmod(0o1777)


def _untouched(at: Ground) -> str:
    """Run a cycle that cannot write its log, and return what it says of that; the precious file is as it was."""
    answer = at.run()
    assert (at.victim.read_text(), at.ran()) == ("precious", ["a.py", "b.py"])
    return answer.err.splitlines()[0].removeprefix("adaptive-scheduler: ")
