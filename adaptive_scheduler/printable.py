r"""Text that others wrote -> text that a terminal and a log line can take: nothing in it moves a cursor. Pure.

Control characters (ANSI escapes begin with one), line separators, marks that turn the writing direction and
halves of characters become visible, as `\\x1b`; everything else, every script and every emoji, stays.
"""

import re

_HARMFUL = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_A_LINE = re.compile(f"[{_HARMFUL}]")
_IN_A_TEXT = re.compile(rf"(?![\n\t])[{_HARMFUL}]")


def one_line(text: str) -> str:
    """Return the text as a single line: line breaks become spaces, what controls a terminal visible."""
    return _IN_A_LINE.sub(_visible, " ".join(text.splitlines()))


def many_lines(text: str) -> str:
    """Return the text with its line breaks and tabs, and whatever else controls a terminal visible."""
    return _IN_A_TEXT.sub(_visible, text.replace("\r\n", "\n"))


def in_json(text: str) -> str:
    """Return JSON that means the same, and in which nothing controls a terminal: such letters are escaped."""
    return _IN_A_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _visible(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]
