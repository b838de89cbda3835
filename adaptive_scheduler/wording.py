"""Notices -> the title and the text of a message, and what must not stand in any text. Pure."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from adaptive_scheduler.notify import About, Notice
from adaptive_scheduler.printable import many_lines, one_line

MOST_TOLD = 20
"""Notices that one message tells in full; of the others it says how many there are."""

MOST_LINES, LONGEST_LINE = 20, 200
"""How much of a run's output a message quotes: its last lines."""

LONGEST_REASON = 500
SHORTEST_SECRET = 4
"""Shorter parts of an address are no secrets: to blot them out would spoil the text."""

_TITLES: Mapping[About, str] = {
    About.FAILURE: "{task} is failing",
    About.RECOVERY: "{task} is well again",
    About.OVERDUE: "{task} is overdue",
    About.STARVING: "{task} is starving",
    About.MISSED_CYCLES: "cycles were missed",
    About.EVENT: "something happened",
    About.LONG_RUN: "{task} took unusually long",
    About.SHORT_RUN: "{task} was unusually short",
    About.HEAVY_RUN: "{task} used unusually much memory",
}
_TONES: Mapping[About, str] = {
    About.FAILURE: "failure",
    About.OVERDUE: "failure",
    About.RECOVERY: "success",
    About.SHORT_RUN: "info",
    About.LONG_RUN: "info",
    About.HEAVY_RUN: "info",
}
_FURTHER: Mapping[About, str] = {
    **dict.fromkeys(About, "logs {task} --run {run}"),
    **dict.fromkeys((About.OVERDUE, About.STARVING), "why {task}"),
    About.RECOVERY: "history {task}",
    About.MISSED_CYCLES: "check",
    About.EVENT: "events",
}


def tone(notices: Sequence[Notice]) -> str:
    """Return how grave a message is, of its gravest notice: "failure", "warning", "info" or "success"."""
    tones = {_TONES.get(one.about, "warning") for one in notices}
    return min(tones, key=("failure", "warning", "info", "success").index)


def title(notices: Sequence[Notice], host: str) -> str:
    """Return the title of a message: what it is about, and on which machine."""
    said = [_titled(one) for one in notices[:3]]
    more = f" and {len(notices) - 3} more" if len(notices) > 3 else ""
    return one_line(f"[{host}] {', '.join(said)}{more}")


def body(notices: Sequence[Notice], tails: Mapping[str, str], config: str) -> str:
    """Return the text of a message: of each notice the reason, the last lines of its run, and where to look further.

    `tails` has the output of runs by their id, `config` is the path of tasks.toml.
    """
    parts = [_part(one, tails.get(one.run_id, ""), config) for one in notices[:MOST_TOLD]]
    if len(notices) > MOST_TOLD:
        parts.append(f"and {len(notices) - MOST_TOLD} more: adaptive-scheduler --config {_quoted(config)} status")
    return "\n\n".join(parts)


def tail(output: str) -> str:
    """Return the last lines of an output, fit to be quoted."""
    lines = many_lines(output).rstrip().splitlines()[-MOST_LINES:]
    return "\n".join(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..." for line in lines)


def redacted(text: str, address: str) -> str:
    """Return a text without an address, or any part of it that may be a secret."""
    parts = {address}
    try:
        split = urlsplit(address)
        parts |= {split.username or "", split.password or "", split.path, split.query, split.fragment}
        words = set(re.split(r"[/?&=:@,;#+]", f"{split.netloc}/{split.path}?{split.query}"))
        parts |= words - {split.hostname or "", str(split.port)}
    except ValueError:  # an address that is none is still a secret
        parts |= set(re.split(r"[/?&=:@,;#]", address))
    for part in sorted(parts | {unquote(one) for one in parts}, key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            text = re.sub(re.escape(part), "***", text, flags=re.IGNORECASE)
    return text


def _titled(one: Notice) -> str:
    return _TITLES[one.about].format(task=one.task) if one.task else one_line(one.reason)[:80]


def _part(one: Notice, output: str, config: str) -> str:
    said = one_line(one.reason)[:LONGEST_REASON]
    lines = [f"{_titled(one)}: {said}" if one.task else said, f"at {one.at:%Y-%m-%d %H:%M:%S %z}"]
    quoted = tail(output)
    if quoted:
        lines += ["last lines of its output:", *(f"  | {line}" for line in quoted.splitlines())]
    further = _FURTHER[one.about].format(task=_quoted(one.task), run=_quoted(one.run_id or "ID"))
    lines.append(f"look further: adaptive-scheduler --config {_quoted(config)} {further}")
    return "\n".join(lines)


def _quoted(word: str) -> str:
    """Return a word as a shell takes it; double quotes are understood by those of both systems."""
    return word if re.fullmatch(r"[\w./:\\@%+-]+", word) else f'"{word}"'
