"""The program on a pseudo-terminal, as a person sees it."""

import os
import re
import signal
import subprocess

from tests.program import Program


def on_a_terminal(program: Program, *words: str, stop: bytes | None = None, **environ: str | None) -> tuple[int, str]:
    """Run it as a person does, on a pseudo-terminal of 80 columns; interrupt it once `stop` was seen.

    Returns the exit code and what was seen. A variable that is None is taken out of the environment.
    """
    import pty

    primary, secondary = pty.openpty()
    wanted = {key: value for key, value in (program.environ | environ).items() if value is not None}
    process = subprocess.Popen(
        program.argv(*words),
        env=wanted | {"TERM": "xterm"},
        cwd=program.folder,
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        start_new_session=True,
    )
    os.close(secondary)
    seen = b""
    while True:
        try:
            piece = os.read(primary, 65536)
        except OSError:  # Linux says so when the last writer has gone
            break
        if not piece:
            break
        seen += piece
        if stop is not None and stop in seen:
            process.send_signal(signal.SIGINT)
            stop = None
    os.close(primary)
    return process.wait(timeout=60), seen.decode().replace("\r\n", "\n")


def read_on_a_terminal(program: Program, *words: str, stop: bytes | None = None) -> tuple[int, str]:
    """The same, without what moves the cursor or colours the text."""
    code, seen = on_a_terminal(program, *words, stop=stop)
    return code, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
