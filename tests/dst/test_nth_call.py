"""The n-th call of a port goes wrong, for every n, in every way, while the examples are played."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagnats.testing import documents
from dagnats.testing.course import Outcome, Simulation
from dagnats.testing.documents import Document
from dagnats.testing.faults import Faults
from dagnats.testing.world import Process
from dagnats.wire import tasks

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = {
    "hello": "hello.json",
    "order": "workflow.yaml",
    "report": "workflow.yaml",
    "review-pr": "workflow.yaml",
}
WAYS = (
    "crash",
    "crash.after",
    "fail",
    "unavailable",
    "uncertain.stored",
    "uncertain.lost",
    "uncertain.late",
)
APPENDS_ONLY = {"unavailable", "uncertain.stored", "uncertain.lost", "uncertain.late"}
SECTION = {"title": "a", "headings": ["b"], "rows": [["c"]]}
CHANGED = {"path": "a.py", "added": [{"line": 1, "text": "x"}]}
OUTPUTS: dict[str, Any] = {
    "report.scan": {"root": "r", "files": ["a.py", "b.md"]},
    "report.render": "# a report",
    "git.diff": {"title": "a change", "files": [CHANGED]},
    "review.post": "a review",
    "order.price": {"cents": 30_500},
    "order.reserve": {"shelf": "L2"},
    "order.invoice": {"way": "invoice"},
    "order.note": "noted",
}


def do(task: tasks.Task) -> tasks.Result:
    """Do a task of an example."""
    output = OUTPUTS.get(task.task, SECTION)
    if task.task == "agent.review":
        output = {"done": task.iteration >= 3, "next_rule": task.iteration, "findings": []}
    if task.task == "order.charge":
        declined = tasks.TaskError("declined", "the card was declined", retryable=False)
        return tasks.Result(
            task.run_id, task.step, task.attempt, task.delivery, task.iteration, error=declined
        )
    if task.task == "order.track":
        output = {"arrived": task.input["stop"] >= 3, "stop": "door"}
    if task.task.startswith("hello"):
        output = "hello"
    head = (task.run_id, task.step, task.attempt, task.delivery, task.iteration)
    return tasks.Result(*head, output)


def example(name: str) -> Document:
    path = EXAMPLES / name / NAMES[name]
    given = (EXAMPLES / name / "input.json").read_text()
    return documents.compiled(path.read_text(), documents.DONE, (json.loads(given),))


def play(document: Document, way: str, at: int) -> tuple[Outcome, list[str]]:
    """Play two runs; the `at`-th operation of the first engine goes wrong."""
    seen: list[str] = []

    def steer(process: Process) -> None:
        if process.name == "e0":
            process.plan = lambda operation, number: planned(operation, number)

    def planned(operation: str, number: int) -> str:
        seen.append(operation)
        if number != at or (way in APPENDS_ONLY and operation != "log.append"):
            return "as usual"
        return way

    playing = Simulation(1, runs=2, given=Faults(), only=[document], steer=steer, do=do)
    return playing.run(), seen


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_goes_wrong_whenever_the_run_ends_well(name: str, way: str) -> None:
    document = example(name)
    _, seen = play(document, "as usual", 0)
    assert len(seen) > 20
    for at in range(1, len(seen) + 1):
        if way in APPENDS_ONLY and seen[at - 1] != "log.append":
            continue
        outcome, _ = play(document, way, at)
        assert not outcome.violation, f"{way} at {at} ({seen[at - 1]}): {outcome.violation}"
        assert outcome.runs == 2


def test_the_examples_are_what_is_simulated() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(NAMES)
    for name in NAMES:
        assert example(name).tasks
