"""What may come in: the checks that every message passes before the partition hears of it.

What is refused here would otherwise fail later, where it cannot be refused any more: when it is
decoded, when a message is to be sent to what is no subject. How large and how deep a payload may be
is the machine's to judge; an input is judged here, too: a refusal is kinder than a failed run.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from dagnats.claims import KEY, has_key, may_refer
from dagnats.errors import RefusedError
from dagnats.ir.costs import PAYLOAD_LEVELS_MAX
from dagnats.machine.payload import TooLargeError, require_fit
from dagnats.wire import tasks

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
SUBJECT = re.compile(r"[^\s.*>\x00-\x1f\x7f]+(\.[^\s.*>\x00-\x1f\x7f]+)*")
TASK_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
SUBJECT_CHARS_MAX = 255
EVENT_ID_CHARS_MAX = 128

PRUNE_LEVELS = PAYLOAD_LEVELS_MAX + 10
"""Deeper parts of an undecodable message are cut out: still too deep to be taken, but decodable."""

SURE_BYTES = 200_000
"""An input this short is no larger than a payload may be when it is written again: `1e15` grows."""

_results_decoder = msgspec.json.Decoder(tasks.Results)
_token = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)

Decoded = TypeVar("Decoded")


def decoded(decode: Callable[[bytes], Decoded], payload: bytes) -> Decoded:
    """Decode a request. Raises RefusedError `invalid`."""
    try:
        return decode(payload)
    except msgspec.ValidationError as wrong:
        raise RefusedError("invalid", f"malformed request: {wrong}") from None
    except msgspec.DecodeError as wrong:
        raise RefusedError("invalid", f"the request is not JSON: {wrong}") from None
    except RecursionError:
        raise RefusedError("invalid", "the request is nested too deep to be read") from None


def is_subject(text: str) -> bool:
    """Whether a message can be sent there: a notify subject, or the end of a worker's."""
    return len(text) <= SUBJECT_CHARS_MAX and SUBJECT.fullmatch(text) is not None


def check_run_id(run_id: str) -> None:
    """Raise RefusedError `invalid` unless it is a run id."""
    if RUN_ID.fullmatch(run_id) is None:
        raise RefusedError(
            "invalid", f"`{run_id}` is not a run id: up to 128 letters, digits, `-` and `_`"
        )


def check_notify(subject: str) -> None:
    """Raise RefusedError `invalid` unless it is empty or a subject."""
    if subject and not is_subject(subject):
        raise RefusedError("invalid", f"`notify` is not a subject: {subject[:80]!r}")


def check_input(value: Any, payload: bytes) -> None:
    """Raise RefusedError `invalid` for a run's input that is too large or nested too deep.

    Or that could be taken for a reference to a stored value.
    """
    if may_refer(payload):
        _check_reserved("the input", value)
    brackets = payload.count(b"[") + payload.count(b"{")
    if len(payload) <= SURE_BYTES and brackets <= PAYLOAD_LEVELS_MAX:
        return
    try:
        require_fit("the input", value)
    except TooLargeError as wrong:
        raise RefusedError("invalid", str(wrong)) from None


def _check_reserved(what: str, value: Any) -> None:
    if has_key(value):
        raise RefusedError("invalid", f"{what} has the key `{KEY}`, which dagnats keeps for itself")


def check_value(what: str, value: Any) -> None:
    """Raise RefusedError `invalid` for a value that is no payload."""
    try:
        require_fit(what, value)
    except TooLargeError as wrong:
        raise RefusedError("invalid", str(wrong)) from None


def check_event(kind: str, event_id: str, data: Any) -> None:
    """Raise RefusedError `invalid` for an event that cannot be published."""
    if len(kind) > SUBJECT_CHARS_MAX or TASK_NAME.fullmatch(kind) is None:
        raise RefusedError("invalid", f"not a type of events: {kind[:80]!r}")
    if not event_id or len(event_id) > EVENT_ID_CHARS_MAX:
        raise RefusedError("invalid", f"an event's id has 1 to {EVENT_ID_CHARS_MAX} characters")
    check_value("the data", data)
    _check_reserved("the data", data)


def digest(payload: bytes) -> str:
    """Return a short name for a message."""
    return sha256(payload).hexdigest()[:26]


def hello_problem(hello: tasks.Hello) -> str:
    """Return what is wrong with a worker's announcement, or nothing."""
    if not is_subject(hello.worker_id):
        return f"not a worker id: {hello.worker_id[:80]!r}"
    for name in hello.tasks:
        if TASK_NAME.fullmatch(name) is None:
            return f"not a task name: {name[:80]!r}"
    for name in (*hello.groups, *hello.capabilities):
        if TASK_NAME.fullmatch(name) is None:
            return f"not the name of a group or a capability: {name[:80]!r}"
    return ""


def decode_results(payload: bytes) -> tasks.Results | None:
    """Return what a worker sent, or None when no worker of ours did.

    What is nested too deep to be decoded is cut off; enough is left for the machine to refuse it.
    """
    try:
        try:
            message = _results_decoder.decode(payload)
        except RecursionError:
            message = _results_decoder.decode(pruned(payload, PRUNE_LEVELS))
    except (msgspec.DecodeError, RecursionError):
        return None
    return message if is_subject(message.worker_id) else None


def pruned(payload: bytes, levels: int) -> bytes:
    """Return JSON without what stands in lists and objects at the depth of `levels`."""
    parts: list[bytes] = []
    depth, kept_from = 0, 0
    for token in _token.finditer(payload):
        first = payload[token.start()]
        if first in b"[{":
            depth += 1
            if depth == levels:
                parts.append(payload[kept_from : token.end()])
        elif first in b"]}":
            if depth == levels:
                kept_from = token.start()
            depth -= 1
    parts.append(payload[kept_from:])
    return b"".join(parts)
