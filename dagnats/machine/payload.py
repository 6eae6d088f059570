"""What a message can hold. Every value that enters a run is measured here before an event has it.

Theory. Size and depth are those of the value as JSON, so the same value fits or does not fit
wherever and whenever it is measured. Measuring is by encoding, which for a value that came in a
message is cheap. A value that an expression made may hold one large part a million times; that is
counted first, and the count stops at the limit, so that nothing so large is ever built.
"""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.costs import PAYLOAD_BYTES_MAX, PAYLOAD_LEVELS_MAX
from dagnats.machine.events import encode

_SURE_CHARS_MAX = PAYLOAD_BYTES_MAX // 6 - 1
"""A string this short fits, even if each of its characters is escaped (`\\u0001`)."""

_SMALL = frozenset({type(None), bool, int, float})


class TooLargeError(EvaluationError):
    """A value is larger, or nested deeper, than a payload may be: as good as none."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "size")


def bytes_of(value: Any) -> int:
    """Return the size of a payload."""
    return len(encode(value))


def require_fit(what: str, value: Any, taken: int = 0, *, grown: bool = False) -> None:
    """Raise TooLargeError unless a value is a payload; `what` names it.

    `taken` is the number of bytes of what has to fit beside it. `grown` says that the value may
    repeat its parts, so that it could be far larger as JSON than it is in memory.
    """
    kind = type(value)
    if not taken and (kind in _SMALL or (kind is str and len(value) <= _SURE_CHARS_MAX)):
        return
    if grown and (kind is list or kind is dict):
        count = _count(what, value, PAYLOAD_BYTES_MAX)
        if count > PAYLOAD_BYTES_MAX:
            raise _too_large(what, f"at least {count:,}")
    try:
        data = encode(value)
    except RecursionError:
        raise _too_deep(what) from None
    size = len(data)
    # A level takes two brackets, so few values have to be walked through.
    if size > 2 * PAYLOAD_LEVELS_MAX and _brackets(data) > PAYLOAD_LEVELS_MAX:
        _count(what, value, size)
    if taken + size > PAYLOAD_BYTES_MAX:
        raise _too_large(what, f"{taken + size:,}")


def _brackets(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def _count(what: str, value: Any, most: int) -> int:
    """Return how many bytes a value has at least, counted level by level until beyond `most`.

    Raises TooLargeError when there are too many levels before that.
    """
    level, count = [value], 0
    for _ in range(PAYLOAD_LEVELS_MAX):
        # A byte for each item and one for what follows it; keys and strings by their characters.
        count += 2 * sum(map(len, level))
        if count > most:
            return count
        below: list[Any] = []
        for part in level:
            items = part
            if type(part) is dict:
                count += sum(map(len, part))
                items = part.values()
            for item in items:
                kind = type(item)
                if kind is str:
                    count += len(item)
                elif kind is list or kind is dict:
                    below.append(item)
        if not below or count > most:
            return count
        level = below
    raise _too_deep(what)


def _too_large(what: str, size: str) -> TooLargeError:
    limit = f"{PAYLOAD_BYTES_MAX:,} (PAYLOAD_BYTES_MAX)"
    return TooLargeError(f"{what} takes {size} bytes of JSON, more than {limit}")


def _too_deep(what: str) -> TooLargeError:
    limit = f"{PAYLOAD_LEVELS_MAX} levels (PAYLOAD_LEVELS_MAX)"
    return TooLargeError(f"{what} is nested deeper than {limit}")
