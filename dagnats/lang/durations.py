"""Durations of a document: read to milliseconds, with advice on Go's nanoseconds."""

import re

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Sink
from dagnats.source.document import Mapping, Node, Scalar
from dagnats.timespec import format_duration, parse_duration_ms

_NS_PER_MS = 1_000_000
_FORM = re.compile(r"([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h|d)){1,32}", re.ASCII)


def duration_ms(parent: Mapping, key: str, sink: Sink, *, zero_is_none: bool = True) -> int | None:
    """Return the duration at `key`, as `read_duration` does; None where there is none."""
    node = parent.get(key)
    return None if node is None else read_duration(node, sink, zero_is_none=zero_is_none)


def read_duration(node: Node, sink: Sink, *, zero_is_none: bool = True) -> int | None:
    """Return a duration in milliseconds, None where it is malformed.

    The form is a matter of the shape; what only adding up can show is said here (DN2007).
    Go writes 0 for a timeout that is not set; `zero_is_none` reads it so.
    """
    if not isinstance(node, Scalar) or not isinstance(node.value, (int, str)):
        return None
    milliseconds = parse_duration_ms(node.value)
    if milliseconds is None:
        if isinstance(node.value, str) and _FORM.fullmatch(node.value):
            message, help_ = f"`{node.value}` is longer than 292 years", "write a shorter time"
            sink.add(Diagnostic("DN2007", message, node.span, help=help_))
        return None
    if isinstance(node.value, int) and node.value > 0:
        suggest_text(node, node.value, milliseconds, sink)
    return None if zero_is_none and milliseconds == 0 else milliseconds


def suggest_text(node: Scalar, nanoseconds: int, milliseconds: int, sink: Sink) -> None:
    """Advise to write a duration in nanoseconds as a text."""
    text = format_duration(milliseconds)
    exact = nanoseconds == milliseconds * _NS_PER_MS
    fix = Fix(f"write `{text}`", (Edit(node.span, f'"{text}"'),), "safe" if exact else "unsafe")
    message = f"a duration in nanoseconds: `{nanoseconds}` is {text}"
    help_ = f"write `{text}`"
    sink.add(Diagnostic("DN9001", message, node.span, Severity.INFO, help=help_, fixes=(fix,)))
