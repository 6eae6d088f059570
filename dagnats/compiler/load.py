"""What executions take, each measure with where it comes from, and how such loads add up.

added([a, b])   both, of what is summed      either([a, b])   the worst of both
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from dagnats.compiler.measures import ZERO, Measure, most, plain, repeated, total
from dagnats.ir import costs
from dagnats.ir.costs import Writes
from dagnats.ir.program import Certificate

MICRO: Final = 1_000_000
"""Money is counted in millionths of a dollar."""


class Load(Struct, frozen=True):
    """What one execution costs.

    `history` are the events of this run alone, `events` those of children besides. `concurrent`
    are attempts at once, `timers` those open at once, `instances` steps that exist at once.
    `duration` is the time until the end, `undo` what compensation takes later. `tokens` and
    `usd` are None where no budget bounds them.
    """

    attempts: Measure = ZERO
    events: Measure = ZERO
    history: Measure = ZERO
    bytes: Measure = ZERO
    cost: Measure = ZERO
    timers: Measure = ZERO
    concurrent: Measure = ZERO
    instances: Measure = ZERO
    duration: Measure = ZERO
    undo: Measure = ZERO
    tokens: Measure | None = ZERO
    usd: Measure | None = ZERO


SUMMED: Final = ("attempts", "events", "history", "bytes", "cost", "undo")
"""What is as much as all of its parts, however they follow each other."""

BUDGETED: Final = ("tokens", "usd")
NOTHING: Final = Load()


def added(loads: Sequence[Load]) -> dict[str, Any]:
    """Return the sums of some loads, of what is summed."""
    found: dict[str, Any] = {
        name: total([getattr(load, name) for load in loads]) for name in SUMMED
    }
    for name in BUDGETED:
        parts = [getattr(load, name) for load in loads]
        found[name] = None if None in parts else total(parts)
    return found


def either(loads: Sequence[Load]) -> Load:
    """Return the worst of some loads of which one comes to be."""
    if not loads:
        return NOTHING
    found: dict[str, Any] = {}
    for name in Load.__struct_fields__:
        parts = [getattr(load, name) for load in loads]
        found[name] = None if None in parts else most(parts)
    return Load(**found)


def written(writes: Writes, name: str, space: int) -> Load:
    """Return the load of events alone; `space` is what each takes beside its payload."""
    count = plain(costs.events(writes), name)
    size = plain(count.value * space + costs.payloads(writes), name)
    return Load(events=count, history=count, bytes=size)


def multiplied(load: Load, times: int, size: str) -> dict[str, Any]:
    """Return what is summed, as often as `size` says."""
    found: dict[str, Any] = {name: repeated(getattr(load, name), times, size) for name in SUMMED}
    for name in BUDGETED:
        part = getattr(load, name)
        found[name] = None if part is None else repeated(part, times, size)
    return found


def of_certificate(known: Certificate, name: str, times: int) -> Load:
    """Return what a child adds; its events are of a history of its own."""

    def part(number: int | None, scale: int = 1) -> Measure:
        return plain((number or 0) * times * scale, name)

    return Load(
        attempts=part(known.attempts.max),
        events=part(known.events.max),
        bytes=part(known.bytes.max),
        cost=part(known.expression_cost.max),
        tokens=None if known.tokens.max is None else part(known.tokens.max),
        usd=None if known.usd.max is None else part(known.usd.max, MICRO),
    )
