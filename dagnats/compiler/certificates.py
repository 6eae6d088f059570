"""Certificates side by side, and those of runs that go on as new ones.

dagnats bounds hello.yaml --against hello    →  DN6005 attempts: 36 at the most, 12 before
"""

from typing import Final

from dagnats.compiler.outline import Outline
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink, Span
from dagnats.ir.program import Bound, Certificate, ContinueAsNewNode, Program
from dagnats.lang.tree import Workflow
from dagnats.timespec import format_duration

WORDS: Final = {
    "attempts": "attempts",
    "events": "history events",
    "bytes": "history bytes",
    "concurrent_steps": "steps at once",
    "timers": "open timers",
    "duration_ms": "wall-clock time",
    "expression_cost": "expression cost",
    "tokens": "tokens",
    "usd": "dollars",
}
"""What is counted, by the names of the bounds."""

_AT_ONCE: Final = ("concurrent_steps", "timers")


def report_growth(
    workflow: Workflow, outline: Outline, new: Certificate, old: Certificate, sink: Sink
) -> None:
    """Report DN6005 for each bound that is higher than that of a predecessor."""
    for name, what in WORDS.items():
        now, before = getattr(new, name), getattr(old, name)
        if has_grown(now, before):
            sink.add(_grown(workflow, outline, what, now, before))


def has_grown(now: Bound, before: Bound) -> bool:
    """Whether a bound is higher than before; to have none is the highest."""
    if before.max is None:
        return False
    return now.max is None or now.max > before.max


def _grown(
    workflow: Workflow, outline: Outline, what: str, now: Bound, before: Bound
) -> Diagnostic:
    shown = format_duration if what == WORDS["duration_ms"] else _number
    most = "not declared any more" if now.max is None else f"{shown(now.max)} at the most"
    message = f"{what}: {most}, {shown(before.max or 0)} before"
    help_ = f"it was {before.symbolic}, and is {now.symbolic}"
    if now.symbolic == before.symbolic:
        help_ = f"the sizes are larger in {now.symbolic}"
    span = _place(workflow, outline, now.dominant_step)
    return Diagnostic("DN6005", message, span, Severity.WARNING, help=help_)


def _number(number: int) -> str:
    return f"{number:,}"


def _place(workflow: Workflow, outline: Outline, dominant: str | None) -> Span:
    number = None if dominant is None else outline.index.get(dominant)
    return workflow.place("name") if number is None else outline.steps[number].place("id")


def generations(program: Program) -> int:
    """Return in how many generations a run may go on at the most: 1 without `continue_as_new`."""
    found = [n.max_generations for n in program.nodes if isinstance(n, ContinueAsNewNode)]
    return max(found, default=1)


def in_all(program: Program) -> dict[str, int | None]:
    """Return what all generations of a run come to at the most, by the names of the bounds.

    Each has a certificate of its own; the timeout of the run is for all of them together.
    """
    times, certificate = generations(program), program.certificate
    found: dict[str, int | None] = {}
    for name in Certificate.__struct_fields__:
        most = getattr(certificate, name).max
        found[name] = most if most is None or name in _AT_ONCE else most * times
    limits = program.admission.budget
    for name in ("tokens", "usd"):
        if limits is not None and getattr(limits, name) is not None:
            found[name] = getattr(certificate, name).max
    lasts = certificate.duration_ms
    if lasts.max is not None and times > 1:
        # After the timeout of the run only its end comes, which is a part of what one may take.
        cut = lasts.max if lasts.symbolic.startswith("timeout") else program.timeout_ms + lasts.max
        found["duration_ms"] = min(lasts.max * times, cut)
    return found
