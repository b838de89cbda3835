"""How a process ended and what that makes of a run."""

import pytest

from adaptive_scheduler.verdict import StepEnd, judge, of_run
from tests.platforms import signals


@pytest.mark.parametrize(
    ("returncode", "expected"),
    [
        pytest.param(0, ("ok", 0, None, "exit code 0"), id="success"),
        pytest.param(10, ("warning", 10, None, "exit code 10"), id="warning code"),
        pytest.param(3, ("failed", 3, None, "exit code 3"), id="failure"),
        pytest.param(-9, ("failed", None, "SIGKILL", "killed by SIGKILL"), id="signal", marks=signals),
        pytest.param(-40, ("failed", None, "signal 40", "killed by signal 40"), id="signal without a name"),
        pytest.param(
            0xC0000005, ("failed", 0xC0000005, None, "exit code 3221225477 (0xC0000005)"), id="Windows exception"
        ),
    ],
)
def test_the_exit_code_decides(returncode: int, expected: tuple[object, ...]) -> None:
    assert judge(returncode, [0], [10]) == expected


def test_success_codes_replace_zero() -> None:
    assert judge(0, [1], [])[0] == "failed"
    assert judge(1, [1], [])[0] == "ok"


@pytest.mark.parametrize(
    ("statuses", "status", "cause"),
    [
        pytest.param(["ok"], "ok", "c0", id="one step speaks for itself"),
        pytest.param(["ok", "warning", "ok"], "warning", "step 's1': c1", id="a warning among successes"),
        pytest.param(["failed", "not_run"], "failed", "step 's0': c0", id="what did not run does not count"),
        pytest.param(["failed", "failed"], "failed", "step 's0': c0", id="the first of the worst decides"),
        pytest.param(["failed", "timeout"], "timeout", "step 's1': c1", id="a timeout is worse than a failure"),
        pytest.param(["skipped", "ok"], "ok", "step 's1': c1", id="a skipped step is no result"),
        pytest.param(["skipped"], "ok", "nothing to run here: c0", id="all skipped"),
        pytest.param([], "ok", "nothing to run", id="no steps"),
    ],
)
def test_a_run_is_as_bad_as_its_worst_step(statuses: list[str], status: str, cause: str) -> None:
    steps = [StepEnd(f"s{number}", one, f"c{number}") for number, one in enumerate(statuses)]
    assert of_run(steps)[0] == status
    assert of_run(steps)[3] == cause
