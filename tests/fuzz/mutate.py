"""Changes an input a little, in ways that its format knows: bytes, words, lines, and the tree of JSON.

Whoever mutates gives the dice, so that every input can be made once more.
"""

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

LONGEST = 20_000
"""Bytes of an input: what is longer is hardly ever another case, and always a slower one."""

_ODD_TEXTS = (
    "", "\0", "\ud800", "\U0001f600", "\r\n", "\x1b[2J", "a" * 300, "..", "/", "~nobody/x", "C:\\x", "%", "{", "@",
    "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999+09:00", "2025-11-02T22:30:00", "2025-11-02T22:30:00Z",
    "1970-01-01T00:00:00+00:00", "2025-11-02T22:31:00+00:00", "nan", "-inf", "1e999", "9" * 400, "-1", "0x10", "null",
    "100000000000d", "0s", "366d", "24:00-00:00", "00:00-24:00",
)  # fmt: skip
_MOMENTS = tuple(text for text in _ODD_TEXTS if text[:1].isdigit() and "-" in text)
_ODD_NUMBERS = (
    0, -1, 1, 7, 255, 65_535, 65_536, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e-320, 1e17,
    1e300, -1e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
_ODD_WORDS = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        *_ODD_TEXTS, *(str(number) for number in _ODD_NUMBERS if number != 10**400), "true", "[]", "{}", '""', "''",
        '"\\ud800"', '"\\u0000"', "inf", "-nan", "1e400", "9" * 5000, "[" * 2000, "{" * 2000, "1979-05-27T07:32:00Z",
        "1979-05-27", "07:32:00", "0001-01-01", '"' * 3, "'" * 3, "#", "=", ",", ":", ";", "\ufeff", "*", "*/5", "1-60",
        "@daily", "&#0;", "&x;", "<a>", "</a>", "<![CDATA[", "<!DOCTYPE a [<!ENTITY x 'y'>]>", "P1D", "PT0S", "P9999Y",
    )
)  # fmt: skip
_WORD = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[\w.+:%-]+|\s+|.', re.DOTALL)

Change = Callable[[bytes, Random, Sequence[bytes]], bytes]


def mutated(data: bytes, dice: Random, others: Sequence[bytes] = (), words: Sequence[bytes] = ()) -> bytes:
    """Return the input with one to four changes; `others` may be spliced into it, `words` are those of its format."""
    # Most inputs shall get past the first look at them.
    changes = dice.choice(((_change_tree,), (_change_tree, _put_word, _move_lines), _CHANGES))
    for _ in range(dice.choice((1, 1, 1, 1, 2, 2, 3))):
        change = dice.choice(changes)
        data = change(data, dice, others) if change is not _put_word else _put_word(data, dice, words)
    return data[:LONGEST]


def _flip(data: bytes, dice: Random, _: Sequence[bytes]) -> bytes:
    if not data:
        return bytes([dice.randrange(256)])
    place = dice.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :]


def _cut(data: bytes, dice: Random, _: Sequence[bytes]) -> bytes:
    begin, end = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
    return data[:begin] + data[end:]


def _repeat(data: bytes, dice: Random, _: Sequence[bytes]) -> bytes:
    begin, end = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
    return data[:end] + data[begin:end] * dice.choice((1, 1, 2, 30)) + data[end:]


def _splice(data: bytes, dice: Random, others: Sequence[bytes]) -> bytes:
    other = dice.choice(others) if others else data
    return data[: dice.randrange(len(data) + 1)] + other[dice.randrange(len(other) + 1) :]


def _put_word(data: bytes, dice: Random, words: Sequence[bytes]) -> bytes:
    found = [one.span() for one in _WORD.finditer(data[:LONGEST]) if not one[0].isspace()] or [(0, 0)]
    begin, end = dice.choice(found)
    word = dice.choice(words) if words and dice.random() < 0.5 else dice.choice(_ODD_WORDS)
    return data[:begin] + word + data[end if dice.random() < 0.8 else begin :]


def _move_lines(data: bytes, dice: Random, _: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    line = lines[one] if dice.random() < 0.5 else lines.pop(one)
    lines.insert(other, line)
    return b"\n".join(lines)


def _change_tree(data: bytes, dice: Random, others: Sequence[bytes]) -> bytes:
    """Change one place of a JSON tree; what is no JSON gets an odd word."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return _put_word(data, dice, ())
    places = list(_places(tree, 0))
    if not places:
        return json.dumps(_odd(dice)).encode()
    room, key = dice.choice(places)
    act = dice.random()
    if act < 0.65:
        room[key] = _like(room[key], dice) if dice.random() < 0.6 else _odd(dice)
    elif act < 0.75:
        del room[key]
    elif act < 0.9:
        other, there = dice.choice(places)
        room[key] = json.loads(json.dumps(other[there])) if there in other or isinstance(other, list) else None
    elif isinstance(room, dict):
        room[str(_odd_text(dice))] = room[key]
    else:
        room.insert(key, json.loads(json.dumps(room[key])))
    try:
        return json.dumps(tree, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return data


def _places(tree: Any, depth: int) -> Any:
    if depth > 40 or not isinstance(tree, dict | list):
        return
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        yield from _places(tree[key], depth + 1)


def _odd_text(dice: Random) -> str:
    return dice.choice(_ODD_TEXTS)


def _like(value: Any, dice: Random) -> Any:
    """Return another value of the same kind, a moment for a moment."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return dice.choice(_MOMENTS if value[:2] == "20" else _ODD_TEXTS)
    if isinstance(value, int | float):
        return dice.choice((*_ODD_NUMBERS, value + 1, -value, value * 1000))
    return _odd(dice)


def _odd(dice: Random) -> Any:
    kind = dice.randrange(8)
    if kind < 3:
        return dice.choice(_ODD_NUMBERS)
    if kind < 6:
        return _odd_text(dice)
    return dice.choice((None, True, False, [], {}, [[]], [None], {"": None}, [1, 2, 3]))


_CHANGES: tuple[Change, ...] = (
    _flip, _cut, _repeat, _splice, _put_word, _put_word, _put_word, _move_lines, *(_change_tree,) * 6,
)  # fmt: skip
