"""Twice the document is twice the work: counted in calls, not in time."""

import sys

import pytest

from dagnats.compiler.deduce import LOOKS_AHEAD_MAX, Deducer
from dagnats.compiler.judge import judge, tabulate
from dagnats.compiler.reach import CONTINUATIONS_MAX
from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang.read import read_workflow
from dagnats.source.reader import read

STEPS = 60
GROWTH_MAX = 2.2


def chain(count):
    for n in range(count):
        yield f"  - {{id: s{n}, task: t, with: ['${{{{ steps.s{max(n - 1, 0)}.output }}}}', 1]}}\n"


def fan(count):
    yield "  - {id: a, task: t, when: input.a == 1}\n"
    for n in range(count):
        accepts = "[{step: a, allow: skipped}]"
        asked = "has(steps.a.output) && steps.a.output == 1"
        yield f"  - {{id: s{n}, task: t, depends_on: {accepts}, when: {asked}, with: x}}\n"


def bodies(count):
    for n in range(count):
        inner = f"[{{id: b{n}, task: t, with: '${{{{ [item, steps.s{n - 1}.output] }}}}'}}]"
        inner = inner if n else "[{id: b0, task: t, with: '${{ item }}'}]"
        config = f"{{over: input.list, max_items: 3, steps: {inner}}}"
        yield f"  - {{id: s{n}, type: map, config: {config}}}\n"


def loops(count):
    for n in range(count):
        inner = f"[{{id: b{n}, task: t, with: '${{{{ loop.state }}}}'}}]"
        config = f"{{max_iterations: 3, state: '${{{{ steps.b{n}.output }}}}', steps: {inner}}}"
        yield f"  - {{id: s{n}, type: loop, config: {config}}}\n"


def handlers(count):
    for n in range(count):
        yield f"  - {{id: s{n}, task: t, on_failure: h{n}, compensate: c{n}}}\n"
        yield f"  - {{id: h{n}, task: t, with: '${{{{ error.code + steps.s{n}.error.code }}}}'}}\n"
        yield f"  - {{id: c{n}, task: t, with: '${{{{ steps.s{n}.output }}}}'}}\n"


def switches(count):
    for n in range(count):
        cases = "[{values: [a, b], steps: []}, {values: [c], steps: []}]"
        yield f"  - {{id: s{n}, type: switch, config: {{on: input.k, cases: {cases}}}}}\n"


def join_of_all(count):
    for n in range(count):
        yield f"  - {{id: s{n}, task: t, when: input.k == {n}}}\n"
    parts = [f"has(steps.s{n}.output) ? steps.s{n}.output : {n}" for n in range(count)]
    yield f"  - {{id: z, task: t, join: all_done, with: '${{{{ [{', '.join(parts)}] }}}}'}}\n"


def continuations(count):
    for n in range(count * CONTINUATIONS_MAX // STEPS):
        config = "{input: 1, max_generations: 2}"
        yield f"  - {{id: s{n}, type: continue_as_new, when: input.k == {n}, config: {config}}}\n"


def cycle(count):
    for n in range(count):
        yield f"  - {{id: s{n}, task: t, depends_on: [s{(n + 1) % count}]}}\n"


def unknown_names(count):
    for n in range(count):
        yield f"  - {{id: step{n:04}, task: t, with: '${{{{ steps.stop{n:04}.output }}}}'}}\n"


SHAPES = (
    bodies,
    chain,
    continuations,
    cycle,
    fan,
    handlers,
    join_of_all,
    loops,
    switches,
    unknown_names,
)


def workflow_of(shape, count):
    sink = Sink()
    document = read("name: n\nsteps:\n" + "".join(shape(count)), "n", sink)
    assert document is not None
    found = read_workflow(document, sink)
    assert found is not None
    return found


def calls(shape, count):
    """Return how many functions are called to judge so many steps."""
    workflow, counted = workflow_of(shape, count), 0

    def tell(_frame, event, _arg):
        nonlocal counted
        counted += event in {"call", "c_call"}

    judge(workflow, Sink())  # what is prepared once counts for nothing
    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        judge(workflow, Sink())
    finally:
        sys.setprofile(before)
    return counted


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_steps_are_twice_the_work(shape):
    assert calls(shape, 2 * STEPS) <= GROWTH_MAX * calls(shape, STEPS)


def nested(depth):
    text = "{id: x, task: t, with: '${{ loop.state }}'}"
    for n in range(depth):
        config = f"{{max_iterations: 2, steps: [{text}, {{id: y{n}, task: t}}]}}"
        text = f"{{id: l{n}, type: loop, config: {config}}}"
    return f"name: n\nsteps: [{text}]\n"


@pytest.mark.parametrize("depth", range(1, 8))
def test_a_step_is_visited_a_few_times_more_for_each_loop_around_it(depth):
    sink = Sink()
    document = read(nested(depth), "n", sink)
    assert document is not None
    workflow = read_workflow(document, sink)
    assert workflow is not None
    tables = tabulate(workflow, sink)
    deducer = Deducer(tables, None)
    deducer.deduce(sink)
    assert len(tables.outline.steps) == 2 * depth + 1
    assert deducer.visits <= len(tables.outline.steps) * (1 + depth * (LOOKS_AHEAD_MAX + 1))
