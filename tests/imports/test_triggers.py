"""Triggers of Windows: which days and times they mean, and what has no beat here."""

import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest

from adaptive_scheduler.durations import compact
from adaptive_scheduler.imports.beat import Beat
from adaptive_scheduler.imports.triggers import beat, period

AT = "<StartBoundary>2024-01-05T03:00:00</StartBoundary>"
DAILY = "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"
EVERY_HOUR = "<Repetition><Interval>PT1H</Interval></Repetition>"


def of(*triggers: str) -> tuple[Beat | None, tuple[str, ...]]:
    space = "http://schemas.microsoft.com/windows/2004/02/mit/task"
    return beat(ET.fromstring(f'<Triggers xmlns="{space}">{"".join(triggers)}</Triggers>'))


def calendar(inside: str, at: str = AT) -> str:
    return f"<CalendarTrigger>{at}{inside}</CalendarTrigger>"


def month(days: str, months: str = "") -> str:
    return calendar(f"<ScheduleByMonth><DaysOfMonth>{days}</DaysOfMonth>{months}</ScheduleByMonth>")


def weekly(days: str, weeks: str = "1") -> str:
    return calendar(
        f"<ScheduleByWeek><WeeksInterval>{weeks}</WeeksInterval><DaysOfWeek>{days}</DaysOfWeek></ScheduleByWeek>"
    )


def repeated(every: str, lasts: str = "") -> str:
    lasts = lasts and f"<Duration>{lasts}</Duration>"
    return f"<Repetition><Interval>{every}</Interval>{lasts}</Repetition>"


NTH = (
    "<ScheduleByMonthDayOfWeek><Weeks><Week>{}</Week></Weeks><DaysOfWeek><Monday/></DaysOfWeek>"
    "</ScheduleByMonthDayOfWeek>"
)


@pytest.mark.parametrize(
    ("trigger", "interval", "windows"),
    [
        (calendar(DAILY), "22h", ["03:00-05:00"]),
        (calendar(DAILY, ""), "22h", ["00:00-02:00"]),
        (calendar("<ScheduleByDay><DaysInterval>3</DaysInterval></ScheduleByDay>"), "3d", ["03:00-05:00"]),
        (calendar("<ScheduleByDay><DaysInterval>x</DaysInterval></ScheduleByDay>"), "22h", ["03:00-05:00"]),
        (weekly("<Sunday/>"), "7d", ["03:00-05:00"]),
        (weekly("<Sunday/>", "2"), "14d", ["03:00-05:00"]),
        (weekly("<Monday/><Tuesday/><Wednesday/><Thursday/><Friday/>"), "2d", ["03:00-05:00"]),
        (month("<Day>1</Day>"), "30d", ["03:00-05:00"]),
        (month("<Day>Last</Day>"), "30d", ["03:00-05:00"]),
        (month("<Day>1</Day>", "<Months><January/></Months>"), "365d", ["03:00-05:00"]),
        (calendar(NTH.format("1")), "31d", ["03:00-05:00"]),
        (calendar(NTH.format("Last")), "31d", ["03:00-05:00"]),
        (calendar(DAILY + repeated("PT15M", "PT6H")), "15m", ["03:00-09:00"]),
        (calendar(DAILY + repeated("PT1H", "P1D")), "1h", []),
        (calendar(DAILY + EVERY_HOUR), "1h", []),
        (calendar(DAILY + repeated("PT0S")), "22h", ["03:00-05:00"]),
        (f"<TimeTrigger>{AT}{repeated('PT5M')}</TimeTrigger>", "5m", []),
        (f"<TimeTrigger>{AT}{repeated('P2Y')}</TimeTrigger>", "366d", []),
    ],
)
def test_a_trigger_of_time_is_a_beat(trigger: str, interval: str, windows: list[str]) -> None:
    found, _ = of(trigger)
    assert found is not None
    assert (compact(found.interval), list(found.windows)) == (interval, windows)
    assert found.enabled


