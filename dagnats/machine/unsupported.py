"""What a program may hold and this machine does not run: said in one sentence, before it is stored.

a step of type `approval`    →  step `gate` is an approval, which this engine does not run yet
"""

from collections.abc import Iterator

from dagnats.expr.ast import Comprehension, Expr, Ident, Literal, children
from dagnats.ir.program import (
    Admission,
    AgentLoopNode,
    ApprovalNode,
    ContinueAsNewNode,
    EmitNode,
    FailNode,
    LoopNode,
    MapNode,
    Node,
    PlannerNode,
    Program,
    RespondNode,
    SleepNode,
    SubWorkflowNode,
    SwitchNode,
    TaskNode,
    TransformNode,
    WaitForEventNode,
)

_KINDS = {
    PlannerNode: "a planner",
    LoopNode: "a loop",
    MapNode: "a map",
    SwitchNode: "a switch",
    ApprovalNode: "an approval",
    WaitForEventNode: "a wait for an event",
    SleepNode: "a sleep",
    SubWorkflowNode: "a sub-workflow",
    TransformNode: "a transform",
    EmitNode: "an emit",
    RespondNode: "a respond",
    ContinueAsNewNode: "a continue_as_new",
    FailNode: "a fail",
}
_RUN = {TaskNode, AgentLoopNode}
_NODE_KEYS = {
    "within": "belongs to `finally`",
    "on_failure": "has `on_failure`",
    "compensate": "has `compensate`",
    "heartbeat_timeout_ms": "has a `heartbeat_timeout`",
    "worker_group": "has a `worker_group`",
    "rate_limit": "has a `rate_limit`",
    "keyed_rate_limit": "has a `keyed_rate_limit`",
    "max_task_concurrency": "has a `max_task_concurrency`",
    "required_capabilities": "has `required_capabilities`",
}
_RETRY_KEYS = {
    "delays_ms": "has `delays` in its `retry`",
    "jitter": "has `jitter` in its `retry`",
    "non_retryable": "has `non_retryable` in its `retry`",
    "by_code": "has `by_code` in its `retry`",
}
_ROOTS = frozenset({"secrets", "trigger", "vars"})


def unsupported(program: Program) -> str | None:
    """Return what of a verified program this machine does not run, the first of it; None if all."""
    what = next(_everything(program), None)
    return None if what is None else f"{what}, which this engine does not run yet"


def runnable(program: Program) -> tuple[TaskNode, ...]:
    """Return the nodes of a program of which `unsupported` has said nothing."""
    nodes = tuple([node for node in program.nodes if isinstance(node, TaskNode)])
    assert len(nodes) == len(program.nodes), "`unsupported` names every other kind"
    return nodes


def _everything(program: Program) -> Iterator[str]:
    for node in program.nodes:
        for what in _node(node):
            yield f"step `{node.id}` {what}"
    for root in _unknown_roots(program.output):
        yield f"`output` reads `{root}`"
    for key in ("variables", "labels", "triggers"):
        if getattr(program, key):
            yield f"the workflow has {key}"
    for name in Admission.__struct_fields__:
        if getattr(program.admission, name):
            yield f"the workflow has a `{name}`"


def _node(node: Node) -> Iterator[str]:
    if type(node) not in _RUN:
        yield f"is {_KINDS[type(node)]}"
        return
    assert isinstance(node, TaskNode), "the other kinds are named"
    if node.join != "all_success":
        yield f"has the join `{node.join}`"
    for key, words in _NODE_KEYS.items():
        if getattr(node, key) not in {None, ()}:
            yield words
    for key, words in _RETRY_KEYS.items():
        if getattr(node.retry, key) not in {(), 0}:
            yield words
    until = None
    if isinstance(node, AgentLoopNode):
        yield from _loop(node)
        until = node.until
    for expr in (node.when, node.input, until):
        for root in _unknown_roots(expr):
            yield f"reads `{root}`"


def _loop(node: AgentLoopNode) -> Iterator[str]:
    if node.delay_ms:
        yield "has a `delay`"
    if node.budget is not None:
        yield "has a `budget`"
    if node.on_exhausted == "pause":
        yield "pauses the run when it is exhausted"
    if not isinstance(node.initial_state, Literal | None):
        yield "works out its `initial_state`"


def _unknown_roots(expr: Expr | None) -> Iterator[str]:
    """Yield the roots that an expression reads and the machine does not give."""
    stack: list[tuple[Expr, frozenset[str]]] = [] if expr is None else [(expr, _ROOTS)]
    while stack:
        node, wanted = stack.pop()
        if isinstance(node, Ident):
            bare = node.name.removeprefix(".")
            if bare in wanted or (bare is not node.name and bare in _ROOTS):
                yield bare
        elif isinstance(node, Comprehension):
            inside = wanted - {node.variable, node.second or ""}
            stack += [(part, inside) for part in (node.body, node.guard) if part is not None]
            stack.append((node.over, wanted))
        else:
            stack += [(part, wanted) for part in children(node)]
