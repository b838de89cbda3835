"""README.ko.md says what README.md says: the same blocks, commands, options, codes, links and numbers."""

import re
from pathlib import Path

import pytest

from adaptive_scheduler.codes import MEANINGS

ROOT = Path(__file__).parents[1]
ENGLISH, KOREAN = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
SECTIONS = {
    "Why not cron?": "cron으로는 왜 부족한가",
    "Install": "설치",
    "Commands": "명령",
    "Exact behaviour": "정확한 동작",
    "Reasons": "이유",
    "Limits, honestly": "솔직한 한계",
}
"""What is translated; the first screen is "" in both."""

EQUAL = {"": "", **SECTIONS}


def section(text: str, title: str) -> str:
    """Return what stands below a heading, or before the first one."""
    body = text.partition(f"\n## {title}\n")[2] if title else text
    return body.partition("\n## ")[0]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w+\n.*?^```$", text, re.M | re.S)


def running(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def spans(text: str) -> list[str]:
    """Return what stands in backticks, in any order: sentences are built otherwise in Korean."""
    return sorted(" ".join(one.split()) for one in re.findall(r"`([^`]+)`", running(text)))


def rows(text: str) -> list[str]:
    return re.findall(r"^\| (.*?) \|", text, re.M)[1:]


def test_both_point_at_each_other_in_their_first_lines() -> None:
    assert "(README.ko.md)" in "".join(ENGLISH.splitlines()[:4])
    assert "(README.md)" in "".join(KOREAN.splitlines()[:4])


def test_the_sections_are_those_and_stand_in_order() -> None:
    assert re.findall(r"^## (.*)$", KOREAN, re.M) == list(SECTIONS.values())
    english = re.findall(r"^## (.*)$", ENGLISH, re.M)
    assert [title for title in SECTIONS if title not in english] == []


@pytest.mark.parametrize("title", EQUAL)
def test_the_blocks_of_a_section_are_the_same(title: str) -> None:
    assert blocks(section(KOREAN, EQUAL[title])) == blocks(section(ENGLISH, title))


@pytest.mark.parametrize("title", EQUAL)
def test_commands_options_keys_and_files_of_a_section_are_the_same(title: str) -> None:
    english, korean = spans(section(ENGLISH, title)), spans(section(KOREAN, EQUAL[title]))
    assert set(korean) == set(english)


@pytest.mark.parametrize("title", ["Commands", "Reasons"])
def test_tables_have_the_same_rows_with_the_same_code_in_each(title: str) -> None:
    def table(text: str) -> list[tuple[str, list[str]]]:
        lines = re.findall(r"^\| (.*?) \| (.*) \|$", text, re.M)[1:]
        return [(first, spans(second)) for first, second in lines]

    assert table(section(KOREAN, SECTIONS[title])) == table(section(ENGLISH, title))


def test_every_code_is_explained() -> None:
    assert rows(section(KOREAN, SECTIONS["Reasons"])) == [*MEANINGS]


@pytest.mark.parametrize("title", ["Exact behaviour", "Limits, honestly"])
def test_there_is_one_item_for_each_and_its_numbers_are_the_same(title: str) -> None:
    def numbers(text: str) -> list[list[str]]:
        items = re.split(r"^- ", running(text), flags=re.M)[1:]
        return [
            sorted(set(re.findall(r"\d+(?:\.\d+)?(?= (?:%|B|MB)(?![A-Za-z]))|\d+\.\d+(?=초| s)", one))) for one in items
        ]

    korean = re.sub(r"(\d+)~(\d+ %)", r"\1 % \2", section(KOREAN, SECTIONS[title]))
    english = re.sub(r"(\d+) to (\d+ %)", r"\1 % \2", section(ENGLISH, title))
    assert numbers(korean) == numbers(english)


def test_links_lead_to_sections_of_the_other_file() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.*)$", ENGLISH, re.M)
    }
    found = re.findall(r"\(README\.md#([^)]*)\)", KOREAN)
    assert found
    assert [one for one in found if one not in anchors] == []


def test_the_order_of_refusals_is_the_same() -> None:
    found = [re.search(r"[:：] (DISABLED(?:,\s+[A-Z_]+)+)", text) for text in (ENGLISH, KOREAN)]
    english, korean = (one[1].split() for one in found if one is not None)
    assert korean == english
