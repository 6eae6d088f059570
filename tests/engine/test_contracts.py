"""A result that breaks the contract of its task fails the attempt: typed, said where, for good."""

from typing import Any

import pytest

from dagnats.wire import tasks
from tests.engine.cluster import Cluster, play, result_of

CONTRACT = """
tasks:
  t:
    output:
      type: object
      required: [files]
      properties: {files: {type: array, items: {type: object, properties: {size: {type: integer}}}}}
"""
ONE = f"""
dagnats: 1
name: one
{CONTRACT}
steps:
  - {{id: a, task: t, retry: {{max_retries: 3, initial_delay: 1ms}}}}
output: "${{{{ steps.a.output.files }}}}"
"""
SAVED = f"""
dagnats: 1
name: saved
{CONTRACT}
steps:
  - {{id: a, task: t, on_failure: b}}
  - {{id: b, task: other, with: "${{{{ error.code }}}}"}}
"""
EACH = f"""
dagnats: 1
name: each
{CONTRACT}
steps:
  - id: a
    type: map
    task: t
    with: "${{{{ item }}}}"
    config: {{over: "[1, 2]", max_items: 2, tolerance: 2}}
"""
TURNS = f"""
dagnats: 1
name: turns
{CONTRACT}
steps:
  - {{id: a, type: agent_loop, task: t, config: {{max_iterations: 3}}}}
"""
GOOD = {"files": [{"size": 1}]}
BAD = {"files": [{"size": 1}, {"size": "big"}]}
STORED = {"$payload": {"run_id": "r1", "sha256": "0" * 64, "bytes": 300_000}}
SAID = "the output of `t` breaks its contract: at $.files[1].size: "


def ended(document: str, *outputs: Any, **more: Any) -> tuple[dict[str, Any], int]:
    """Play a run whose task `t` gives these one after the other; returns it, and how many."""
    given: list[Any] = []

    def work(task: tasks.Task) -> tasks.Result:
        if task.task != "t":
            return result_of(task, output=task.input)
        given.append(outputs[len(given)])
        return result_of(task, output=given[-1], continued=given[-1] is None, **more)

    async def test() -> None:
        cluster = Cluster(document, work)
        cluster.engine()
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")
        run.update(await cluster.ended("r1"))
        await cluster.close()
        cluster.check_history()

    run: dict[str, Any] = {}
    play(test)
    return run, len(given)


def test_what_fits_is_taken() -> None:
    run, given = ended(ONE, GOOD)
    assert (run["status"], run["output"], given) == ("completed", GOOD["files"], 1)


def test_what_breaks_it_fails_the_step_at_once() -> None:
    run, given = ended(ONE, BAD)
    error = run["error"]
    assert (run["status"], given) == ("failed", 1)
    assert (error["code"], error["retryable"], error["step"]) == ("invalid_output", False, "a")
    assert error["message"].startswith(SAID)


def test_it_is_asked_for_again_where_the_policy_names_that() -> None:
    """As an answer of a model is, which may fit the next time."""
    policy = "retry: {by_code: {invalid_output: {max_retries: 2, delays: [1ms]}}}"
    asking = ONE.replace("retry: {max_retries: 3, initial_delay: 1ms}", policy)
    assert asking != ONE
    run, given = ended(asking, BAD, BAD, GOOD)
    assert (run["status"], run["output"], given) == ("completed", GOOD["files"], 3)
    run, given = ended(asking, BAD, BAD, BAD)
    assert (run["status"], run["error"]["code"], given) == ("failed", "invalid_output", 3)


def test_what_it_has_spent_counts() -> None:
    run, _ = ended(ONE, BAD, usage={"tokens": 7})
    assert run["usage"] == {"tokens": 7}


def test_a_handler_takes_it_up() -> None:
    run, _ = ended(SAVED, BAD)
    assert (run["status"], run["output"]) == ("completed", "invalid_output")


def test_items_are_held_against_it_one_by_one() -> None:
    run, given = ended(EACH, BAD, GOOD)
    assert (run["status"], given) == ("completed", 2)
    (step,) = [one for one in run["steps"] if one["id"] == "a"]
    assert sorted(step["output"], key=str) == [None, GOOD]


def test_the_state_of_a_loop_is_no_output() -> None:
    """None asks for another iteration here."""
    run, given = ended(TURNS, None, None, GOOD)
    assert (run["status"], given) == ("completed", 3)
    run, given = ended(TURNS, None, BAD)
    assert (run["error"]["code"], given) == ("invalid_output", 2)


@pytest.mark.parametrize("output", [STORED, {"files": STORED}])
def test_what_stands_in_the_store_is_not_looked_into(output: Any) -> None:
    run, _ = ended(ONE.replace('output: "${{ steps.a.output.files }}"', ""), output)
    assert run["status"] == "completed"


def test_a_program_without_contracts_is_not_looked_at() -> None:
    run, _ = ended(ONE.replace(CONTRACT, ""), BAD)
    assert run["status"] == "completed"
