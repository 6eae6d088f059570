"""Timestamps and durations: their texts, their parts, their arithmetic and its range."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.kinds import Duration, Timestamp
from dagnats.expr.library import dates, times, values
from dagnats.expr.library.values import EvaluationError
from tests.expr.evaluating import evaluate

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2009-02-13T23:31:30Z", 1_234_567_890 * SECOND),
        ("2009-02-13T23:31:30.5Z", 1_234_567_890 * SECOND + 500_000_000),
        ("2009-02-13T23:31:30.123456789Z", 1_234_567_890 * SECOND + 123_456_789),
        ("2009-02-13T23:31:30.1234567891Z", 1_234_567_890 * SECOND + 123_456_789),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:30:00-04:30", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("2000-02-29T00:00:00Z", 951_782_400 * SECOND),
        ("0001-01-01T00:00:00Z", dates.TIMESTAMP_NS_MIN),
        ("9999-12-31T23:59:59.999999999Z", dates.TIMESTAMP_NS_MAX),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_timestamps_are_read(text, ns):
    assert evaluate(f"timestamp('{text}')") == Timestamp(ns)


@pytest.mark.parametrize(
    "text",
    [
        "", "2009-02-13", "2009-02-13T23:31:30", "2009-02-13 23:31:30Z", "2009-02-13t23:31:30Z",
        "2009-02-13T23:31:30z", "2009-2-13T23:31:30Z", "2009-02-13T23:31Z", "2009-02-13T23:31:30.Z",
        "2009-02-13T23:31:30+0100", "2009-02-13T23:31:30+01", "2009-02-13T23:31:30Z ",
        "2009-13-01T00:00:00Z", "2009-00-01T00:00:00Z", "2009-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z", "2009-04-31T00:00:00Z", "2009-04-00T00:00:00Z",
        "2009-02-13T24:00:00Z", "2009-02-13T23:60:00Z",
        "2009-02-13T23:59:60Z", "2009-02-13T23:31:30+24:00", "2009-02-13T23:31:30+01:60",
        "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "２009-02-13T23:31:30Z", "x" * 1_000,
    ],
)  # fmt: skip
def test_what_is_no_timestamp(text):
    with pytest.raises(EvaluationError) as caught:
        times.to_timestamp(text)
    assert caught.value.code == "argument"


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0), ("-0", 0), ("0s", 0), ("1s", SECOND), ("1h2m3.5s", 3_723_500_000_000),
        ("-1.5ms", -1_500_000), ("+1us", 1_000), ("1µs", 1_000), ("1μs", 1_000), ("1ns", 1),
        (".5s", 500_000_000), ("1.s", SECOND), ("1.5h", 5_400 * SECOND), ("1m1m", 120 * SECOND),
        ("1s2h", 7_201 * SECOND), ("0.9ns", 0), ("1000000s", 1_000_000 * SECOND),
        ("0.000000001s", 1), ("9223372036.854775807s", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
    ],
)  # fmt: skip
def test_durations_are_read(text, ns):
    assert evaluate(f"duration('{text}')") == Duration(ns)


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "s", ".s", "1 s", "1d", "1w", "1S", "--1s", "1s-", "1s-1s", "1e3s", "1_0s",
     "1s ", "١s", "inf", "1h2", "1" * 21 + "s", "1s" * 65],
)  # fmt: skip
def test_what_is_no_duration(text):
    with pytest.raises(EvaluationError) as caught:
        times.to_duration(text)
    assert caught.value.code == "argument"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("timestamp(1234567890)", "2009-02-13T23:31:30Z"),
        ("timestamp(-62135596800)", "0001-01-01T00:00:00Z"),
        ("timestamp(timestamp(1))", "1970-01-01T00:00:01Z"),
        ("timestamp('2009-02-13T23:31:30.120Z')", "2009-02-13T23:31:30.12Z"),
        ("duration('1h')", "3600s"),
        ("duration('1.5s')", "1.5s"),
        ("duration('-1ns')", "-0.000000001s"),
        ("duration(duration('1m'))", "60s"),
        ("duration(1500000000)", "1.5s"),
        ("duration('0')", "0s"),
    ],
)
def test_texts_of_times(text, value):
    assert evaluate(f"string({text})") == value


AT = "timestamp('2009-02-13T23:31:30.987654321Z')"
FAR = "timestamp('9999-12-31T23:59:59Z')"
FIRST = "timestamp('0001-01-01T00:00:00Z')"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"{AT}.getFullYear()", 2009),
        (f"{AT}.getMonth()", 1),
        (f"{AT}.getDate()", 13),
        (f"{AT}.getDayOfMonth()", 12),
        (f"{AT}.getDayOfWeek()", 5),
        (f"{AT}.getDayOfYear()", 43),
        (f"{AT}.getHours()", 23),
        (f"{AT}.getMinutes()", 31),
        (f"{AT}.getSeconds()", 30),
        (f"{AT}.getMilliseconds()", 987),
        (f"{AT}.getDate('Australia/Sydney')", 14),
        (f"{AT}.getDayOfMonth('US/Central')", 12),
        (f"{AT}.getDayOfMonth('+11:00')", 13),
        (f"{AT}.getDayOfWeek('+00:30')", 6),
        (f"{AT}.getDayOfWeek('UTC')", 5),
        (f"{AT}.getDayOfYear('US/Central')", 43),
        (f"{AT}.getFullYear('-09:30')", 2009),
        (f"{AT}.getMonth('')", 1),
        (f"{AT}.getHours('02:00')", 1),
        (f"{AT}.getHours('-23:59')", 23),
        (f"{AT}.getMinutes('Asia/Kathmandu')", 16),
        (f"{AT}.getMinutes('-00:30')", 1),
        (f"{AT}.getSeconds('-00:00')", 30),
        (f"{AT}.getMilliseconds('Europe/Berlin')", 987),
        ("timestamp('2009-07-01T12:00:00Z').getHours('Europe/Berlin')", 14),
        ("timestamp('2009-12-01T12:00:00Z').getHours('Europe/Berlin')", 13),
        ("timestamp('2009-02-13T02:00:00Z').getDayOfMonth('America/St_Johns')", 11),
        ("timestamp('2012-12-31T00:00:00Z').getDayOfYear()", 365),
        ("timestamp('2009-01-04T00:00:00Z').getDayOfWeek()", 0),
        ("timestamp('1969-12-31T23:59:59.999Z').getMilliseconds()", 999),
        ("timestamp('1969-12-31T23:59:59.999Z').getSeconds()", 59),
        (f"{FAR}.getFullYear('Asia/Tokyo')", 10_000),
        (f"{FAR}.getDate('+14:00')", 1),
        (f"{FIRST}.getFullYear('-01:00')", 0),
        (f"{FIRST}.getDate('America/New_York')", 31),
        ("duration('10000s').getHours()", 2),
        ("duration('3730s').getMinutes()", 62),
        ("duration('3730s').getSeconds()", 3730),
        ("duration('123.321456789s').getMilliseconds()", 321),
        ("duration('-1.5s').getSeconds()", -1),
        ("duration('-1.5s').getMilliseconds()", -500),
        ("duration('-90m').getHours()", -1),
        ("duration('-59m').getHours()", 0),
    ],
)
def test_parts(text, value):
    found = evaluate(text)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("timestamp('2009-02-13T23:00:00Z') + duration('240s')", "2009-02-13T23:04:00Z"),
        ("duration('2m') + timestamp('2009-02-13T23:01:00Z')", "2009-02-13T23:03:00Z"),
        ("timestamp('2009-02-13T23:10:00Z') - duration('600s')", "2009-02-13T23:00:00Z"),
        ("timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z')", "120s"),
        ("timestamp('0001-01-01T00:00:01.000000001Z') + duration('-999999999ns')",
         "0001-01-01T00:00:00.000000002Z"),
        ("duration('600s') + duration('50s')", "650s"),
        ("duration('900s') - duration('1000s')", "-100s"),
    ],
)  # fmt: skip
def test_arithmetic(text, value):
    assert evaluate(f"string({text})") == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("timestamp('0000-01-01T00:00:00Z')", "overflow"),
        ("timestamp('0001-01-01T00:00:00+01:00')", "overflow"),
        ("timestamp('9999-12-31T23:59:59-01:00')", "overflow"),
        ("timestamp(-62135596801)", "overflow"),
        ("timestamp(253402300800)", "overflow"),
        ("timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns')", "overflow"),
        ("timestamp('0001-01-01T00:00:00Z') + duration('-1ns')", "overflow"),
        ("timestamp('0001-01-01T00:00:00Z') - timestamp('9999-12-31T23:59:59Z')", "overflow"),
        ("timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "overflow"),
        ("duration('320000000000s')", "overflow"),
        ("duration('-320000000000s')", "overflow"),
        ("duration('9223372036854775808ns')", "overflow"),
        ("duration('9223372036854775807ns') + duration('1ns')", "overflow"),
        ("duration('-9223372036854775808ns') - duration('1ns')", "overflow"),
        ("timestamp(1.5)", "type"),
        ("timestamp(1u)", "type"),
        ("timestamp(null)", "type"),
        ("duration(true)", "type"),
        ("duration(timestamp(0))", "type"),
        ("timestamp(0).getHours(1)", "type"),
        ("duration('1s').getHours('UTC')", "type"),
        ("duration('1s').getFullYear()", "type"),
        ("'2009-02-13T23:31:30Z'.getDate()", "type"),
        *((f"timestamp(0).getHours('{zone}')", "argument") for zone in (
            "Nowhere/City", "+24:00", "+01:60", "+1", ":", "Local", "localtime", "../UTC",
            "/etc/passwd", "Europe", "Europe/", "utc\\u0000", " UTC", "UTC ", "Ä",
            "posixrules", "+01:00:00", "x" * 500,
        )),
    ],
)  # fmt: skip
def test_failures(text, code):
    with pytest.raises(EvaluationError) as caught:
        evaluate(text)
    assert caught.value.code == code, caught.value


def test_a_zone_that_is_none_is_named_with_the_function():
    with pytest.raises(EvaluationError, match=r"`getDate`: there is no time zone `Mars`"):
        evaluate("timestamp(0).getDate('Mars')")


def test_a_system_without_zones_is_told_apart(monkeypatch):
    class NoZone:
        def __init__(self, name):
            raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", NoZone)
    times._named_zone.cache_clear()
    try:
        with pytest.raises(EvaluationError, match="install the package `tzdata`"):
            evaluate("timestamp(0).getDate('Europe/Berlin')")
        assert evaluate("timestamp(0).getDate('UTC') + timestamp(0).getDate('+01:00')") == 2
    finally:
        times._named_zone.cache_clear()


NS = st.integers(dates.TIMESTAMP_NS_MIN, dates.TIMESTAMP_NS_MAX)
SPANS = st.integers(-(2**63), 2**63 - 1)


@given(NS)
def test_a_timestamp_reads_back_from_its_text(ns):
    assert times.to_timestamp(values.text(Timestamp(ns))) == Timestamp(ns)


@given(SPANS)
def test_a_duration_reads_back_from_its_text(ns):
    assert times.to_duration(values.text(Duration(ns))) == Duration(ns)


@given(NS)
def test_the_calendar_is_pythons(ns):
    seconds = ns // SECOND
    there = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)  # noqa: DTZ001
    at = Timestamp(ns)
    found = (
        times.full_year(at), times.month(at) + 1, times.date(at), times.hours(at),
        times.minutes(at), times.seconds(at), (times.day_of_week(at) - 1) % 7,
        times.day_of_year(at) + 1, 0,
    )  # fmt: skip
    assert found == (*there.timetuple()[:8], 0)
    assert values.text(at).startswith(there.isoformat())


@given(
    st.integers(-60_000_000_000, 250_000_000_000),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_zones_are_pythons(seconds, zone):
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    there = (epoch + dt.timedelta(seconds=seconds)).astimezone(zoneinfo.ZoneInfo(zone))
    at = Timestamp(seconds * SECOND)
    found = (times.full_year(at, zone), times.month(at, zone) + 1, times.date(at, zone),
             times.hours(at, zone), times.minutes(at, zone), times.seconds(at, zone))  # fmt: skip
    assert found == there.timetuple()[:6]


@given(NS, SPANS)
def test_what_is_added_is_taken_away_again(ns, span):
    if dates.TIMESTAMP_NS_MIN <= ns + span <= dates.TIMESTAMP_NS_MAX:
        later = values.add(Timestamp(ns), Duration(span))
        assert values.subtract(later, Duration(span)) == Timestamp(ns)
        assert values.subtract(later, Timestamp(ns)) == Duration(span)
    else:
        with pytest.raises(EvaluationError, match="years 1 to 9999"):
            values.add(Timestamp(ns), Duration(span))
