"""Words -> what Windows starts. Only cmd.exe needs care: it reads its line as no other program does."""

import subprocess
from pathlib import PureWindowsPath

NEEDS_QUOTES = set(" \t&|<>()^,;=@!'`~+[]{}%")


def command_line(argv: list[str]) -> str:
    r"""Return the one text that Windows passes on; what stands behind cmd's /c gets quotes of its own.

    cmd strips the first and the last quote of that text as soon as it holds an `&` or more than two quotes, and then
    takes "C:\a & b\job.bat" for two commands.
    """
    switch = next((place for place, word in enumerate(argv) if word.lower() in ("/c", "/k")), None)
    if switch is None or PureWindowsPath(argv[0]).name.lower() not in ("cmd", "cmd.exe"):
        return subprocess.list2cmdline(argv)
    rest = " ".join(_quoted(word) for word in argv[switch + 1 :])
    return f'{subprocess.list2cmdline(argv[:switch])} /s {argv[switch]} "{rest}"'


def _quoted(word: str) -> str:
    return f'"{word}"' if not word or NEEDS_QUOTES & set(word) else word
