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
from dagnats.worker.context import AsyncContext, BaseContext, Context
from dagnats.worker.payload import NotJsonError, encoded
from dagnats.worker.registry import Handler
from dagnats.worker.shapes import misfit
from dagnats.worker.signals import Continue, NonRetryable, Retryable, RetryAfter
from dagnats.worker.store import check_reserved
from dagnats.worker.vault import NOTHING, Hiding, Resolver, from_environment, opened

TRACE_LINES_MAX = 20
TRACE_LINE_CHARS_MAX = 500


def run_plain(
    handler: Handler,
    task: Task,
    context: Context | None,
    resolve: Resolver = from_environment,
    most: int = PAYLOAD_BYTES_MAX,
) -> Result:
    """Run a plain handler here and now; one that takes no context needs none. Raises nothing.

    What it returns has at most so many bytes of JSON.
    """
    hiding = NOTHING
    try:
        value = task.input
        if task.secrets:
            value, hiding = opened(task, resolve)
            if context is not None:
                context.hide(hiding)
        result = returned(task, _called(handler, value, context), hiding, most)
    except BaseException as failure:  # noqa: BLE001 - `sys.exit()` too ends an attempt, not us
        result = raised(task, failure, hiding)
    return _with_usage(result, context)


async def run_async(
    handler: Handler,
    task: Task,
    context: AsyncContext,
    resolve: Resolver = from_environment,
    most: int = PAYLOAD_BYTES_MAX,
) -> Result:
    """Await an async handler. Raises CancelledError if `context` is cancelled, and nothing else."""
    hiding = NOTHING
    try:
        value = task.input
        if task.secrets:
            value, hiding = await asyncio.to_thread(opened, task, resolve)
            context.hide(hiding)
        result = returned(task, await _called(handler, value, context), hiding, most)
    except GeneratorExit:
        raise
    except asyncio.CancelledError as failure:
        if context.cancelled.is_set():
            raise
        result = raised(task, failure, hiding)
    except BaseException as failure:  # noqa: BLE001 - `sys.exit()` too ends an attempt, not us
        result = raised(task, failure, hiding)
    return _with_usage(result, context)


def _called(handler: Handler, value: Any, context: BaseContext | None) -> Any:
    if handler.convert is not None:
        try:
            value = handler.convert(value)
        except (msgspec.ValidationError, ValueError, TypeError) as wrong:
            message = f"the input does not fit the handler of `{handler.name}`: {misfit(wrong)}"
            raise NonRetryable(message, code="invalid_input") from wrong
    return handler.call(value, context) if handler.wants_context else handler.call(value)


def _with_usage(result: Result, context: BaseContext | None) -> Result:
    usage = context.usage if context is not None else None
    return msgspec.structs.replace(result, usage=usage) if usage else result


def returned(
    task: Task, value: Any, hiding: Hiding = NOTHING, most: int = PAYLOAD_BYTES_MAX
) -> Result:
    """Return the result of a handler that came back with `value`."""
    if value is None or value is True or value is False:
        return _result(task, value)
    continued = isinstance(value, Continue)
    try:
        output = hiding.json(encoded(value.state if continued else value))
    except NotJsonError as wrong:
        message = clipped(f"`{task.task}` returned what is not JSON: {wrong}")
        return failed(task, TaskError("not_json", message, retryable=False))
    if len(output) > most:
        message = f"`{task.task}` returned {len(output)} bytes, more than {most} ({limit_of(most)})"
        return failed(task, TaskError("too_large", message, retryable=False))
    try:
        check_reserved(output)
    except NonRetryable as wrong:
        message = f"`{task.task}` returned {wrong}"
        return failed(task, TaskError(wrong.code, message, retryable=False))
    return _result(task, msgspec.Raw(output), continued=continued)


def limit_of(most: int) -> str:
    """Return the name of a limit, as messages have it."""
    return f"limit {'PAYLOAD_BYTES_MAX' if most == PAYLOAD_BYTES_MAX else 'CLAIMED_BYTES_MAX'}"


def raised(task: Task, failure: BaseException, hiding: Hiding = NOTHING) -> Result:
    """Return the result of a handler that raised. Raises nothing, whatever the exception does."""
    try:
        if isinstance(failure, Retryable):
            problem = _named(failure, hiding)
        else:
            problem = _unexpected(failure, hiding)
    except Exception as worse:  # noqa: BLE001 - a user's `__str__` or attributes
        message = f"asking it why raised {type(worse).__name__}"
        problem = TaskError(_code_of(failure), clipped(message))
    return failed(task, problem)


def failed(task: Task, problem: TaskError) -> Result:
    """Return a failed result."""
    return _result(task, error=problem)


def _result(
    task: Task, output: Any = None, *, continued: bool = False, error: TaskError | None = None
) -> Result:
    return Result(
        task.run_id,
        task.step,
        task.attempt,
        task.delivery,
        task.iteration,
        output,
        continued,
        error,
        life=task.life,
    )


def clipped(text: str, most: int = ERROR_MESSAGE_CHARS_MAX) -> str:
    """Return a text as UTF-8 can carry it, cut to so many characters."""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")[:most]


def _named(failure: Retryable, hiding: Hiding) -> TaskError:
    """Return what a handler said by raising one of our exceptions."""
    return TaskError(
        clipped(hiding.text(str(failure.code)), ERROR_CODE_CHARS_MAX),
        clipped(hiding.text(str(failure)) or type(failure).__name__),
        not isinstance(failure, NonRetryable),
        _wait_ms(failure.seconds) if isinstance(failure, RetryAfter) else None,
        _details(failure.details, hiding),
    )


def _wait_ms(seconds: float) -> int:
    # Compared before it is multiplied: the largest doubles would become integers of 1,000 bits.
    most_s = RETRY_AFTER_MS_MAX / 1000
    return RETRY_AFTER_MS_MAX if seconds >= most_s else round(seconds * 1000)


def _unexpected(failure: BaseException, hiding: Hiding) -> TaskError:
    kind = type(failure).__name__
    text = hiding.text(str(failure))
    # Hidden before it is cut: half of a value would not be found.
    whole = hiding.text("".join(traceback.format_exception(failure)))
    trace = whole.splitlines()[-TRACE_LINES_MAX:]
    return TaskError(
        _code_of(failure),
        clipped(text or "raised without a message"),
        details={"type": kind, "trace": [clipped(line, TRACE_LINE_CHARS_MAX) for line in trace]},
    )


def _code_of(failure: BaseException) -> str:
    """Return the class of an exception that is none of ours: policies may name it."""
    return clipped(type(failure).__name__, ERROR_CODE_CHARS_MAX)


def _details(details: Any, hiding: Hiding) -> Any:
    """Return details as JSON, or as text where they are none or too many."""
    if details is None:
        return None
    try:
        data = hiding.json(encoded(details))
    except NotJsonError:
        return clipped(hiding.text(repr(details)), TRACE_LINE_CHARS_MAX)
    if len(data) > ERROR_DETAILS_BYTES_MAX:
        return f"{len(data)} bytes of details, left out (limit ERROR_DETAILS_BYTES_MAX)"
    return msgspec.Raw(data)
