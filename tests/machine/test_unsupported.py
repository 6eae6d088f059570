"""What the machine does not run yet is named in one sentence; what it runs is not."""

from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.expr.ast import Comprehension, Ident, Literal
from dagnats.ir.program import Admission, CodeRetry, Program, RateLimit, Retry, Trigger
from dagnats.ir.verify import verify
from dagnats.machine.prepared import prepare
from dagnats.machine.unsupported import unsupported
from tests.ir.samples import EVERYTHING, EXAMPLE, WHOLE, chain, field, loop, program, step

NOT_YET = ", which this engine does not run yet"


def told(sample: Program) -> str:
    assert verify(sample) == []
    found = unsupported(sample)
    assert found is not None
    assert found.endswith(NOT_YET)
    return found.removesuffix(NOT_YET)


def of_whole(name: str) -> Program:
    """The program with everything, without what comes before a node."""
    at = next(i for i, node in enumerate(WHOLE.nodes) if node.id == name)
    return replace(WHOLE, nodes=WHOLE.nodes[at:])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pages", "a loop"),
        ("fan", "a map"),
        ("route", "a switch"),
        ("gate", "an approval"),
        ("nap", "a sleep"),
        ("plan", "a planner"),
        ("pay", "a sub-workflow"),
        ("paid", "a wait for an event"),
        ("sum", "a transform"),
        ("tell", "an emit"),
        ("answer", "a respond"),
        ("next", "a continue_as_new"),
        ("stop", "a fail"),
    ],
)
def test_kinds(name: str, words: str) -> None:
    assert unsupported(of_whole(name)) == f"step `{name}` is {words}{NOT_YET}"


def one(**more: Any) -> Program:
    return program(step("a", **more))


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (one(join="all_done"), "step `a` has the join `all_done`"),
        (program(step("a", on_failure=1), step("b")), "step `a` has `on_failure`"),
        (program(step("b"), step("a", compensate=0)), "step `a` has `compensate`"),
        (one(heartbeat_timeout_ms=1), "step `a` has a `heartbeat_timeout`"),
        (one(worker_group="g"), "step `a` has a `worker_group`"),
        (one(rate_limit=RateLimit(1, 1)), "step `a` has a `rate_limit`"),
        (one(required_capabilities=("x",)), "step `a` has `required_capabilities`"),
        (one(retry=Retry(jitter=0.5)), "step `a` has `jitter` in its `retry`"),
        (one(retry=Retry(by_code=(("c", CodeRetry()),))), "step `a` has `by_code` in its `retry`"),
        (program(loop("a", delay_ms=1)), "step `a` has a `delay`"),
        (program(loop("a", on_exhausted="pause")), "step `a` pauses the run when it is exhausted"),
        (
            program(loop("a", initial_state=Ident("input"))),
            "step `a` works out its `initial_state`",
        ),
        (one(input=field("trigger", "data")), "step `a` reads `trigger`"),
        (one(when=Ident(".trigger")), "step `a` reads `trigger`"),
        (
            one(input=Comprehension("map", Ident("vars"), "vars", Ident("vars"))),
            "step `a` reads `vars`",
        ),
        (program(step("a"), output=Ident("trigger")), "`output` reads `trigger`"),
        (program(step("a"), labels=(("l", Literal("x")),)), "the workflow has labels"),
        (
            program(step("a"), triggers=(Trigger("t", "event", {"event": "e"}),)),
            "the workflow has triggers",
        ),
        (program(step("a"), admission=Admission(sticky="soft")), "the workflow has a `sticky`"),
    ],
)
def test_the_rest(sample: Program, words: str) -> None:
    assert told(sample) == words


@pytest.mark.parametrize(
    "sample",
    [
        EXAMPLE,
        EVERYTHING,
        chain(3),
        one(agent=True, metadata={"a": 1}),
        program(step("a"), secrets=("T",), task_outputs=(("a", True),), output_schema={}),
        program(step("a"), task_inputs=(("a", True),)),
        one(input=Comprehension("map", Ident("input"), "vars", Ident("vars"))),
    ],
)
def test_what_runs(sample: Program) -> None:
    assert unsupported(sample) is None
    assert len(prepare(sample, "sha256:x").nodes) == len(sample.nodes)


def test_the_first_thing_is_named() -> None:
    assert told(WHOLE) == "step `start` has `on_failure`"
