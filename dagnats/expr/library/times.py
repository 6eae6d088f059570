"""What makes timestamps and durations and reads parts of them."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from dagnats.expr.kinds import SECOND_NS, Duration, Timestamp
from dagnats.expr.library.dates import (
    DAY_SECONDS,
    civil,
    days_since_epoch,
    read_duration,
    read_timestamp,
)
from dagnats.expr.library.values import EvaluationError, moment, no_overload, span
from dagnats.expr.signatures import Function, method, over
from dagnats.expr.types import DURATION, INT, STRING, TIMESTAMP

_TEXT_CHARS_MAX: Final = 128
_OFFSET = re.compile(r"([+-]?)([0-9]{1,2}):([0-9]{2})", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*", re.ASCII)
_OF_THE_MACHINE: Final = frozenset({"Local", "localtime", "posixrules", "Factory"})
"""Names that mean another zone on another machine, or none."""
_ZONES_KEPT: Final = 256


def to_timestamp(value: Any) -> Timestamp:
    """Return the point in time that an RFC 3339 text or the seconds since 1970 name."""
    kind = type(value)
    if kind is Timestamp:
        return moment(value.ns)
    if kind is int:
        return moment(value * SECOND_NS)
    if kind is str:
        ns = read_timestamp(value) if len(value) <= _TEXT_CHARS_MAX else None
        if ns is not None:
            return moment(ns)
        message = f"`timestamp`: `{_shown(value)}` is not a date and time like 2026-01-31T12:00:00Z"
        raise EvaluationError(message, "argument")
    raise no_overload("timestamp", value)


def to_duration(value: Any) -> Duration:
    """Return the span of time that a text like `1h30m` or a number of nanoseconds names."""
    kind = type(value)
    if kind is Duration:
        return span(value.ns)
    if kind is int:
        return span(value)
    if kind is str:
        ns = read_duration(value) if len(value) <= _TEXT_CHARS_MAX else None
        if ns is not None:
            return span(ns)
        message = f"`duration`: `{_shown(value)}` is not a duration like 1h30m or 1.5s"
        raise EvaluationError(message, "argument")
    raise no_overload("duration", value)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _zone_offset(function: str, zone: str, seconds: int) -> int:
    """Return how many seconds a zone is ahead of UTC at a point in time."""
    fixed = _OFFSET.fullmatch(zone)
    if fixed is not None:
        hours, minutes = int(fixed[2]), int(fixed[3])
        if hours <= 23 and minutes <= 59:
            return (hours * 60 + minutes) * (-60 if fixed[1] == "-" else 60)
    elif zone in {"", "UTC"}:
        return 0
    elif _ZONE.fullmatch(zone) and zone not in _OF_THE_MACHINE:
        known = _named_zone(zone)
        if known is not None:
            return known(seconds)
    message = f"`{function}`: there is no time zone `{_shown(zone)}`"
    if _named_zone("Etc/UTC") is None:
        message += ": this system has no time zones at all, install the package `tzdata`"
    raise EvaluationError(message, "argument")


@lru_cache(maxsize=_ZONES_KEPT)
def _named_zone(name: str) -> Callable[[int], int] | None:
    """Return what tells the offset of a named zone at a point in time, or None for no zone."""
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    earliest = days_since_epoch(1, 1, 3) * DAY_SECONDS
    latest = days_since_epoch(9999, 12, 29) * DAY_SECONDS

    def offset(seconds: int) -> int:
        # Python's dates end a day before ours do, and no zone changes its clocks there
        within = min(max(seconds, earliest), latest)
        found = (epoch + timedelta(seconds=within)).astimezone(zone).utcoffset()
        return 0 if found is None else round(found.total_seconds())

    return offset


def _local(function: str, value: Any, zone: Any) -> tuple[int, int]:
    """Return a timestamp in a zone as days since 1970 and the second of the day."""
    if type(value) is not Timestamp or (zone is not None and type(zone) is not str):
        raise no_overload(function, value, *([] if zone is None else [zone]))
    seconds = value.ns // SECOND_NS
    if zone is not None:
        seconds += _zone_offset(function, zone, seconds)
    return divmod(seconds, DAY_SECONDS)


def full_year(value: Any, zone: Any = None) -> int:
    """Return the year."""
    return civil(_local("getFullYear", value, zone)[0])[0]


def month(value: Any, zone: Any = None) -> int:
    """Return the month, from 0."""
    return civil(_local("getMonth", value, zone)[0])[1] - 1


def date(value: Any, zone: Any = None) -> int:
    """Return the day of the month, from 1."""
    return civil(_local("getDate", value, zone)[0])[2]


def day_of_month(value: Any, zone: Any = None) -> int:
    """Return the day of the month, from 0."""
    return civil(_local("getDayOfMonth", value, zone)[0])[2] - 1


def day_of_week(value: Any, zone: Any = None) -> int:
    """Return the day of the week, Sunday being 0."""
    return (_local("getDayOfWeek", value, zone)[0] + 4) % 7


def day_of_year(value: Any, zone: Any = None) -> int:
    """Return the day of the year, from 0."""
    days = _local("getDayOfYear", value, zone)[0]
    return days - days_since_epoch(civil(days)[0], 1, 1)


def _whole(ns: int, unit_ns: int) -> int:
    """Return the whole units in a span, cut towards zero."""
    return ns // unit_ns if ns >= 0 else -(-ns // unit_ns)


def hours(value: Any, zone: Any = None) -> int:
    """Return the hour of a timestamp, or all the hours of a duration."""
    if type(value) is Duration and zone is None:
        return _whole(value.ns, 3_600 * SECOND_NS)
    return _local("getHours", value, zone)[1] // 3_600


def minutes(value: Any, zone: Any = None) -> int:
    """Return the minute of a timestamp, or all the minutes of a duration."""
    if type(value) is Duration and zone is None:
        return _whole(value.ns, 60 * SECOND_NS)
    return _local("getMinutes", value, zone)[1] // 60 % 60


def seconds(value: Any, zone: Any = None) -> int:
    """Return the second of a timestamp, or all the seconds of a duration."""
    if type(value) is Duration and zone is None:
        return _whole(value.ns, SECOND_NS)
    return _local("getSeconds", value, zone)[1] % 60


def milliseconds(value: Any, zone: Any = None) -> int:
    """Return the milliseconds beyond the whole second, of a timestamp or a duration."""
    if type(value) is Duration and zone is None:
        part = _whole(abs(value.ns) % SECOND_NS, 1_000_000)
        return -part if value.ns < 0 else part
    _local("getMilliseconds", value, zone)
    return int(value.ns % SECOND_NS // 1_000_000)


def _functions() -> Iterator[Function]:
    made = (TIMESTAMP, INT, STRING)
    points = tuple(over(kind, gives=TIMESTAMP) for kind in made)
    yield Function("timestamp", "a point in time, from RFC 3339 or seconds", to_timestamp, points)
    spans = tuple(over(kind, gives=DURATION) for kind in (DURATION, INT, STRING))
    yield Function("duration", "a span of time, from a text like 1h30m", to_duration, spans)
    dated = (method(TIMESTAMP, gives=INT), method(TIMESTAMP, STRING, gives=INT))
    yield Function("getFullYear", "the year", full_year, dated)
    yield Function("getMonth", "the month, from 0", month, dated)
    yield Function("getDate", "the day of the month, from 1", date, dated)
    yield Function("getDayOfMonth", "the day of the month, from 0", day_of_month, dated)
    yield Function("getDayOfWeek", "the day of the week, Sunday being 0", day_of_week, dated)
    yield Function("getDayOfYear", "the day of the year, from 0", day_of_year, dated)
    timed = (*dated, method(DURATION, gives=INT))
    yield Function("getHours", "the hour, or all hours of a duration", hours, timed)
    yield Function("getMinutes", "the minute, or all minutes of a duration", minutes, timed)
    yield Function("getSeconds", "the second, or all seconds of a duration", seconds, timed)
    milli = "the milliseconds beyond the second"
    yield Function("getMilliseconds", milli, milliseconds, timed)


FUNCTIONS: Final = tuple(_functions())
