"""Bytes of a hand-edited file -> TOML values; whatever is wrong becomes one place and one sentence.

UTF-8 is the rule; a byte order mark is forgiven, and with one UTF-16 too, since editors and shells of
Windows write both.
"""

import codecs
import re
from typing import Any

from adaptive_scheduler.toml_lines import lines

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The mark of UTF-16-LE begins that of UTF-32-LE, so it stands after it."""

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_HINTS = (
    ("Unescaped '\\'", r"write paths of Windows in 'single quotes', or with / instead of \ "),
    ("Invalid value", 'text stands in quotes, a duration too: interval = "10m"'),
    ("Invalid statement", "a line is [a.table], key = value, or # a comment"),
    ("Expected '='", "a line is [a.table], key = value, or # a comment"),
    ("Illegal character '\\n'", "a text ends on the line on which it began: is a closing quote missing?"),
    ("Unterminated string", "is a closing quote missing?"),
    ("Unclosed array", "is a closing ] missing?"),
    ("Unclosed inline table", "is a closing } missing?"),
)
_KEY = re.compile(r"""^[\s{,]*((?:[\w-]+|"[^"]*"|'[^']*'|\s*\.\s*)+?)\s*=""")


class TomlTextError(Exception):
    """A file that cannot be read as TOML: the 1-based line, what kind of fault, and a sentence."""

    def __init__(self, line: int, where: str, sentence: str) -> None:
        """Keep the three parts apart; the file's name is the caller's to add."""
        super().__init__(sentence)
        self.line, self.where, self.sentence = line, where, sentence


def decode(data: bytes) -> str:
    """Return the text of a file; TomlTextError names the line of the first byte that is none."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        culprit = data[error.start : error.start + 1].hex()
        sentence = f"byte '0x{culprit}' is no {encoding.upper().removesuffix('-SIG')} text; save the file as UTF-8"
        raise TomlTextError(line, "encoding", sentence) from error


def parse(text: str) -> dict[str, Any]:
    """Return the values of a TOML text; TomlTextError when it is none, or defines something twice."""
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise TomlTextError(1, "syntax", "brackets are nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, or a number with thousands of digits
        raise _fault(text, str(error)) from error


def _fault(text: str, message: str) -> TomlTextError:
    found = _PLACE.search(message)
    message = _PLACE.sub("", message)
    line = int(found.group(1)) if found and found.group(1) else max(1, text.rstrip().count("\n") + 1)
    twice = re.match(r"Cannot declare (\(.*\)) twice", message)
    if twice:
        return _table_twice(text, line, _path(twice.group(1)))
    if message.startswith(("Cannot overwrite", "Duplicate inline table key")):
        return _key_twice(text, line)
    hint = next((hint for start, hint in _HINTS if message.startswith(start)), "")
    sentence = f"not valid TOML: {message[:1].lower()}{message[1:]}"
    return TomlTextError(line, "syntax", f"{sentence}; {hint.strip()}" if hint else sentence)


def _path(shown: str) -> tuple[str, ...]:
    import ast

    return tuple(map(str, ast.literal_eval(shown)))


def _table_twice(text: str, line: int, path: tuple[str, ...]) -> TomlTextError:
    is_task = len(path) == 2 and path[0] == "tasks"
    what = f"task '{path[1]}'" if is_task else f"table '{'.'.join(path)}'"
    first = lines(text).get(path, line)
    also = f", first in line {first}" if first < line else ""
    way_out = "; rename one of them" if is_task else "; join them"
    return TomlTextError(line, ".".join(path), f"{what} is defined twice{also}{way_out}")


def _key_twice(text: str, line: int) -> TomlTextError:
    """Name the key of this line; tomllib only says that a value would be overwritten."""
    written = text.split("\n")[line - 1]
    found = _KEY.match(written)
    key = found.group(1).strip() if found else written.strip()
    return TomlTextError(line, key, f"'{key}' is defined twice; keep one of them")
