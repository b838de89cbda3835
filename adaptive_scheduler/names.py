"""Names in tasks.toml: what makes one impossible, and which known one was probably meant."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

LONGEST_NAME = 64
LONGEST_NAME_BYTES = 200
"""Names become folders; file systems take 255 bytes."""

SHOWN = 8
"""How many names a sentence lists."""

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)", re.IGNORECASE)


def impossible(name: str, kind: str) -> str | None:
    """Return what makes a name impossible as a folder or on a command line; `kind` is "a task", "an event"..."""
    if not name:
        return f"{kind}'s name must not be empty"
    if len(name) > LONGEST_NAME or len(name.encode("utf-8", "replace")) > LONGEST_NAME_BYTES:
        return f"'{name[:20]}...' is too long for {kind}'s name: {LONGEST_NAME} letters at most"
    bad = next((letter for letter in name if not re.match(r"[\w.-]", letter)), None)
    if bad is not None:
        shown = bad if bad.isprintable() else f"U+{ord(bad):04X}"
        return f"'{shown}' cannot stand in {kind}'s name; use letters, digits, '_', '-' and '.'"
    if name[0] in ".-" or name[-1] == ".":
        return f"'{name}' cannot be {kind}'s name: it must not begin with '.' or '-', nor end with '.'"
    if _DEVICE.match(name):
        return f"'{name}' cannot be {kind}'s name: Windows keeps it for a device"
    return None


def faults(names: Iterable[str], kind: str, taken: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield (name, sentence) for each name that is impossible, or hard to tell from another one.

    A name that is `taken` may stand here as it is, but nothing that differs from it only in case.
    """
    seen = {_folded(name): name for name in taken}
    for name in names:
        fault = impossible(name, kind)
        if fault:
            yield name, fault
        other = seen.setdefault(_folded(name), name)
        if other != name:
            yield name, f"'{name}' and '{other}' differ only in case; some systems cannot tell: rename one"


def instead(name: str, known: Iterable[str], plural: str) -> str:
    """Return the way out for an unknown name: the one that looks alike, or a list of them."""
    folded = {other.casefold(): other for other in known}
    close = get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    names = list(folded.values())
    return f"the {plural} are: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
