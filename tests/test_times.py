"""Moments as text: what files hold reads back the same, and what people write means what they think."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.times import from_iso, iso, parse_time

SEOUL = timezone(timedelta(hours=9))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 11, 2, 22, 35, 17, 250_000, tzinfo=SEOUL)

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda count: timezone(timedelta(minutes=count)))
MOMENTS = st.builds(
    lambda days, zone: (EPOCH + days).astimezone(zone), st.timedeltas(timedelta(1), timedelta(300_000)), OFFSETS
)


@given(MOMENTS)
def test_a_moment_reads_back_from_its_text_which_is_in_utc(moment: datetime) -> None:
    text = iso(moment)
    assert text.endswith("+00:00")
    assert from_iso(text) == moment


@pytest.mark.parametrize("text", ["2025-11-02T22:35:00", "noon", ""])
def test_a_text_without_an_offset_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|Invalid"):
        from_iso(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_could_not_be_written_again_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no time of ours"):
        from_iso(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-01T08:00", "2025-11-01T08:00:00+09:00"),
        ("2025-11-01", "2025-11-01T00:00:00+09:00"),
        ("2025-11-01T08:00:00Z", "2025-11-01T17:00:00+09:00"),
        ("2025-11-01T08:00:00+01:00", "2025-11-01T16:00:00+09:00"),
        ("22:35", "2025-11-02T22:35:00+09:00"),
        ("22:36", "2025-11-01T22:36:00+09:00"),
        ("8:05", "2025-11-02T08:05:00+09:00"),
        ("today 23:00", "2025-11-02T23:00:00+09:00"),
        ("yesterday 03:05", "2025-11-01T03:05:00+09:00"),
        ("  Yesterday  03:05 ", "2025-11-01T03:05:00+09:00"),
        ("tomorrow 03:05", "2025-11-03T03:05:00+09:00"),
        ("2h ago", "2025-11-02T20:35:17.250000+09:00"),
        ("1d 2h ago", "2025-11-01T20:35:17.250000+09:00"),
        ("in 2h30m", "2025-11-03T01:05:17.250000+09:00"),
    ],
)
def test_what_people_write_is_read_in_the_zone_of_now(text: str, expected: str) -> None:
    moment = parse_time(text, NOW)
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:36", "2025-11-02T22:36:00+09:00"),
        ("22:35", "2025-11-03T22:35:00+09:00"),
        ("00:00", "2025-11-03T00:00:00+09:00"),
    ],
)
def test_a_bare_time_of_day_is_the_next_one_where_the_future_is_meant(text: str, expected: str) -> None:
    assert parse_time(text, NOW, future=True).isoformat() == expected


@given(st.times(), MOMENTS)
def test_a_bare_time_of_day_is_within_a_day_on_the_side_that_is_meant(day_time: object, now: datetime) -> None:
    text = f"{day_time:%H:%M}"
    past, future = parse_time(text, now), parse_time(text, now, future=True)
    assert now - timedelta(days=1) < past <= now < future <= now + timedelta(days=1)
    assert future - past == timedelta(days=1)


@pytest.mark.parametrize(
    "text",
    ["", "noon", "25:00", "12:60", "2025-02-30", "ago", "2 ago", "in", "in a while", "200w ago ago",
     "2025-11-02T22:35+99:00", "9999-12-31T23:59-12:00", "36500d ago"],
)  # fmt: skip
def test_nonsense_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(UsageError, match=r"HH:MM.*yesterday.*2h ago") as refused:
        parse_time(text, NOW if text != "36500d ago" else datetime(99, 1, 1, tzinfo=UTC))
    assert f"'{text}'" in str(refused.value)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process can be set on POSIX only")
@pytest.mark.parametrize(
    ("now", "text", "future", "meant"),
    [
        ("2025-12-01T12:00:00+01:00", "2025-07-01T12:00", False, "2025-07-01T12:00:00+02:00"),
        ("2025-03-29T20:00:00+01:00", "tomorrow 09:00", True, "2025-03-30T09:00:00+02:00"),
        ("2025-10-26T09:00:00+01:00", "yesterday 09:00", False, "2025-10-25T09:00:00+02:00"),
        ("2025-03-29T20:00:00+01:00", "09:00", True, "2025-03-30T09:00:00+02:00"),
    ],
)
def test_a_wall_time_is_that_of_its_own_day_across_a_change_to_summer_time(
    monkeypatch: pytest.MonkeyPatch, now: str, text: str, future: bool, meant: str
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        found = parse_time(text, datetime.fromisoformat(now), future=future)
        assert found == datetime.fromisoformat(meant)
    finally:
        monkeypatch.undo()
        time.tzset()
