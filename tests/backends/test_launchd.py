"""The property list, and what launchd says of the job."""

import plistlib
from dataclasses import replace

import pytest

from adaptive_scheduler.backends import launchd
from adaptive_scheduler.backends.base import FORGETS_WITHIN_S, Answer, Answers, File, Question, Run, Write
from tests.backends.golden import MACOS, as_installed

FILE = File("/Users/me/Library/LaunchAgents/adaptive-scheduler.AdaptiveScheduler.plist")
JOB = Question(("launchctl", "print", "gui/501/adaptive-scheduler.AdaptiveScheduler"))


LABEL = "gui/501/adaptive-scheduler.AdaptiveScheduler"
FORGET = Run(("launchctl", "bootout", LABEL), must=False)


@pytest.mark.parametrize("loaded", [False, True], ids=["for the first time", "in place of an older one"])
def test_an_agent_is_written_checked_and_loaded(loaded: bool) -> None:
    write, lint, *rest = launchd.install(MACOS, {JOB: Answer(0 if loaded else 113)}).actions
    assert isinstance(write, Write)
    assert write.path == FILE.path
    assert plistlib.loads(write.content)["ProgramArguments"] == [*MACOS.argv, "--faults-only"]
    assert lint == Run(("plutil", "-lint", FILE.path), optional=True)
    assert rest == [
        *([FORGET] if loaded else []),
        Run(("launchctl", "enable", LABEL), must=False),
        Run(("launchctl", "bootstrap", "gui/501", FILE.path), retry_s=FORGETS_WITHIN_S),
    ]


def test_a_daemon_of_the_system_runs_as_its_user() -> None:
    write, *_, load = launchd.install(replace(MACOS, system=True), {}).actions
    assert isinstance(write, Write)
    assert write.path == "/Library/LaunchDaemons/adaptive-scheduler.AdaptiveScheduler.plist"
    assert plistlib.loads(write.content)["UserName"] == "me"
    assert load == Run(("launchctl", "bootstrap", "system", write.path), retry_s=FORGETS_WITHIN_S)


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ({JOB: Answer(113)}, "launchd has not loaded 'adaptive-scheduler.AdaptiveScheduler'"),
        ({FILE: Answer(0, plistlib.dumps({"ProgramArguments": list(MACOS.argv)}))}, f"'{FILE.path}' is not what"),
    ],
    ids=["unloaded", "edited"],
)
def test_what_is_not_as_wished_is_told_and_mended(answers: Answers, fault: str) -> None:
    told = {**as_installed("launchd"), **answers}
    found = launchd.registered(MACOS, told)
    assert found is not None
    assert found.ours
    assert len(found.faults) == 1
    assert fault in found.faults[0]
    assert launchd.install(MACOS, told).actions


@pytest.mark.parametrize("content", [b"", b"no plist", plistlib.dumps(["a list"]), plistlib.dumps({})[:-20]])
def test_a_file_that_is_no_job_of_ours_is_foreign(content: bytes) -> None:
    found = launchd.registered(MACOS, {FILE: Answer(0, content)})
    assert found is not None
    assert not found.ours


def test_uninstall_unloads_and_removes() -> None:
    forget, remove = launchd.uninstall(MACOS, as_installed("launchd")).actions
    assert isinstance(forget, Run)
    assert forget.argv[:2] == ("launchctl", "bootout")
    assert getattr(remove, "path", "") == FILE.path


def test_elsewhere_it_says_that_this_is_no_macos() -> None:
    assert launchd.missing(MACOS, {}) == "no 'launchctl' on PATH: this is no macOS"
    assert launchd.missing(MACOS, {JOB: Answer(113)}) is None
