"""Every type of step with a `config` that is empty, missing, or broken in one place."""

import json

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Severity
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS

ODD = (
    None, True, 0, -1, 2.5, "", "x", "${{ 1", "${{ nope }}", [], {}, [None], [{}], {"a": 1}, [[]],
    [{"id": "q"}], [{"id": "q", "task": "t"}], [{"id": "s"}], [{"steps": []}],
)  # fmt: skip
MISSING = object()
BY_NAME = {kind.name: kind for kind in STEP_TYPES}


def configs(kind):
    """Yield configs of a type: none, odd ones, the example without each key and with odd values."""
    yield from (MISSING, *ODD)
    block = BLOCKS[kind.config] if kind.config else None
    example = (
        {key: value for each in block.examples for key, value in each.items()} if block else {}
    )
    for key in block.keys if block else ():
        rest = {name: value for name, value in example.items() if name != key.name}
        yield rest
        for odd in ODD:
            yield {**rest, key.name: odd}
            yield {key.name: odd}


def compiled(kind, config, task):
    step = {"id": "s", "type": kind} | ({} if config is MISSING else {"config": config})
    step |= {"task": task} if task else {}
    document = {"name": "a", "steps": [step, {"id": "other", "task": "t"}]}
    return compile_workflow(json.dumps(document))


@pytest.mark.slow
@pytest.mark.parametrize("task", [None, "t"], ids=["no task", "a task"])
@pytest.mark.parametrize("kind", BY_NAME)
def test_whatever_stands_in_a_config_is_refused_by_a_finding_or_compiles(kind, task):
    for config in configs(BY_NAME[kind]):
        found = compiled(kind, config, task)
        errors = [each for each in found.diagnostics if each.severity is Severity.ERROR]
        assert (found.program is None) == bool(errors), config


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("loop", {"max_iterations": 3}, "`config` has no `steps`"),
        ("loop", {}, "`config` has no `steps`"),
        ("loop", MISSING, "the step has no `config`"),
        ("loop", {"max_iterations": 3, "steps": []}, "`steps` must have at least 1 item"),
        ("map", {"max_items": 3, "over": "[1]"}, "the step has no `task`"),
        ("map", MISSING, "the step has no `task`"),
        ("map", {"max_items": 3, "over": "[1]", "steps": []}, "`steps` must have at least 1 item"),
        ("agent_loop", {"max_iterations": 3}, "the step has no `task`"),
        ("planner", {"max_steps": 3}, "the step has no `task`"),
        ("switch", {"on": "1"}, "`config` has no `cases`"),
        ("transform", {}, "`config` has no `value`"),
        ("emit", {}, "`config` has no `event`"),
        ("fail", {}, "`config` has no `code`"),
        ("sub_workflow", {}, "`config` has no `workflow`"),
        ("wait_for_event", {}, "`config` has no `event`"),
        ("continue_as_new", {}, "`config` has no `input`"),
        ("sleep", {}, "`config` needs one of `duration`, `until` or `cron`"),
    ],
)
def test_what_a_type_needs_is_said(kind, config, said):
    found = compiled(kind, config, None)
    assert said in [each.message for each in found.diagnostics]
    assert found.program is None
