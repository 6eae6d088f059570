"""Running a handler: what it is given, and what its return or its exception means."""

import asyncio
import traceback
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import msgspec

from dagnats.wire.tasks import MESSAGE_BYTES_MAX, Result, Task, TaskError
from dagnats.worker.context import Context, Continue, NonRetryable, Retryable, RetryAfter
from dagnats.worker.registry import Handler

RESULT_BYTES_MAX = MESSAGE_BYTES_MAX - 10_000
"""What one result may take in a message; the rest is for its envelope."""
TRACE_LINES_MAX = 20


def run_inline(handler: Handler, task: Task, context: Context | None) -> Result:
    """Run a handler here and now; one that takes no context needs none."""
    try:
        return returned(task, _called(handler, task, context))
    except Exception as failure:  # noqa: BLE001 - whatever a handler raises is its result
        return raised(task, failure)


async def run_async(handler: Handler, task: Task, context: Context) -> Result:
    """Await an async handler. Raises CancelledError when it was told to stop."""
    try:
        return returned(task, await _called(handler, task, context))
    except Exception as failure:  # noqa: BLE001 - whatever a handler raises is its result
        return raised(task, failure)


async def run_in_thread(
    handler: Handler, task: Task, context: Context, threads: Executor
) -> Result:
    """Run a plain handler beside the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, run_inline, handler, task, context)


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
        output = _encode(value.state if continued else value)
    except (TypeError, ValueError, OverflowError, RecursionError) as wrong:
        message = f"`{task.task}` returned what is not JSON: {wrong}"
        return failed(task, TaskError("not_json", message, retryable=False))
    if len(output) > RESULT_BYTES_MAX:
        message = (
            f"`{task.task}` returned {len(output)} bytes; at most {RESULT_BYTES_MAX} fit "
            "(RESULT_BYTES_MAX)"
        )
        return failed(task, TaskError("result_too_large", message, retryable=False))
    return Result(
        task.run_id,
        task.step,
        task.attempt,
        task.delivery,
        task.iteration,
        msgspec.Raw(output),
        continued,
    )


def raised(task: Task, failure: Exception) -> Result:
    """Return the result of a handler that raised."""
    if isinstance(failure, Retryable):
        details, message = _plain(failure.details), str(failure) or type(failure).__name__
        retryable = not isinstance(failure, NonRetryable)
        after = round(failure.seconds * 1000) if isinstance(failure, RetryAfter) else None
        return failed(task, TaskError(failure.code, message, retryable, after, details))
    message = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
    trace = "".join(traceback.format_exception(failure)).splitlines()[-TRACE_LINES_MAX:]
    details = {"type": type(failure).__name__, "trace": trace}
    return failed(task, TaskError("exception", message, details=_plain(details)))


def failed(task: Task, problem: TaskError) -> Result:
    """Return a failed result."""
    return Result(
        task.run_id, task.step, task.attempt, task.delivery, task.iteration, error=problem
    )


def _plain(details: Any) -> Any:
    """Return details as JSON, or as text where they are none."""
    try:
        data = _encode(details)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return repr(details)[:1000]
    return msgspec.json.decode(data) if len(data) < RESULT_BYTES_MAX // 2 else None


def _unknown(value: Any) -> Any:
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    raise TypeError(f"a {type(value).__name__} is no JSON value")


_encode = msgspec.json.Encoder(enc_hook=_unknown).encode
