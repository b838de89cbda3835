"""`help`: every verb has its page, no page says what is not so, and a terminal of any width shows it."""

import re
import shlex
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from adaptive_scheduler import cli, plain_cluster, plain_events, usage
from adaptive_scheduler.codes import MEANINGS
from adaptive_scheduler.commands import topics
from adaptive_scheduler.commands.help import EXIT_STATUS, ORDER, contents, sections
from adaptive_scheduler.conditions import parse as condition
from adaptive_scheduler.durations import parse as duration
from adaptive_scheduler.manpage import Section, commands, layout, terms
from adaptive_scheduler.sizes import parse_size
from adaptive_scheduler.tables import File, ProbeTable, SchedulerTable, TaskTable
from adaptive_scheduler.times import parse_time
from tests.builders import event, fleet, node
from tests.console import Inside

NOW = datetime.fromisoformat("2025-11-02T22:30:00+09:00")
GROUP: Any = typer.main.get_command(cli.app)
ROOT: Any = typer.Context(GROUP, info_name="adaptive-scheduler")
VERBS = dict(usage.verbs(GROUP))
TOPICS = [*VERBS, *topics.TOPICS]
WAY_OUT = "write adaptive_scheduler/manual/VERB.txt (words joined by '-'), as CONTRIBUTING.md tells"


@pytest.fixture
def program(tmp_path: Any) -> Inside:
    return Inside(tmp_path)


def page(topic: str) -> dict[str, Section]:
    return {one.title: one for one in sections(ROOT, topic)}


# -- every page --------------------------------------------------------------------------------------


def test_every_verb_has_a_page_of_its_own() -> None:
    assert [verb for verb in VERBS if not topics.written(verb)] == [], WAY_OUT


def test_every_verb_stands_in_a_group_of_the_list() -> None:
    titles = [one.title for one in contents(ROOT)]
    assert "OTHERS" not in titles, "put the verb into GROUPS of commands/topics.py"
    listed = [term for one in contents(ROOT) for term in terms(one)]
    assert sorted(listed) == sorted(TOPICS)


def test_every_file_of_the_manual_is_the_page_of_something() -> None:
    names = {file.name for file in (resources.files("adaptive_scheduler") / "manual").iterdir()}
    assert names == {f"{topic.replace(' ', '-')}.txt" for topic in TOPICS if topics.written(topic)}


def test_a_verb_without_a_page_has_the_one_that_is_made_of_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "written", lambda topic: [])
    assert list(page("why")) == ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"]
    assert page("why")["DESCRIPTION"].lines == ("Explain why a task runs or does not, now or at a time in the past.",)
    monkeypatch.setattr(topics, "GROUPS", {})
    assert terms(contents(ROOT)[1]) == list(VERBS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_has_known_sections_and_what_it_shows_can_be_done(topic: str) -> None:
    found = page(topic)
    if topic in VERBS:
        assert [title for title in (one.title for one in topics.written(topic)) if title not in ORDER] == []
        assert set(terms(found["EXIT STATUS"])) >= set(EXIT_STATUS)
    assert topic == "help" or "SEE ALSO" in found
    named = [
        one.removeprefix("help ") for line in found.get("SEE ALSO", Section("", ())).lines for one in line.split(", ")
    ]
    assert [one for one in named if one not in TOPICS] == []


@pytest.mark.parametrize("verb", VERBS)
def test_options_are_all_there_with_their_help(verb: str) -> None:
    told = terms(page(verb)["OPTIONS"]) if "OPTIONS" in page(verb) else []
    assert len(told) == len([one for one in VERBS[verb].params if "--help" not in one.opts and not one.hidden])
    synopsis = " ".join(page(verb)["SYNOPSIS"].lines)
    for one in VERBS[verb].params:
        if one.param_type_name == "option" and not one.hidden and "--help" not in one.opts:
            assert one.opts[0] in synopsis
    if "--json" in " ".join(told):
        assert "JSON" in page(verb)
    assert "EXAMPLES" in page(verb)


def examples() -> Iterator[tuple[str, str]]:
    for topic in TOPICS:
        for line in commands(sections(ROOT, topic)):
            yield topic, line


@pytest.mark.parametrize(("topic", "line"), list(examples()))
def test_every_example_parses_and_is_of_its_topic(topic: str, line: str) -> None:
    program, *words = shlex.split(line.partition(" > ")[0])
    assert program == "adaptive-scheduler"
    if words[0].startswith("--") and words[0] != "--config":
        assert words[0] in ("--install-completion", "--show-completion")
        return
    verb = next(word for word in words if word in GROUP.commands)
    at = words.index(verb)
    command, rest = GROUP.commands[verb], words[at + 1 :]
    with GROUP.make_context(program, words[: at + 1]) as context:
        while hasattr(command, "commands"):
            verb, (name, *rest) = f"{verb} {rest[0]}", rest
            command = command.commands[name]
        command.make_context(verb, rest, parent=context)
    assert topic not in VERBS or verb == topic or verb.startswith(f"{topic} ")


KEYED = ["run", "status", "why a", "check", "trends", "forecast", "learn", "history"]


def test_the_keys_of_the_json_are_those_of_the_page(program: Inside) -> None:
    program.config('[tasks.a]\ninterval = "10m"\nscript = "a.py"\n').script("a.py", "").at(NOW)
    for line in KEYED:
        if line == "learn":
            pytest.importorskip("numpy", reason="learning needs numpy, which cannot be loaded here")
        words = line.split()
        told = {one for term in terms(page(words[0])["JSON"]) for one in term.split(", ")}
        assert set(program(*words, "--json").lines[0]) == told, line


def test_so_are_those_of_what_is_not_made_here() -> None:
    def told(topic: str) -> set[str]:
        return {one for term in terms(page(topic)["JSON"]) for one in term.split(", ")}

    assert set(plain_events.event(event("cpu_spike"))) == told("events")
    plain = plain_cluster.cluster("tls://master:8786", fleet(node()))
    assert set(plain) == told("cluster status")
    nodes = next(line for line in page("cluster status")["JSON"].lines if line.startswith("nodes :: "))
    at = page("cluster status")["JSON"].lines.index(nodes)
    named = " ".join(page("cluster status")["JSON"].lines[at:]).partition(" :: ")[2]
    assert set(plain["nodes"][0]) == {one.strip(" .") for one in named.split(",")}


# -- topics ------------------------------------------------------------------------------------------


def test_the_page_of_reasons_has_every_code() -> None:
    found = page("reasons")
    assert terms(found["REASONS TO START"]) + terms(found["REASONS NOT TO START"]) == [*MEANINGS]


def test_the_page_of_tasks_toml_has_every_key_and_default() -> None:
    found = page("tasks.toml")
    told = {title.strip("[]").removesuffix(".NAME"): one for title, one in found.items() if title.startswith("[")}
    assert list(told) == list(File.model_fields)
    shown = {name: [term for term in terms(one) if "." not in term] for name, one in told.items()}
    models: dict[str, type[BaseModel]] = {"scheduler": SchedulerTable, "tasks": TaskTable, "probes": ProbeTable}
    for name, table in models.items():
        assert shown[name] == list(table.model_fields)
    assert {"steps.script", "where.labels"} <= set(terms(told["tasks"]))
    assert 'Default: "5m".' in " ".join(told["scheduler"].lines)
    assert '    ".sh" = ["bash"]' in told["interpreters"].lines


def test_what_the_page_of_times_shows_is_accepted() -> None:
    found = page("times")
    for term in terms(found["TIMES"]):
        parse_time(term, NOW)
    for term in terms(found["DURATIONS"]):
        if term.endswith("ms"):
            ProbeTable.model_validate({"tcp": "localhost:1", "timeout": term})
        else:
            duration(term)
    for term in terms(found["SIZES"]):
        parse_size(term)
    for term in terms(found["CONDITIONS"]):
        condition(term)


# -- the command -------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("topic", ["", *TOPICS])
def test_a_page_fits_its_terminal_in_plain_ascii(program: Inside, topic: str, columns: int) -> None:
    program.environ["COLUMNS"] = str(columns)
    answer = program.bare("help", *topic.split())
    assert (answer.code, answer.err) == (0, "")
    assert re.fullmatch(r"[\n -~]+", answer.out)
    wide = [
        line for line in answer.out.splitlines() if len(line) > columns and not re.match(r" *(\$ |\S+$| {8})", line)
    ]
    assert wide == []
    assert all(line == line.rstrip() for line in answer.out.splitlines())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["whi"], "no help on 'whi'; did you mean 'why'?"),
        (["cluster", "nodes"], "did you mean 'cluster node'?"),
        (["task.toml"], "did you mean 'tasks.toml'?"),
        (["--man"], "name the topic of the page, such as: help --man why"),
        (["\x1b[31mzzz"], "no help on '\\x1b[31mzzz'; the topics are: run, "),
    ],
)
def test_an_unknown_topic_is_2_and_what_was_meant(program: Inside, words: list[str], says: str) -> None:
    answer = program.bare("help", *words)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


def test_the_list_of_topics_names_each_once(program: Inside) -> None:
    out = program.bare("help").out
    for topic in TOPICS:
        assert len(re.findall(rf"^    {re.escape(topic)}  ", out, re.M)) == 1, topic
    assert layout(contents(ROOT), 80) == out
