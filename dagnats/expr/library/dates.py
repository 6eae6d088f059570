"""Points and spans of time as texts, to the nanosecond, and the calendar behind them.

The calendar is worked out here because Python's ends at microseconds and at the year 9999, which a
time zone may step over.
"""

import re
from typing import Final

from dagnats.expr.kinds import SECOND_NS

DAY_SECONDS: Final = 86_400
TIMESTAMP_NS_MIN: Final = -62_135_596_800 * SECOND_NS
"""0001-01-01T00:00:00Z."""
TIMESTAMP_NS_MAX: Final = 253_402_300_800 * SECOND_NS - 1
"""9999-12-31T23:59:59.999999999Z."""
DURATION_NS_MAX: Final = 2**63 - 1
"""The longest duration, about 292 years: what 64 bits of nanoseconds hold, as in cel-go."""

_EPOCH_DAYS: Final = 719_468
"""From 0000-03-01, where a year of the computation begins, to 1970-01-01."""
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,30}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_UNITS: Final = {
    "h": 3_600 * SECOND_NS,
    "m": 60 * SECOND_NS,
    "s": SECOND_NS,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter
    "ns": 1,
}
_PART = re.compile(r"(?:([0-9]{1,20})(?:\.([0-9]{0,30}))?|\.([0-9]{1,30}))(ms|us|µs|μs|ns|h|m|s)")


def civil(days: int) -> tuple[int, int, int]:
    """Return the year, month and day (both from 1) of a number of days since 1970-01-01."""
    era, day_of_era = divmod(days + _EPOCH_DAYS, 146_097)
    leap = day_of_era // 1_460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leap) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return era * 400 + year_of_era + (month <= 2), month, day


def days_since_epoch(year: int, month: int, day: int) -> int:
    """Return the number of days from 1970-01-01 to a date."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    leap = year_of_era // 4 - year_of_era // 100
    return era * 146_097 + year_of_era * 365 + leap + day_of_year - _EPOCH_DAYS


def read_timestamp(text: str) -> int | None:
    """Return the nanoseconds since 1970 of an RFC 3339 text, or None when it is none.

    What follows the ninth digit of a fraction is cut off, as Go does. The range is not checked.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not (1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1] + leap):
        return None
    east_hours, east_minutes = int(match[9] or 0), int(match[10] or 0)
    if hour > 23 or minute > 59 or second > 59 or east_hours > 23 or east_minutes > 59:
        return None
    east = (east_hours * 60 + east_minutes) * (-60 if match[8] == "-" else 60)
    seconds = days_since_epoch(year, month, day) * DAY_SECONDS
    seconds += hour * 3_600 + minute * 60 + second - east
    return seconds * SECOND_NS + int((match[7] or "")[:9].ljust(9, "0"))


def timestamp_text(ns: int) -> str:
    """Return a point in time as RFC 3339 in UTC, with the digits of the fraction it needs."""
    seconds, fraction = divmod(ns, SECOND_NS)
    days, second = divmod(seconds, DAY_SECONDS)
    year, month, day = civil(days)
    clock = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"{year:04}-{month:02}-{day:02}T{clock}{_fraction(fraction)}Z"


def read_duration(text: str) -> int | None:
    """Return the nanoseconds of a text like `1h30m`, `-1.5s` or `0`, or None when it is none."""
    unsigned = text[1:] if text[:1] in {"-", "+"} else text
    if unsigned == "0":  # the one duration without a unit
        return 0
    total, at = 0, 0
    while part := _PART.match(unsigned, at):
        whole, fraction, bare, unit = part.groups()
        digits = bare or fraction or ""
        size = _UNITS[unit]
        total += int(whole or 0) * size + int(digits or 0) * size // 10 ** len(digits)
        at = part.end()
    if at == 0 or at < len(unsigned):
        return None
    return -total if text[0] == "-" else total


def duration_text(ns: int) -> str:
    """Return a duration in seconds, as `3.5s`."""
    seconds, fraction = divmod(abs(ns), SECOND_NS)
    return f"{'-' if ns < 0 else ''}{seconds}{_fraction(fraction)}s"


def _fraction(ns: int) -> str:
    return f".{ns:09}".rstrip("0") if ns else ""
