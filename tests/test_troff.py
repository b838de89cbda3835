"""Pages for man: nothing in them is obeyed by troff but what we mean, and a real man shows every word."""

import os
import shutil
import subprocess
from typing import Any

import pytest
import typer.main

from adaptive_scheduler import cli
from adaptive_scheduler.commands.help import help_, sections
from adaptive_scheduler.commands.topics import TOPICS
from adaptive_scheduler.manpage import UNBROKEN, Section
from adaptive_scheduler.troff import troff
from adaptive_scheduler.usage import verbs
from tests.console import Stream, streams

GROUP: Any = typer.main.get_command(cli.app)
ROOT: Any = typer.Context(GROUP, info_name="adaptive-scheduler")
PAGES = [*dict(verbs(GROUP)), *TOPICS]


def test_marks_become_requests_and_no_text_does() -> None:
    page = [
        Section("NAME", ("program verb - Does it",)),
        Section(
            "DESCRIPTION",
            (
                "A paragraph",
                "of two lines.",
                "",
                ".SH is no request, nor is",
                "",
                "'a quote",
                "- an item",
                f'--at{UNBROKEN}TIME :: A \\\\ and a "quote"',
                "$ program --option",
            ),
        ),
    ]
    assert troff(page, "program-verb", 1, "program 1").splitlines() == [
        r'.TH "PROGRAM\-VERB" 1 "" "program 1"',
        ".nh",
        '.SH "NAME"',
        r"program\-verb \- Does it",
        '.SH "DESCRIPTION"',
        "A paragraph of two lines.",
        ".PP",
        r"\&.SH is no request, nor is",
        ".PP",
        r"\(aqa quote",
        r".IP \(bu 2",
        "an item",
        ".TP",
        r'.B "\-\-at\ TIME"',
        r"A \e\e and a \(dqquote\(dq",
        ".RS 4",
        ".nf",
        r"$ program \-\-option",
        ".fi",
        ".RE",
    ]


@pytest.mark.parametrize("topic", PAGES)
def test_groff_shows_every_word_and_complains_about_none(topic: str) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("there is no groff here")
    out = Stream()
    with streams(out, out):
        assert help_(ROOT, topic.split(), man=True) == 0
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=200n"],
        input=out.text.encode(),
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    shown = "".join(done.stdout.decode().replace("\u2010", "-").split())
    for one in sections(ROOT, topic)[1:]:
        for line in one.lines:
            for part in line.removeprefix("- ").split(" :: "):
                assert "".join(part.split()) in shown, line
