"""Times as people give them: RFC 3339, or how long ago, or how long from now."""

import re
import time
from datetime import datetime

from dagnats.errors import UsageError
from dagnats.timespec import parse_duration_ms

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_NO_OFFSET = re.compile(r"\d{4}-\d\d-\d\d([Tt ][\d:.]+)?", re.ASCII)


def ago(text: str | None, option: str) -> int | None:
    """Return a time in ms since the epoch; a duration counts back from now. Raises UsageError."""
    return _moment(text, option, -1)


def ahead(text: str | None, option: str) -> int | None:
    """Return a time in ms since the epoch; a duration counts from now on. Raises UsageError."""
    return _moment(text, option, 1)


def length(text: str | None, option: str) -> int | None:
    """Return a length of time in ms. Raises UsageError."""
    if text is None:
        return None
    found = parse_duration_ms(text)
    if not found or found < 0:
        raise UsageError(f"`{option} {text}` is no length of time\n  help: as in 12h or 30d")
    return found


def _moment(text: str | None, option: str, sign: int) -> int | None:
    if text is None:
        return None
    length = parse_duration_ms(text)
    if length is not None:
        return max(0, now_ms() + sign * length)
    if _RFC3339.fullmatch(text):
        try:
            return max(0, round(datetime.fromisoformat(text.upper()).timestamp() * 1000))
        except (ValueError, OverflowError) as wrong:
            raise UsageError(f"`{option} {text}`: {wrong}") from wrong
    if _NO_OFFSET.fullmatch(text):
        raise UsageError(
            f"`{option} {text}` says no whole time\n"
            "  help: date, time and offset, as in 2026-11-24T09:30:00Z or …T10:30:00+01:00"
        )
    raise UsageError(
        f"`{option} {text}` is no time\n"
        "  help: a duration as in 90s, 2h or 7d, or a time as in 2026-11-24T09:30:00Z"
    )


def now_ms() -> int:
    """Return the present, in ms since the epoch."""
    return time.time_ns() // 1_000_000


def ms_of(timestamp: str) -> int:
    """Return an RFC 3339 timestamp in ms since the epoch."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
