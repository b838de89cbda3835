"""Values -> TOML as people write it: one line a key, paths of Windows in single quotes. Pure.

The law: what tomllib reads of the text is the value.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


def value(one: Any) -> str:
    """Return a value as TOML: text, numbers, truth, lists, and tables within a line.

    Raises ValueError for text that holds half a character, which UTF-8 cannot say.
    """
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, str):
        return _text(one)
    if isinstance(one, Mapping):
        inside = ", ".join(f"{key(name)} = {value(inner)}" for name, inner in one.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(one, Sequence):
        return f"[{', '.join(map(value, one))}]"
    return str(one)


def key(name: str) -> str:
    """Return a key, in quotes where it needs them."""
    return (
        name
        if re.fullmatch(r"[A-Za-z0-9_-]+", name)
        else json.dumps(name, ensure_ascii=False).replace("\x7f", r"\u007f")
    )


def table(path: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table with its header; a list of tables takes a line for each."""
    lines = [f"[{'.'.join(map(key, path))}]"]
    for name, one in values.items():
        if isinstance(one, list) and one and all(isinstance(inner, Mapping) for inner in one):
            lines += [f"{key(name)} = [", *(f"    {value(inner)}," for inner in one), "]"]
        else:
            lines.append(f"{key(name)} = {value(one)}")
    return lines


def _text(one: str) -> str:
    try:
        one.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{one!r} holds half a character, which no file of UTF-8 can say") from error
    if "\\" in one and not re.search(r"['\x00-\x1f\x7f]", one):
        return f"'{one}'"
    return json.dumps(one, ensure_ascii=False).replace("\x7f", r"\u007f")
