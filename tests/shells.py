"""Real shells on a pseudo-terminal: type a line, press Tab, see what became of it."""

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 60.0
PROGRAM = "adaptive-scheduler"

SETUP = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        'source ./script; bind -x \'"\\C-x\\C-g": printf "\\n<<%s>>\\n" "$READLINE_LINE"\'; PS1="@rea""dy@"\n',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -D -u; source ./script; setopt no_beep; "
        "tell() { print -r -- $'\\n'\"<<$BUFFER>>\" }; zle -N tell; bindkey '^X^G' tell; "
        'ready() { print -r -- "@rea""dy@" }; zle -N zle-line-init ready\n',
    ),
}
"""How each is started, and what it is told: to print its line at ^X^G, and @ready@ once it listens to single keys."""


class Shell:
    """An interactive shell that has read the program's completion script."""

    def __init__(self, name: str, folder: Path, environ: dict[str, str]) -> None:
        import pty

        self.environ = with_program(environ) | {"TERM": "dumb", "PS1": "$ ", "LC_ALL": "C.UTF-8"}
        (folder / "script").write_text(script(name, folder, self.environ), encoding="utf-8")
        self.primary, secondary = pty.openpty()
        argv, setup = SETUP[name]
        self.process = subprocess.Popen(
            argv,
            env=self.environ,
            cwd=folder,
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            start_new_session=True,
        )
        os.close(secondary)
        self._type(setup)
        self._answer(b"@ready@")

    def tab(self, line: str) -> str:
        """Return what the line is after Tab; the line is forgotten then."""
        self._type(f"{line}\t\x18\x07")
        seen = self._answer(b">>")
        self._type("\x15")
        return seen.rpartition("<<")[2].partition(">>")[0]

    def close(self) -> None:
        """End the shell."""
        self.process.kill()
        self.process.wait()
        os.close(self.primary)

    def _type(self, text: str) -> None:
        os.write(self.primary, text.encode())

    def _answer(self, end: bytes) -> str:
        seen, until = b"", time.monotonic() + PATIENCE_S
        while end not in seen:
            ready, _, _ = select.select([self.primary], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the shell said nothing more after {seen!r}"
            seen += os.read(self.primary, 65536)
        return seen.decode()


def with_program(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment with the program on the PATH, as its user has it."""
    return environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])}


def script(shell: str, folder: Path, environ: dict[str, str]) -> str:
    """Return the completion script of a shell, as the README has it printed."""
    asked = with_program(environ) | {"_ADAPTIVE_SCHEDULER_COMPLETE": f"source_{shell}"}
    program = shutil.which(PROGRAM, path=asked["PATH"])
    assert program is not None
    done = subprocess.run([program], env=asked, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout
