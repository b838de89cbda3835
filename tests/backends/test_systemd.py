"""Units, what the manager says of them, and what is done about it."""

from dataclasses import replace

import pytest

from adaptive_scheduler.backends import systemd, units
from adaptive_scheduler.backends.base import Answer, Answers, File, Question, Registration, Remove, Run, Write
from adaptive_scheduler.errors import UsageError
from tests.backends.golden import LINUX, as_installed, example

SERVICE = File("/home/me/.config/systemd/user/AdaptiveScheduler.service")
TIMER = File("/home/me/.config/systemd/user/AdaptiveScheduler.timer")


def state(**changes: str) -> Answer:
    properties = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"}
    return Answer(0, "".join(f"{key}={value}\n" for key, value in (properties | changes).items()).encode())


def with_state(answer: Answer, wish: Registration = LINUX) -> Answers:
    return {**as_installed("systemd"), systemd._question(wish, "timer"): answer}


def commands(actions: "tuple[object, ...]") -> list[str]:
    return [" ".join(one.argv) for one in actions if isinstance(one, Run)]


def test_a_users_units_go_into_their_folder_and_their_manager_is_told() -> None:
    plan = systemd.install(LINUX, {})
    assert [one.path for one in plan.actions if isinstance(one, Write)] == [SERVICE.path, TIMER.path]
    assert commands(plan.actions) == [
        "systemctl --user daemon-reload",
        "systemctl --user enable AdaptiveScheduler.timer",
        "systemctl --user restart AdaptiveScheduler.timer",
    ]


def test_a_registration_with_the_machine_runs_as_its_user() -> None:
    plan = systemd.install(example(system=True), {})
    service, timer, *rest = plan.actions
    assert isinstance(service, Write)
    assert isinstance(timer, Write)
    assert service.path == "/etc/systemd/system/AdaptiveScheduler.service"
    assert b"\nUser=me\n" in service.content
    assert commands(tuple(rest))[0] == "systemctl daemon-reload"


def test_lingering_is_told_of_where_it_is_missing_and_only_there() -> None:
    answers = dict(as_installed("systemd"))
    assert systemd.install(LINUX, answers).notes == ()
    del answers[File("/var/lib/systemd/linger/me")]
    (note,) = systemd.install(LINUX, answers).notes
    assert "loginctl enable-linger me" in note
    found = systemd.registered(LINUX, answers)
    assert found is not None
    assert found.notes == (note,)
    assert systemd.install(example(system=True), {}).notes == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ActiveState": "inactive"}, "'AdaptiveScheduler.timer' is not started (inactive)"),
        ({"UnitFileState": "disabled"}, "not enabled (disabled): the next boot forgets it"),
        ({"LoadState": "masked"}, "has not loaded 'AdaptiveScheduler.timer' (masked)"),
        ({"NeedDaemonReload": "yes"}, "has not read the present 'AdaptiveScheduler.timer' yet"),
    ],
)
def test_what_the_manager_has_otherwise_is_told_and_mended(changes: dict[str, str], words: str) -> None:
    answers = with_state(state(**changes))
    found = systemd.registered(LINUX, answers)
    assert found is not None
    assert len(found.faults) == 1
    assert words in found.faults[0]
    assert not any(isinstance(one, Write) for one in systemd.install(LINUX, answers).actions)
    assert commands(systemd.install(LINUX, answers).actions)


@pytest.mark.parametrize("file", [SERVICE, TIMER], ids=["service", "timer"])
def test_an_edited_unit_is_told_and_written_anew(file: File) -> None:
    answers = dict(as_installed("systemd"))
    answers[file] = Answer(0, answers[file].content + b"# mine\n")
    found = systemd.registered(LINUX, answers)
    assert found is not None
    assert found.faults == (f"'{file.path}' is not what 'install' wrote",)
    assert [one.path for one in systemd.install(LINUX, answers).actions if isinstance(one, Write)] == [file.path]


