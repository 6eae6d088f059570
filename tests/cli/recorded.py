"""Histories as an engine writes them, made by the machine without a server."""

import json
from collections.abc import Callable
from typing import Any

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.machine import inputs as i
from dagnats.machine.advance import Transition, advance, start
from dagnats.machine.commands import Enqueue
from dagnats.machine.events import encode
from dagnats.machine.prepared import prepare

BEGIN_MS = 1_800_000_000_000

Work = Callable[[str, Any], Any]
"""Takes address and input, and returns an output; raises to fail."""


def recorded(text: str, run_input: Any, work: Work) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the program of a document and the history of a run, both as JSON."""
    compiled = compile_workflow(text, "test").program
    assert compiled is not None, compile_workflow(text, "test").diagnostics
    program = prepare(compiled, codec.digest(compiled))
    now, events, waiting = BEGIN_MS, [], []

    def take(transition: Transition) -> Transition:
        events.extend(json.loads(encode(event)) for event in transition.events)
        waiting.extend(c for c in transition.commands if isinstance(c, Enqueue))
        return transition

    request = i.StartRun(at=now, run_id="r1", digest=program.digest, input=run_input)
    state = take(start(program, request)).state
    while waiting:
        task = waiting.pop(0)
        now += 1_000
        take(advance(program, state, i.Deliver(now, task.step, "w1")))
        now += 500
        take(advance(program, state, _answer(now, task, work)))
        if not waiting:  # perhaps for a time
            now += 60_000
            take(advance(program, state, i.Tick(now)))
    return codec.to_document(compiled), events


def _answer(now: int, task: Enqueue, work: Work) -> i.Input:
    try:
        output = work(task.step, task.input)
    except ValueError as wrong:
        return i.Fail(now, task.step, task.attempt, task.iteration, "boom", str(wrong))
    return i.Complete(now, task.step, task.attempt, task.iteration, output)
