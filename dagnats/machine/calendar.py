"""Cron expressions: when one fits next. The owner of `croniter`, which is not cheap to import."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def next_fit_ms(expression: str, timezone: str, after_ms: int) -> int | None:
    """Return the first time after `after_ms` that fits five fields, or None if there is none.

    Local times that daylight saving leaves out come at once after the gap; those that it repeats
    count once.
    """
    from croniter import CroniterBadDateError, croniter

    begin = datetime.fromtimestamp(after_ms / 1000, UTC).astimezone(ZoneInfo(timezone))
    try:
        found = croniter(expression, begin).get_next(datetime)
    except CroniterBadDateError:
        return None
    return int(found.timestamp() * 1000)
