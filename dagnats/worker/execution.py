"""Running a handler: what it is given, and what its return or its exception means.

Whatever a handler does, the result is one that can be sent: texts are cut and made UTF-8, details
that are too large are left out, and what is not JSON is a failure that says so.
"""

import asyncio
import traceback
from typing import Any

import msgspec

from dagnats.wire.tasks import (
    ERROR_CODE_CHARS_MAX,
    ERROR_DETAILS_BYTES_MAX,
    ERROR_MESSAGE_CHARS_MAX,
    PAYLOAD_BYTES_MAX,
    RETRY_AFTER_MS_MAX,
    Result,
    Task,
    TaskError,
)
from dagnats.worker.context import Context, Continue, NonRetryable, Retryable, RetryAfter
from dagnats.worker.payload import NotJsonError, encoded
from dagnats.worker.registry import Handler

TRACE_LINES_MAX = 20
TRACE_LINE_CHARS_MAX = 500


def run_plain(handler: Handler, task: Task, context: Context | None) -> Result:
    """Run a plain handler here and now; one that takes no context needs none. Raises nothing."""
    try:
        return returned(task, _called(handler, task, context))
    except BaseException as failure:  # noqa: BLE001 - `sys.exit()` too ends an attempt, not us
        return raised(task, failure)


async def run_async(handler: Handler, task: Task, context: Context) -> Result:
    """Await an async handler. Raises CancelledError if `context` is cancelled, and nothing else."""
    try:
        return returned(task, await _called(handler, task, context))
    except GeneratorExit:
        raise
    except asyncio.CancelledError as failure:
        if context.cancelled.is_set():
            raise
        return raised(task, failure)
    except BaseException as failure:  # noqa: BLE001 - `sys.exit()` too ends an attempt, not us
        return raised(task, failure)


def _called(handler: Handler, task: Task, context: Context | None) -> Any:
    value = task.input
    if handler.convert is not None:
        try:
            value = handler.convert(value)
        except (msgspec.ValidationError, ValueError, TypeError) as wrong:
            message = f"the input does not fit the handler of `{handler.name}`: {wrong}"
            raise NonRetryable(message, code="invalid_input") from wrong
    return handler.call(value, context) if handler.wants_context else handler.call(value)


def returned(task: Task, value: Any) -> Result:
    """Return the result of a handler that came back with `value`."""
    if value is None or value is True or value is False:
        return Result(task.run_id, task.step, task.attempt, task.delivery, task.iteration, value)
    continued = isinstance(value, Continue)
    try:
        output = encoded(value.state if continued else value)
    except NotJsonError as wrong:
        message = clipped(f"`{task.task}` returned what is not JSON: {wrong}")
        return failed(task, TaskError("not_json", message, retryable=False))
    if len(output) > PAYLOAD_BYTES_MAX:
        message = (
            f"`{task.task}` returned {len(output)} bytes, more than {PAYLOAD_BYTES_MAX} "
            "(limit PAYLOAD_BYTES_MAX)"
        )
        return failed(task, TaskError("too_large", message, retryable=False))
    return Result(
        task.run_id,
        task.step,
        task.attempt,
        task.delivery,
        task.iteration,
        msgspec.Raw(output),
        continued,
    )


def raised(task: Task, failure: BaseException) -> Result:
    """Return the result of a handler that raised. Raises nothing, whatever the exception does."""
    try:
        problem = _named(failure) if isinstance(failure, Retryable) else _unexpected(failure)
    except Exception as worse:  # noqa: BLE001 - a user's `__str__` or attributes
        message = f"{type(failure).__name__}, and asking it why raised {type(worse).__name__}"
        problem = TaskError("exception", clipped(message))
    return failed(task, problem)


def failed(task: Task, problem: TaskError) -> Result:
    """Return a failed result."""
    return Result(
        task.run_id, task.step, task.attempt, task.delivery, task.iteration, error=problem
    )


def clipped(text: str, most: int = ERROR_MESSAGE_CHARS_MAX) -> str:
    """Return a text as UTF-8 can carry it, cut to so many characters."""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")[:most]


def _named(failure: Retryable) -> TaskError:
    """Return what a handler said by raising one of our exceptions."""
    return TaskError(
        clipped(str(failure.code), ERROR_CODE_CHARS_MAX),
        clipped(str(failure) or type(failure).__name__),
        not isinstance(failure, NonRetryable),
        _wait_ms(failure.seconds) if isinstance(failure, RetryAfter) else None,
        _details(failure.details),
    )


def _wait_ms(seconds: float) -> int:
    # Compared before it is multiplied: the largest doubles would become integers of 1,000 bits.
    most_s = RETRY_AFTER_MS_MAX / 1000
    return RETRY_AFTER_MS_MAX if seconds >= most_s else round(seconds * 1000)


def _unexpected(failure: BaseException) -> TaskError:
    kind = type(failure).__name__
    text = str(failure)
    trace = "".join(traceback.format_exception(failure)).splitlines()[-TRACE_LINES_MAX:]
    return TaskError(
        "exception",
        clipped(f"{kind}: {text}" if text else kind),
        details={"type": kind, "trace": [clipped(line, TRACE_LINE_CHARS_MAX) for line in trace]},
    )


def _details(details: Any) -> Any:
    """Return details as JSON, or as text where they are none or too many."""
    if details is None:
        return None
    try:
        data = encoded(details)
    except NotJsonError:
        return clipped(repr(details), TRACE_LINE_CHARS_MAX)
    if len(data) > ERROR_DETAILS_BYTES_MAX:
        return f"{len(data)} bytes of details, left out (limit ERROR_DETAILS_BYTES_MAX)"
    return msgspec.Raw(data)
