"""Workflows that are run as steps: they exist, and none runs itself in the end.

name: pay   steps: [{id: again, type: sub_workflow, config: {workflow: pay}}]   →  DN3016
"""

from dagnats.compiler.outline import Outline
from dagnats.compiler.outputs import Lookup
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink
from dagnats.ir.program import Program, SubWorkflowNode
from dagnats.lang.tree import SubWorkflow, Workflow

WORKFLOWS_MAX = 1_000
"""Registered workflows that are followed from one document."""


def check_children(
    workflow: Workflow, outline: Outline, sink: Sink, workflows: Lookup | None
) -> None:
    """Report DN3016: recursion, and as a warning a workflow that nobody has registered."""
    ways: dict[str, list[str] | None] = {}
    for step in outline.steps:
        config = step.config
        if not isinstance(config, SubWorkflow):
            continue
        name, span = config.workflow, config.place("workflow")
        if name not in ways:
            ways[name] = _way_back(workflow.name, name, workflows)
        way = ways[name]
        if way is not None:
            path = " → ".join(f"`{part}`" for part in [workflow.name, *way])
            message = f"the workflow runs itself: {path}"
            help_ = "repeat a body with `loop`, or go on with `continue_as_new`: both have a bound"
            sink.add(Diagnostic("DN3016", message, span, help=help_))
        elif workflows is not None and workflows(name) is None:
            message = f"no workflow `{name}` is registered"
            help_ = "register it before the first run comes here"
            sink.add(Diagnostic("DN3016", message, span, Severity.WARNING, help=help_))


def _way_back(own: str, name: str, workflows: Lookup | None) -> list[str] | None:
    """Return the shortest way from a workflow to this one, both included; None without one."""
    if name == own:
        return [own]
    came_from: dict[str, str] = {}
    front = [name]
    while front and workflows is not None and len(came_from) < WORKFLOWS_MAX:
        following: list[str] = []
        for at in front:
            for child in _children(workflows(at)):
                if child == own:
                    return _way(came_from, name, at, own)
                if child != name and child not in came_from:
                    came_from[child] = at
                    following.append(child)
        front = following
    return None


def _way(came_from: dict[str, str], first: str, last: str, own: str) -> list[str]:
    way = [own, last]
    while way[-1] != first:
        way.append(came_from[way[-1]])
    return way[::-1]


def _children(program: Program | None) -> list[str]:
    nodes = () if program is None else program.nodes
    return [node.workflow for node in nodes if isinstance(node, SubWorkflowNode)]
