"""An action of a task of Windows -> script, args and interpreter. Pure."""

import ntpath
import re
from collections.abc import Mapping
from typing import Any

USUAL = {
    "SYSTEMROOT": r"C:\Windows",
    "WINDIR": r"C:\Windows",
    "SYSTEMDRIVE": "C:",
    "PROGRAMFILES": r"C:\Program Files",
    "PROGRAMFILES(X86)": r"C:\Program Files (x86)",
    "PROGRAMW6432": r"C:\Program Files",
    "PROGRAMDATA": r"C:\ProgramData",
    "ALLUSERSPROFILE": r"C:\ProgramData",
    "PUBLIC": r"C:\Users\Public",
    "COMSPEC": r"C:\Windows\System32\cmd.exe",
}
"""What these are on nearly every Windows; where the import runs on one, its own values count."""

START = ["cmd", "/c"]
"""What starts a program of any kind on Windows."""

_POWERSHELL = re.compile(r"(?:powershell|pwsh)(?:\.exe)?", re.IGNORECASE)
_PYTHON = re.compile(r"(?:python[\d.]*w?|pyw?)(?:\.exe)?", re.IGNORECASE)
_QUIET = {
    "-noprofile": 0,
    "-nologo": 0,
    "-noninteractive": 0,
    "-executionpolicy": 1,
    "-ep": 1,
    "-windowstyle": 1,
    "-w": 1,
}
"""Options of PowerShell that a .ps1 gets here anyway, or that only matter to a window: how many words they take."""


def split(line: str) -> list[str]:
    r"""Return the words of a command line, as the C runtime of Windows splits it.

    A quote groups; 2n backslashes before one are n of them, 2n + 1 are n and a letter quote; two quotes within
    a group are one (learn.microsoft.com, "Parsing C++ command-line arguments").
    """
    words: list[str] = []
    word, inside, begun = "", False, False
    at = 0
    while at < len(line):
        letter = line[at]
        slashes = len(line[at:]) - len(line[at:].lstrip("\\")) if letter == "\\" else 0
        if slashes:
            at += slashes
            before_quote = line[at : at + 1] == '"'
            word += "\\" * (slashes // 2 if before_quote else slashes)
            begun = True
            if before_quote and slashes % 2:
                word += '"'
                at += 1
            continue
        at += 1
        if letter == '"':
            if inside and line[at : at + 1] == '"':
                word += '"'
                at += 1
            else:
                inside = not inside
            begun = True
        elif letter in " \t" and not inside:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word += letter
            begun = True
    return [*words, word] if begun else words


def step(command: str, arguments: str, environ: Mapping[str, str]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the keys of what an action runs, and what to know; ValueError where it runs nothing."""
    program, unknown = _expanded(command.strip().strip('"').strip(), environ)
    line, more = _expanded(arguments, environ)
    if not program:
        raise ValueError("its action names no program")
    if "\0" in program + line:
        raise ValueError("its action holds the character NUL")
    args = split(line)
    remarks = [f"%{name}% is not known here: write what it stands for" for name in (*unknown, *more)]
    base, ending = ntpath.basename(program), ntpath.splitext(program)[1].lower()
    if _POWERSHELL.fullmatch(base):
        found = _of_powershell(args)
        if found is not None:
            return found, (*remarks, "'.ps1' runs with pwsh where that is there, else with powershell.exe")
    elif _PYTHON.fullmatch(base) and args and args[0].lower().endswith((".py", ".pyw")):
        return _keys(args[0], args[1:], [program]), tuple(remarks)
    elif base.lower() in ("cmd", "cmd.exe") and len(args) > 1 and args[0].lower() == "/c":
        if args[1].lower().endswith((".bat", ".cmd")) and not re.search(r"[&|<>^]", line):
            return _keys(args[1], args[2:], START), tuple(remarks)
        remarks.append("its line is for cmd.exe, which reads quotes in its own way: try it with 'run --force'")
    if ending in (".ps1", ".py"):
        return _keys(program, args, None), tuple(remarks)
    if program == base:
        root = _known(environ)["SYSTEMROOT"]
        program = ntpath.join(root, "System32", base if ending else f"{base}.exe")
        remarks.append(f"'{base}' was looked for on the PATH of Windows; here it is '{program}'")
    return _keys(program, args, START), tuple(remarks)


def _of_powershell(args: list[str]) -> Mapping[str, Any] | None:
    """Return the keys of a script that PowerShell was to run with -File, None for anything else."""
    at = 0
    while at < len(args) and args[at].lower() in _QUIET:
        at += 1 + _QUIET[args[at].lower()]
    named = at + 1 < len(args) and args[at].lower() in ("-file", "-f")
    return _keys(args[at + 1], args[at + 2 :], None) if named and args[at + 1].lower().endswith(".ps1") else None


def _keys(script: str, args: list[str], interpreter: list[str] | None) -> Mapping[str, Any]:
    found = {"script": script, "args": args or None, "interpreter": interpreter}
    return {key: value for key, value in found.items() if value is not None}


def _expanded(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return a text with the variables of Windows worked out, and the names of those that are not known."""
    known = _known(environ)
    unknown = []

    def put(found: re.Match[str]) -> str:
        if found[1].upper() not in known:
            unknown.append(found[1])
        return known.get(found[1].upper(), found[0])

    return re.sub(r"%([A-Za-z_][\w()]*)%", put, text), unknown


def _known(environ: Mapping[str, str]) -> Mapping[str, str]:
    own = {name.upper(): value for name, value in environ.items()}
    return {**USUAL, **own} if "SYSTEMROOT" in own else USUAL
