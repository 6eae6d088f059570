"""Runs in simulated worlds: every way for them to end, what they took, and what goes wrong."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import digest
from dagnats.machine.prepared import Prepared, prepare
from dagnats.simulation.explore import Budget, Exploration, explore
from dagnats.simulation.measures import MEASURES


def prepared(text: str) -> Prepared:
    """A document, ready to run."""
    compiled = compile_workflow(text)
    assert compiled.program is not None, compiled.diagnostics
    return prepare(compiled.program, digest(compiled.program))


def lowered(text: str, measure: str, most: int) -> Prepared:
    """A document with a certificate that says no more than so much of one measure."""
    program = prepared(text).program
    bound = replace(getattr(program.certificate, measure), max=most)
    certificate = replace(program.certificate, **{measure: bound})
    program = replace(program, certificate=certificate)
    return prepare(program, digest(program))


def explored(text: str, **more: Any) -> Exploration:
    return explore(prepared(text), rng=Random(1), **more)


ONE = """
name: one
steps:
  - {id: a, task: t}
"""


def test_every_outcome_of_a_step_is_tried() -> None:
    found = explored(ONE)
    assert found.is_exhaustive
    assert set(found.endings) == {
        "completed",
        "failed (failed)",
        "failed (timeout)",
        "failed (queue_timeout)",
        "failed (worker_lost)",
        "cancelled (cancelled)",
    }


def test_what_is_observed_is_what_is_certified() -> None:
    program = prepared(ONE)
    found = explore(program, rng=Random(1))
    certificate = program.program.certificate
    assert found.observed.attempts == certificate.attempts.max == 1
    assert found.observed.events == certificate.events.max


CHOICES = """
name: choices
input:
  type: object
  required: [kind, big]
  properties: {kind: {enum: [a, b, c]}, big: {type: integer}}
steps:
  - id: way
    type: switch
    config:
      on: input.kind
      cases:
        - {values: [a], steps: [{id: one, type: transform, config: {value: 1}}]}
        - {values: [b], steps: [{id: two, type: transform, config: {value: 2}}]}
  - {id: much, type: transform, when: input.big >= 1000, config: {value: 3}}
"""


def test_inputs_go_every_way() -> None:
    found = explored(CHOICES)
    assert found.is_exhaustive
    assert found.coverage.missing == []


DONE = """
name: done
steps:
  - id: ask
    type: agent_loop
    task: t
    config: {max_iterations: 3, until: result.score > 7 && result.kind == 'good'}
  - {id: after, task: t, depends_on: [ask], on_failure: help, retry: {max_retries: 1}}
  - {id: help, task: t}
"""


def test_results_without_a_schema_come_from_what_is_asked_of_them() -> None:
    found = explored(DONE, budget=Budget(turns=4_000, runs=50))
    assert "completed" in found.endings
    assert "failed (exhausted)" in found.endings
    assert found.coverage.missing == []


def test_what_never_happens_is_said() -> None:
    text = """
name: never
steps:
  - id: way
    type: switch
    config:
      cases:
        - {when: "1 > 2", steps: [{id: dead, type: transform, config: {value: 1}}]}
"""
    found = explored(text)
    assert found.is_exhaustive
    assert found.coverage.missing == ["`way` takes case 1", "`dead` begins"]


PARENT = """
name: parent
steps:
  - {id: call, type: sub_workflow, config: {workflow: child}, on_failure: save}
  - {id: save, type: transform, config: {value: 1}}
"""
CHILD = """
name: child
steps:
  - {id: stop, type: fail, config: {code: no_good}}
"""


def test_a_known_child_ends_as_it_can() -> None:
    found = explored(PARENT, children={"child": prepared(CHILD)})
    assert found.is_exhaustive
    assert "completed" in found.endings
    assert "handler `save` runs" not in found.coverage.missing


def test_the_same_seed_tries_the_same() -> None:
    one, two = (explored(DONE, budget=Budget(turns=300, runs=20)) for _ in range(2))
    assert one == two


def test_a_certificate_that_is_too_low_is_a_counterexample() -> None:
    found = explore(lowered(DONE, "attempts", 2), rng=Random(1))
    assert found.counterexample is not None
    assert "certified 2" in found.counterexample.wrong
    assert 0 < len(found.counterexample.trace) <= 12


# Everything that is observed is held; the machine holds some of it before this does.
@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_is_held_against_its_certificate(measure: str) -> None:
    worst = Budget(turns=1, runs=0)
    most = getattr(explored(DONE, budget=worst).observed, measure)
    assert most > 0
    enough, less = lowered(DONE, measure, most), lowered(DONE, measure, most - 1)
    assert explore(enough, rng=Random(1), budget=worst).counterexample is None
    found = explore(less, rng=Random(1), budget=worst).counterexample
    assert found is not None
    assert f"{most:,}" in found.wrong


WITH = "with: {x: '${{ 1 + 2 }}'}"
KEY = "keyed_rate_limit: {key: input.key + '!', limit: 5, period: 1s}"


@pytest.mark.parametrize("keys", [WITH, KEY, f"{WITH}, {KEY}"])
def test_expressions_cost_as_much_as_is_certified(keys: str) -> None:
    """An input is worked out for each delivery, a key before an attempt is queued as well."""
    program = prepared(f"""
name: costly
input: {{type: object, required: [key], properties: {{key: {{enum: [red, blue]}}}}}}
steps:
  - {{id: a, task: t, retry: {{max_retries: 2}}, {keys}}}
""")
    found = explore(program, rng=Random(1), budget=Budget(turns=1, runs=0))
    assert found.observed.expression_cost == program.program.certificate.expression_cost.max > 0


def test_time_that_is_over_ends_it() -> None:
    found = explored(DONE, budget=Budget(over=lambda: True))
    assert not found.is_exhaustive
    # The first of the worst worlds alone: it is slow in none, nothing was drawn, nothing walked.
    assert found.observed.duration_ms == 0
    assert (found.turns, found.states) == (0, 0)
    assert found.runs >= 1
