"""Durations as authors write them: `1h30m`, `500ms`, `2d`, or Go's integer nanoseconds."""

import re

_NS_PER_UNIT = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,  # the micro sign, as Go prints it
    "μs": 1_000,  # the Greek letter, as Go also reads it
    "ns": 1,
}
_NS_PER_MS = 1_000_000
_MS_PER_UNIT = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))

DURATION_CHARS_MAX = 64
DURATION_MS_MAX = (2**63 - 1) // _NS_PER_MS
"""The longest duration that Go's nanoseconds can hold, about 292 years."""

_PART = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?(ms|us|µs|μs|ns|d|h|m|s)", re.ASCII)


def parse_duration_ms(value: str | int) -> int | None:
    """Return a duration in milliseconds, or None when it is not one.

    A string is a sequence of numbers with units (d, h, m, s, ms, us, ns), as in Go; an integer
    counts nanoseconds. Fractions of a millisecond round up, so only zero gives zero.
    """
    if isinstance(value, bool):
        return None
    nanoseconds = value if isinstance(value, int) else _parse_ns(value)
    if nanoseconds is None or nanoseconds < 0:
        return None
    milliseconds = -(-nanoseconds // _NS_PER_MS)
    return milliseconds if milliseconds <= DURATION_MS_MAX else None


def _parse_ns(text: str) -> int | None:
    """Return the nanoseconds of a text, rounded up."""
    if text == "0":  # Go's one duration without a unit
        return 0
    if not text or len(text) > DURATION_CHARS_MAX:
        return None
    total, at = 0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        whole, fraction, unit = part.group(1), part.group(2) or "", part.group(3)
        total += -(-int(whole + fraction) * _NS_PER_UNIT[unit] // 10 ** len(fraction))
        at = part.end()
    return total


def format_duration(ms: int) -> str:
    """Return milliseconds as the shortest text that `parse_duration_ms` reads back: `1h30m`."""
    if ms == 0:
        return "0s"
    parts = []
    for unit, size in _MS_PER_UNIT:
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
