"""References to stored values at the door of an engine: nobody can bring one in from outside."""

from typing import Any

import pytest

from dagnats.errors import DagnatsError
from dagnats.wire import tasks
from tests.engine.cluster import Cluster, echo, play, result_of

WORKFLOW = """\
dagnats: 1
name: one
input:
  schema: {type: [string, object], maxLength: 10, maxProperties: 0}
steps:
  - id: a
    task: work.do
"""
STORED = {"$payload": {"run_id": "r1", "sha256": "0" * 64, "bytes": 300_000}}

BROUGHT_IN: list[tuple[str, dict[str, Any]]] = [
    ("run.start", {"workflow": "one", "run_id": "r9", "input": STORED}),
    ("run.start", {"workflow": "one", "run_id": "r9", "input": [{"a": {"$payload": 1}}]}),
    ("event.publish", {"type": "a.b", "id": "e1", "data": [STORED]}),
    ("run.signal", {"run_id": "r1", "name": "a.b", "id": "s1", "data": STORED}),
]


@pytest.mark.parametrize(("operation", "params"), BROUGHT_IN)
def test_the_key_of_references_is_refused(operation: str, params: dict[str, Any]) -> None:
    async def test() -> None:
        cluster = Cluster(WORKFLOW)
        cluster.engine()
        await cluster.register()
        await cluster.start("r1", "x")
        with pytest.raises(DagnatsError, match=r"\$payload"):
            await cluster.call(operation, **params)
        await cluster.close()

    play(test)


def test_a_reference_from_a_worker_is_kept_as_it_is_also_after_a_crash() -> None:
    def work(task: tasks.Task) -> tasks.Result | None:
        return result_of(task, output=STORED) if task.run_id == "r1" else echo(task)

    async def test() -> None:
        cluster = Cluster(WORKFLOW, work)
        _, bus, running = cluster.engine()
        cluster.start_worker()
        await cluster.register()
        await cluster.start("r1", "x")
        assert (await cluster.ended("r1"))["output"] == STORED
        bus.kill()
        running.cancel()
        cluster.engine()
        assert (await cluster.ended("r1"))["output"] == STORED
        # What stands for a value is not held against a schema; it may be handed on.
        await cluster.call(
            "run.fork", run_id="r1", new_run_id="r2", step="a", set_input=True, input=STORED
        )
        assert (await cluster.ended("r2"))["output"] == STORED
        await cluster.close()

    play(test)
