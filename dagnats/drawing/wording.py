"""What a node says in its box: the kind of its work, its bounds, its condition."""

from dagnats.expr.ast import Expr, Literal
from dagnats.expr.syntax.unparse import shortened, unparse, unparse_template
from dagnats.ir import program as p
from dagnats.timespec import format_duration

EXPRESSION_SHOWN_MAX = 36
"""Characters of an expression in a box; the document has the rest."""

KINDS: dict[type, str] = {
    p.TaskNode: "task",
    p.AgentLoopNode: "agent_loop",
    p.PlannerNode: "planner",
    p.LoopNode: "loop",
    p.MapNode: "map",
    p.SwitchNode: "switch",
    p.ApprovalNode: "approval",
    p.WaitForEventNode: "wait_for_event",
    p.SleepNode: "sleep",
    p.SubWorkflowNode: "sub_workflow",
    p.TransformNode: "transform",
    p.EmitNode: "emit",
    p.RespondNode: "respond",
    p.ContinueAsNewNode: "continue_as_new",
    p.FailNode: "fail",
}


def kind_of(node: p.Node) -> str:
    """Return the word for the kind of a node."""
    if type(node) is p.TaskNode and node.agent:
        return "agent"
    return KINDS[type(node)]


def short(expr: Expr) -> str:
    """Return an expression, shortened to fit a box."""
    return shortened(unparse(expr), EXPRESSION_SHOWN_MAX)


def notes_of(node: p.Node) -> tuple[str, ...]:
    """Return the lines below the title of a node."""
    notes = [_work(node), *_bounds(node)]
    if node.when is not None:
        notes.append(f"when {short(node.when)}")
    if node.join != "all_success" and node.edges:
        notes.append(f"join {node.join}")
    return tuple(notes)


def _work(node: p.Node) -> str:  # noqa: C901, PLR0912 (a line a kind)
    match node:
        case p.AgentLoopNode():
            return f"agent loop {node.task}"
        case p.PlannerNode():
            return f"planner {node.task}"
        case p.TaskNode():
            return f"{'agent' if node.agent else 'task'} {node.task}"
        case p.LoopNode():
            return "agent loop" if node.result else "loop"
        case p.MapNode():
            return f"map over {'the input' if node.over is None else short(node.over)}"
        case p.SwitchNode():
            return "switch" if node.on is None else f"switch on {short(node.on)}"
        case p.ApprovalNode():
            return "approval" + (f" by {', '.join(node.approvers)}" if node.approvers else "")
        case p.WaitForEventNode():
            count = f"{node.count} × " if node.count > 1 else ""
            return f"wait for {count}{node.event}"
        case p.SleepNode():
            return f"sleep {_sleep(node)}"
        case p.SubWorkflowNode():
            return f"workflow {node.workflow}" + (" (detached)" if node.detach else "")
        case p.TransformNode():
            return f"transform {_value(node.value)}"
        case p.EmitNode():
            return f"emit {node.event}"
        case p.RespondNode():
            return f"respond {node.status}"
        case p.ContinueAsNewNode():
            return "continue as new"
        case p.FailNode():
            return f"fail {node.code}"


def _bounds(node: p.Node) -> list[str]:
    match node:
        case p.AgentLoopNode() | p.LoopNode():
            return [f"at most {node.max_iterations} times", *_condition(node)]
        case p.PlannerNode():
            return [f"at most {node.max_steps} steps"]
        case p.MapNode():
            at_once = "" if node.max_concurrency is None else f", {node.max_concurrency} at once"
            return [f"at most {node.max_items} items{at_once}"]
        case p.ApprovalNode() | p.WaitForEventNode():
            return [f"at most {format_duration(node.timeout_ms)}, then {node.on_timeout}"]
        case p.ContinueAsNewNode():
            return [f"at most {node.max_generations} generations"]
        case _:
            return []


def _condition(node: p.AgentLoopNode | p.LoopNode) -> list[str]:
    if node.until is not None:
        return [f"until {short(node.until)}"]
    if isinstance(node, p.LoopNode) and node.while_ is not None:
        return [f"while {short(node.while_)}"]
    return []


def _sleep(node: p.SleepNode) -> str:
    if node.cron is not None:
        return f"until {node.cron}"
    if node.until is not None:
        return f"until {short(node.until)}"
    return format_duration(node.max_duration_ms) if node.duration is None else _value(node.duration)


def _value(expr: Expr) -> str:
    """Return a template on one line: a text as it is written, all else as an expression."""
    written = unparse_template(expr)
    is_text = isinstance(written, str) and not written.startswith("${{ ")
    return shortened(written, EXPRESSION_SHOWN_MAX) if is_text else short(expr)


def case_title(case: p.Case) -> str:
    """Return what a case of a switch is called."""
    if case.when is not None:
        return f"case {short(case.when)}"
    values = ", ".join(unparse(Literal(value)) for value in case.values)
    return f"case {shortened(values, EXPRESSION_SHOWN_MAX)}"


def link_label(accepts: tuple[str, ...]) -> str:
    """Return what an edge says that is satisfied by other outcomes than completion."""
    others = [outcome for outcome in accepts if outcome != "completed"]
    if not others:
        return ""
    if "completed" not in accepts:
        return f"if {' or '.join(others)}"
    return "in any case" if len(others) > 1 else f"or {others[0]}"


_TRIGGER_KEYS = ("expression", "timezone", "subject", "event", "method", "path", "workflow")


def trigger_notes(trigger: p.Trigger) -> tuple[str, ...]:
    """Return what starts a run, and on which condition."""
    told = [
        str(trigger.config[key])
        for key in _TRIGGER_KEYS
        if isinstance(trigger.config.get(key), str | int)
    ]
    notes = [shortened(" ".join([trigger.kind, *told]), EXPRESSION_SHOWN_MAX)]
    if trigger.match is not None:
        notes.append(f"match {short(trigger.match)}")
    if not trigger.enabled:
        notes.append("disabled")
    return tuple(notes)
