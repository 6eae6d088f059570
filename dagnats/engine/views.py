"""Runs as clients see them: the documents of `run.get` and `run.list`."""

from typing import Any

from dagnats.engine.aside import Aside
from dagnats.engine.book import Summary
from dagnats.machine.events import rfc3339
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import STATUS, Failed, Pending, Ready, Running, RunState, Waiting

Document = dict[str, Any]


def run_document(program: Prepared, state: RunState, workers: dict[str, int]) -> Document:
    """Return everything about a run; `workers` counts the workers of each task."""
    return {
        "run_id": state.run_id,
        "workflow": state.workflow,
        "digest": state.digest,
        "status": state.status,
        "input": state.input,
        "steps": [_step(program, state, index, workers) for index in range(len(state.steps))],
        "output": state.output,
        "error": state.error,
        "started_at": rfc3339(state.started_at),
        "ended_at": rfc3339(state.at) if state.ended else None,
        "counters": {"events": state.seq, "attempts": state.attempts},
    }


def live_row(state: RunState) -> Document:
    """Return a live run's row in a list."""
    return {
        "run_id": state.run_id,
        "workflow": state.workflow,
        "status": state.status,
        "started_at": rfc3339(state.started_at),
        "ended_at": None,
    }


def aside_row(aside: Aside) -> Document:
    """Return the row of a run that is set aside."""
    return {
        "run_id": aside.run_id,
        "workflow": aside.workflow,
        "status": "running",
        "started_at": rfc3339(aside.started_at),
        "ended_at": None,
    }


def closed_row(summary: Summary) -> Document:
    """Return an ended run's row in a list."""
    return {
        "run_id": summary.run_id,
        "workflow": summary.workflow,
        "status": summary.status,
        "started_at": rfc3339(summary.started_at),
        "ended_at": rfc3339(summary.ended_at),
    }


def _step(program: Prepared, state: RunState, index: int, workers: dict[str, int]) -> Document:
    step, node = state.steps[index], program.nodes[index]
    document: Document = {"id": node.id, "status": STATUS[type(step)], "attempt": 0, "iteration": 0}
    if isinstance(step, Ready | Running | Waiting):
        document |= {"attempt": step.attempt, "iteration": step.iteration}
        document["waits_for"] = _cause(program, state, index, workers)
    elif isinstance(step, Pending):
        document["waits_for"] = _cause(program, state, index, workers)
    elif isinstance(step, Failed):
        document["error"] = step.error
    return document


def _cause(program: Prepared, state: RunState, index: int, workers: dict[str, int]) -> str:
    """Say what has to happen before this step goes on."""
    step, node = state.steps[index], program.nodes[index]
    if isinstance(step, Running):
        return f"worker {step.worker_id}, since {rfc3339(step.since)}"
    if isinstance(step, Waiting):
        return f"its next attempt at {rfc3339(step.until)}"
    if isinstance(step, Ready):
        if not workers.get(node.task):
            return f"a worker for task `{node.task}`: none is connected"
        return f"a free worker for task `{node.task}`, since {rfc3339(step.since)}"
    waiting = [
        program.nodes[edge.source].id
        for edge in node.edges
        if isinstance(state.steps[edge.source], Pending | Ready | Running | Waiting)
    ]
    return "steps " + ", ".join(f"`{step_id}`" for step_id in waiting)
