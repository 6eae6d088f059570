"""Each kind of step begins in its own way: one table for all of them."""

from typing import assert_never

from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    ContinueAsNewNode,
    EmitNode,
    FailNode,
    LoopNode,
    MapNode,
    Node,
    PlannerNode,
    RespondNode,
    SleepNode,
    SubWorkflowNode,
    SwitchNode,
    TaskNode,
    TransformNode,
    WaitForEventNode,
)
from dagnats.machine.kinds import (
    agent_loop,
    approval,
    at_once,
    child,
    each,
    loop,
    planner,
    sleep,
    switch,
    task,
    wait,
)
from dagnats.machine.state import Frame
from dagnats.machine.turn import Turn


def begin(turn: Turn, frame: Frame, at: int, node: Node) -> None:  # noqa: C901, PLR0912 (a table)
    """Begin a step that is to be done; raises EvaluationError when what it needs has no value."""
    if type(node) is TaskNode:  # most are, and asking for each kind in turn takes long
        task.begin(turn, frame, at)
        return
    match node:
        case AgentLoopNode():
            agent_loop.begin(turn, frame, at)
        case PlannerNode():
            planner.begin(turn, frame, at)
        case TaskNode():
            task.begin(turn, frame, at)
        case LoopNode():
            loop.begin(turn, frame, at)
        case MapNode():
            each.begin(turn, frame, at, node)
        case SwitchNode():
            switch.begin(turn, frame, at, node)
        case ApprovalNode():
            approval.begin(turn, frame, at)
        case WaitForEventNode():
            wait.begin(turn, frame, at, node)
        case SleepNode():
            sleep.begin(turn, frame, at, node)
        case SubWorkflowNode():
            child.begin(turn, frame, at, node)
        case TransformNode():
            at_once.transform(turn, frame, at)
        case EmitNode():
            at_once.emit(turn, frame, at, node)
        case RespondNode():
            at_once.respond(turn, frame, at, node)
        case ContinueAsNewNode():
            at_once.continue_as_new(turn, frame, at, node)
        case FailNode():
            at_once.fail(turn, frame, at, node)
        case _:
            assert_never(node)
