"""`help`: a page for every verb and some topics; options come from the command line itself."""

import shutil
from typing import Any

from adaptive_scheduler import __version__, usage
from adaptive_scheduler.commands import output, topics
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.manpage import Section, definition, layout
from adaptive_scheduler.names import instead
from adaptive_scheduler.pager import page
from adaptive_scheduler.troff import troff

ORDER = (
    "DESCRIPTION",
    "COMMANDS",
    "OPTIONS",
    "OUTPUT",
    "JSON",
    "EXIT STATUS",
    "EXAMPLES",
    "FILES",
    "ENVIRONMENT",
    "SEE ALSO",
)
"""Of the sections of a verb's page, behind NAME and SYNOPSIS."""

EXIT_STATUS = {
    "0": "Fine.",
    "2": "The command line or tasks.toml is wrong; stderr says what, and the way out.",
    "3": "A fault of the program or of its files.",
    "130": "Interrupted.",
}
"""What every verb may end with; a page says what else, and what it means by them."""


CHAPTERS = {"tasks.toml": 5, "files": 5}
"""Of the manual of Unix: files; commands are in 1, all else in 7."""


def help_(root: Any, words: list[str], *, man: bool) -> int:
    """Show the page of a topic, or the list of topics; `root` is the context of the program's command line."""
    topic = " ".join(words)
    if man:
        output.line(_for_man(root, topic).rstrip("\n"))
        return 0
    page(layout(sections(root, topic) if topic else contents(root), shutil.get_terminal_size().columns))
    return 0


def _for_man(root: Any, topic: str) -> str:
    """Return the page in troff, for man; UsageError where no topic is named."""
    if not topic:
        raise UsageError("name the topic of the page, such as: help --man why")
    chapter = CHAPTERS.get(topic, 7 if topic in topics.TOPICS else 1)
    name = f"{usage.PROGRAM}-{topic.replace(' ', '-')}"
    return troff(sections(root, topic), name, chapter, f"{usage.PROGRAM} {__version__}")


def sections(root: Any, topic: str) -> list[Section]:
    """Return the page of a verb or topic; UsageError, with a suggestion, where there is none."""
    known = dict(usage.verbs(root.command))
    if topic in topics.TOPICS:
        return topics.about(topic)
    if topic not in known:
        raise UsageError(f"no help on '{topic}'; {instead(topic, [*known, *topics.TOPICS], 'topics')}")
    command = known[topic]
    context = type(root)(command, info_name=topic, parent=root)
    written = {one.title: one for one in topics.written(topic)}
    made = {
        "DESCRIPTION": Section("DESCRIPTION", (f"{usage.summary(command)}.",)),
        "COMMANDS": usage.below(topic, command) if hasattr(command, "commands") else None,
        "OPTIONS": usage.options(command, context),
        **written,
        "EXIT STATUS": _exit_status(written.get("EXIT STATUS")),
    }
    ordered = (made.get(title) for title in ORDER)
    return [usage.name(topic, command), usage.synopsis(topic, command), *(one for one in ordered if one and one.lines)]


def contents(root: Any) -> list[Section]:
    """Return the list of topics, in groups."""
    known = dict(usage.verbs(root.command))
    grouped = {verb for group in topics.GROUPS.values() for verb in group}
    groups = dict(topics.GROUPS)
    groups["OTHERS"] = tuple(verb for verb in known if verb not in grouped)
    return [
        Section("HELP", (f"{usage.PROGRAM} help TOPIC shows a page. The topics are:",)),
        *(
            Section(title, tuple(definition(verb, usage.summary(known[verb])) for verb in group))
            for title, group in groups.items()
            if group
        ),
        Section("BEYOND COMMANDS", tuple(definition(topic, title) for topic, title in topics.TOPICS.items())),
    ]


def _exit_status(own: Section | None) -> Section:
    told = dict(EXIT_STATUS)
    for line in own.lines if own else ():
        code, _, meaning = line.partition(" :: ")
        told[code] = meaning
    return Section("EXIT STATUS", tuple(definition(code, told[code]) for code in sorted(told, key=int)))