def test_a_service_of_this_name_in_another_folder_is_not_shadowed() -> None:
    """`--name nginx`: ours would take the place of the distribution's own at the next boot."""
    wish = example(name="nginx", system=True)
    answers: Answers = {
        systemd._question(wish, "service"): Answer(
            0, b"LoadState=loaded\nFragmentPath=/lib/systemd/system/nginx.service\n"
        ),
        systemd._question(wish, "timer"): state(LoadState="not-found"),
    }
    found = systemd.registered(wish, answers)
    assert found is not None
    assert not found.ours
    assert "/lib/systemd/system/nginx.service" in found.summary


def test_a_project_whose_path_ends_like_ours_is_another() -> None:
    short = example(config="/me/tasks.toml", argv=(*LINUX.argv[:7], "/me/tasks.toml", "run"))
    found = systemd.registered(short, as_installed("systemd"))
    assert found is not None
    assert not found.ours


def test_a_drop_in_is_told() -> None:
    changed = state(DropInPaths="/usr/lib/systemd/user/timer.d/all.conf /x/AdaptiveScheduler.timer.d/override.conf")
    found = systemd.registered(LINUX, with_state(changed))
    assert found is not None
    assert found.notes == ("'AdaptiveScheduler.timer' is changed by '/x/AdaptiveScheduler.timer.d/override.conf'",)


def test_uninstall_stops_the_timer_alone_and_leaves_nothing() -> None:
    plan = systemd.uninstall(LINUX, as_installed("systemd"))
    assert [one.path for one in plan.actions if isinstance(one, Remove)] == [TIMER.path, SERVICE.path]
    assert not any("AdaptiveScheduler.service" in one and "reset-failed" not in one for one in commands(plan.actions))
    assert "systemctl --user clean --what=state AdaptiveScheduler.timer" in commands(plan.actions)


@pytest.mark.parametrize(
    ("answer", "system", "words"),
    [
        (Answer(None), False, "not started by systemd"),
        (Answer(1, b"", "Failed to connect to bus"), False, "user manager does not answer (Failed to connect to bus)"),
        (Answer(1, b"", "Host is down"), True, "the system manager does not answer (Host is down)"),
        (state(), False, None),
        (state(LoadState="not-found"), False, None),
    ],
)
def test_where_there_is_no_manager_it_says_so(answer: Answer, system: bool, words: str | None) -> None:
    wish = replace(LINUX, system=system)
    told = systemd.missing(wish, {systemd._question(wish, "timer"): answer})
    assert (told is None) if words is None else (told is not None and words in told)


@pytest.mark.parametrize(
    ("word", "quoted", "in_command"),
    [
        ("/usr/bin/python", "/usr/bin/python", "/usr/bin/python"),
        ("PATH=/a:/b", "PATH=/a:/b", "PATH=/a:/b"),
        ("a b", '"a b"', '"a b"'),
        ("50%", "50%%", "50%%"),
        ("$HOME", '"$HOME"', '"$$HOME"'),
        ('say "x"', r'"say \"x\""', r'"say \"x\""'),
        ("back\\slash", r'"back\\slash"', r'"back\\slash"'),
        ("it's", '"it\'s"', '"it\'s"'),
        ("한국", "한국", "한국"),
        ("", '""', '""'),
    ],
)
def test_words_are_quoted_as_unit_files_say_them(word: str, quoted: str, in_command: str) -> None:
    assert (units.quoted(word), units.in_command(word)) == (quoted, in_command)


def test_a_line_break_is_refused() -> None:
    with pytest.raises(UsageError, match="line break"):
        systemd.install(example(environment={"PATH": "/a\n/b"}), {})


def test_the_question_is_put_to_the_right_manager() -> None:
    asked = Question(("systemctl", "--user", "show", "AdaptiveScheduler.timer", f"--property={systemd.PROPERTIES}"))
    assert asked in systemd.looks(LINUX)
    assert not any("--user" in one.argv for one in systemd.looks(example(system=True)) if isinstance(one, Question))