@pytest.mark.parametrize(
    ("trigger", "says"),
    [
        ("<BootTrigger/>", "nothing starts at boot"),
        ("<LogonTrigger/>", "nothing starts at a logon"),
        ("<SessionStateChangeTrigger/>", "nothing starts at a change of the session"),
        ("<IdleTrigger/>", "every task waits for calm moments"),
        ("<EventTrigger><Subscription>x</Subscription></EventTrigger>", "the event log of Windows starts nothing"),
        ("<RegistrationTrigger/>", "it started once"),
        ("<WnfStateChangeTrigger/>", "nothing here is known of such a trigger"),
        (f"<TimeTrigger>{AT}</TimeTrigger>", "it started once, at a fixed date"),
        (f"<TimeTrigger>{AT}{repeated('PT5M', 'PT1H')}</TimeTrigger>", "repeated for 1 h after a fixed date"),
        (calendar("<Enabled>false</Enabled>" + DAILY), "it was switched off"),
        (calendar(""), "it names no days"),
        (calendar("<ScheduleByTide/>"), "it never comes"),
        (calendar(DAILY + repeated("often")), "'often' is no duration"),
        (month("<Day>31</Day>", "<Months><February/></Months>"), "it never comes"),
    ],
)
def test_what_has_no_beat_is_told_and_where_it_is_better_left(trigger: str, says: str) -> None:
    found, remarks = of(trigger)
    assert found is None
    assert says in " ".join(remarks)


def test_no_trigger_at_all_is_told() -> None:
    assert of() == (None, ("nothing starts it: it has no trigger",))


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("<EndBoundary>2030-01-01T00:00:00</EndBoundary>", "it was to end at '2030-01-01T00:00:00'"),
        ("<RandomDelay>PT30M</RandomDelay>", "its RandomDelay is left out"),
        ("<ExecutionTimeLimit>PT1H</ExecutionTimeLimit>", "that of the task counts"),
        (
            "<Repetition><Interval>PT1H</Interval><StopAtDurationEnd>true</StopAtDurationEnd></Repetition>",
            "no run is ended because",
        ),
    ],
)
def test_what_a_beat_does_not_keep_is_told(inside: str, says: str) -> None:
    assert says in " ".join(of(calendar(inside + DAILY))[1])


@pytest.mark.parametrize("at", ["2024-01-05T03:00:00Z", "2024-01-05T03:00:00+02:00"])
def test_a_start_that_is_the_same_moment_everywhere_is_told(at: str) -> None:
    found, remarks = of(calendar(DAILY, f"<StartBoundary>{at}</StartBoundary>"))
    assert found is not None
    assert "shift them by hand" in remarks[0]


def test_triggers_that_share_their_days_or_their_time_are_one_beat() -> None:
    later = "<StartBoundary>2024-01-05T15:00:00</StartBoundary>"
    found, remarks = of(calendar(DAILY), calendar(DAILY, later))
    assert found is not None
    assert found.interval == timedelta(hours=12)
    assert "triggers" not in " ".join(remarks)
    found, _ = of(weekly("<Monday/>"), weekly("<Thursday/>"))
    assert found is not None
    assert found.interval == timedelta(days=4)


@pytest.mark.parametrize(
    "other", [f"<TimeTrigger>{AT}{EVERY_HOUR}</TimeTrigger>", weekly("<Monday/>").replace("03:00", "09:00")]
)
def test_of_triggers_that_share_nothing_the_first_counts_and_that_is_told(other: str) -> None:
    found, remarks = of(calendar(DAILY), "<BootTrigger/>", other)
    assert found is not None
    assert found.windows == ("03:00-05:00",)
    assert "it had 2 triggers; the first of them counts here" in remarks


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT5M", timedelta(minutes=5)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("P2W", timedelta(weeks=2)),
        ("P1Y1M", timedelta(days=395)),
        ("PT72H", timedelta(days=3)),
        ("PT1.5S", timedelta(seconds=1)),
    ],
)
def test_durations_are_those_of_iso_8601(text: str, duration: timedelta) -> None:
    assert period(text) == duration


@pytest.mark.parametrize("text", ["", "P", "5M", "PT", "P1H", "P99999999999Y"])
def test_what_is_no_duration_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        period(text)
