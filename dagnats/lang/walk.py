"""Going through all steps of a workflow, those of bodies too, and changing them."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import structs

from dagnats.lang import tree

Steps = tuple[tree.Step, ...]


def all_steps(workflow: tree.Workflow) -> Iterator[tree.Step]:
    """Yield every step, a container before what is inside of it."""
    for scope in all_scopes(workflow):
        yield from scope


def all_scopes(workflow: tree.Workflow) -> Iterator[Steps]:
    """Yield every list of steps that stand beside each other."""
    waiting = [workflow.steps, workflow.finally_]
    while waiting:
        scope = waiting.pop(0)
        yield scope
        for step in scope:
            waiting += bodies(step)


def bodies(step: tree.Step) -> list[Steps]:
    """Return the bodies of a step."""
    match step.config:
        case tree.AgentLoop(steps=steps) | tree.Loop(steps=steps) | tree.Map(steps=steps):
            return [steps] if steps else []
        case tree.Switch(cases=cases, default=default):
            return [case.steps for case in cases] + ([default] if default else [])
        case _:
            return []


def each_step(workflow: tree.Workflow, change: Callable[[tree.Step], tree.Step]) -> tree.Workflow:
    """Return a workflow with every step changed; what stays as it is stays the same object."""
    return each_scope(workflow, lambda steps: tuple(map(change, steps)))


def each_scope(workflow: tree.Workflow, change: Callable[[Steps], Steps]) -> tree.Workflow:
    """Return a workflow with every list of steps changed, the innermost first."""
    steps = _scope(workflow.steps, change)
    finally_ = _scope(workflow.finally_, change) if workflow.finally_ else ()
    if steps is workflow.steps and finally_ == workflow.finally_:
        return workflow
    return structs.replace(workflow, steps=steps, finally_=finally_)


def _scope(steps: Steps, change: Callable[[Steps], Steps]) -> Steps:
    inner = tuple(_inside(step, change) for step in steps)
    if all(new is old for new, old in zip(inner, steps, strict=True)):
        inner = steps
    changed = change(inner)
    same = len(changed) == len(inner) and all(
        new is old for new, old in zip(changed, inner, strict=True)
    )
    return inner if same else changed


def _inside(step: tree.Step, change: Callable[[Steps], Steps]) -> tree.Step:
    """Return a step with its bodies changed."""
    config: Any = step.config
    match config:
        case tree.AgentLoop() | tree.Loop() | tree.Map():
            changed = _scope(config.steps, change) if config.steps else ()
            if changed is config.steps or not changed:
                return step
            return structs.replace(step, config=structs.replace(config, steps=changed))
        case tree.Switch():
            cases = tuple(
                structs.replace(case, steps=_scope(case.steps, change)) for case in config.cases
            )
            default = _scope(config.default, change) if config.default else config.default
            return structs.replace(
                step, config=structs.replace(config, cases=cases, default=default)
            )
        case _:
            return step
