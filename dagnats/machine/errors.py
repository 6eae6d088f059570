"""The error object that expressions, history, API and command line share."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.costs import (
    ERROR_CODE_CHARS_MAX,
    ERROR_DETAILS_BYTES_MAX,
    ERROR_MESSAGE_CHARS_MAX,
    PAYLOAD_BYTES_MAX,
)
from dagnats.machine.payload import TooLargeError, require_fit

Error = dict[str, Any]

_DROPPED = " (details dropped: too large)"


def error(  # noqa: PLR0913 (the fields of the error object)
    code: str,
    message: str,
    *,
    step: str | None = None,
    attempt: int | None = None,
    retryable: bool = False,
    details: Any = None,
) -> Error:
    """Return the error object.

    Code and message are cut to their limits, details beyond theirs dropped.
    """
    if details is not None and not _is_within(details, ERROR_DETAILS_BYTES_MAX):
        details = None
        message = cut(message, ERROR_MESSAGE_CHARS_MAX - len(_DROPPED)) + _DROPPED
    return {
        "code": cut(code, ERROR_CODE_CHARS_MAX),
        "message": cut(message, ERROR_MESSAGE_CHARS_MAX),
        "step": step,
        "attempt": attempt,
        "retryable": retryable,
        "details": details,
    }


def no_value(
    wrong: EvaluationError, *, step: str | None = None, attempt: int | None = None
) -> Error:
    """Return the error object for what could not be computed, or not be kept: no retry helps."""
    code = "too_large" if wrong.code == "size" else "expression"
    return error(code, str(wrong), step=step, attempt=attempt)


def cut(text: str, most: int) -> str:
    """Return a text of at most that many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _is_within(value: Any, most: int) -> bool:
    try:
        require_fit("it", value, PAYLOAD_BYTES_MAX - most)
    except TooLargeError:
        return False
    return True
