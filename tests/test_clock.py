"""The clock reads local time, and the documented seam pretends another."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from adaptive_scheduler.clock import Clock
from adaptive_scheduler.errors import UsageError


class SteppedClock(Clock):
    """A pretended clock whose monotonic time a test moves."""

    elapsed_s = 1_000.0

    def monotonic(self) -> float:
        return self.elapsed_s


def pretended(text: str) -> Clock:
    return SteppedClock.from_environment({"ADAPTIVE_FAKE_NOW": text})


@pytest.mark.parametrize("environ", [{}, {"ADAPTIVE_FAKE_NOW": ""}], ids=["unset", "empty"])
def test_without_the_seam_it_is_the_time_of_this_machine(environ: dict[str, str]) -> None:
    clock = Clock.from_environment(environ)
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == datetime.now().astimezone().utcoffset()
    assert not clock.fake


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = Clock()
    first = clock.monotonic()
    assert clock.monotonic() >= first


@pytest.mark.skipif(sys.platform not in ("linux", "darwin", "win32"), reason="about systems that tell")
def test_the_time_since_boot_grows_and_sleep_is_part_of_it() -> None:
    first = Clock().uptime()
    assert first is not None
    assert first > 0
    # The clock that stops in sleep can be behind only; on Windows both count in steps.
    assert first >= time.monotonic() - 1
    second = Clock().uptime()
    assert second is not None
    assert second >= first


def test_a_pretended_time_has_no_boot() -> None:
    assert pretended("2025-11-02T22:35:00+09:00").uptime() is None


def test_where_the_system_has_no_such_clock_the_time_since_boot_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert Clock().uptime() is None


def test_the_first_reading_is_exactly_the_pretended_moment_and_keeps_its_offset() -> None:
    clock = pretended("2025-11-02T22:35:00+09:00")
    assert clock.fake
    assert clock.now().isoformat() == "2025-11-02T22:35:00+09:00"


def test_later_readings_advance_from_the_first_one() -> None:
    clock = pretended("2025-11-02T22:35:00+09:00")
    assert isinstance(clock, SteppedClock)
    clock.elapsed_s = 5_000.0  # whatever passes before the first reading does not count
    first = clock.now()
    clock.elapsed_s += 90
    assert clock.now() - first == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("2025-11-02T13:35:00Z", "2025-11-02T13:35:00+00:00", id="zulu"),
        pytest.param("2025-11-02 22:35+09:00", "2025-11-02T13:35:00+00:00", id="a blank for the T"),
    ],
)
def test_other_ways_to_write_the_moment(text: str, moment: str) -> None:
    assert pretended(text).now() == datetime.fromisoformat(moment)


def test_a_moment_without_an_offset_is_in_the_local_zone() -> None:
    program = (
        "import os; from adaptive_scheduler.clock import Clock; "
        "print(Clock.from_environment(os.environ).now().isoformat())"
    )
    environ = {**os.environ, "ADAPTIVE_FAKE_NOW": "2025-11-02T22:35:00", "TZ": "XYZ-9"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True)
    assert done.stdout.strip() == "2025-11-02T22:35:00+09:00", done.stderr


@pytest.mark.parametrize("text", ["noon", "22:35", "2025-13-01T00:00", "2025-11-02T22:35:00+99:00"])
def test_nonsense_is_refused_with_the_variable_its_value_and_the_form(text: str) -> None:
    with pytest.raises(UsageError, match=r"2025-11-02T22:35:00\+09:00") as refused:
        pretended(text)
    assert f"ADAPTIVE_FAKE_NOW='{text}'" in str(refused.value)
