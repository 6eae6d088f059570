"""Workflow to program: names turned into indexes, defaults into values, text forgotten.

depends_on: [a]      →  edges: [{source: 0, accepts: [completed]}]

The same meaning is the same program: neither the order of keys nor an old spelling reaches it.
"""

from typing import Any, Final

from dagnats.compiler.cycles import order
from dagnats.compiler.ground import Ground, Places, expr_of
from dagnats.compiler.limits import evaluation_limits
from dagnats.compiler.lowering_nodes import EACH, Nodes, budget
from dagnats.compiler.outline import FINALLY, Outline
from dagnats.compiler.reads import reads
from dagnats.compiler.resolved import works
from dagnats.compiler.roots import STATUSES
from dagnats.compiler.trees import canonical
from dagnats.expr.ast import Expr
from dagnats.ir import program as p
from dagnats.lang import tree
from dagnats.lang.tree import Workflow

BACKFILL_MAX: Final = 1
"""Missed times of a schedule that are made up for, where it says no number."""

MS: Final = 1_000
"""Milliseconds of a second."""


def lower(ground: Ground, certificate: p.Certificate) -> p.Program:
    """Return the program of a workflow in which no pass has found an error."""
    workflow, places = ground.workflow, ground.of_document
    nodes, bodies = _Table(ground).laid_out()
    limits = evaluation_limits(workflow)
    return p.Program(
        name=workflow.name,
        nodes=nodes,
        certificate=certificate,
        timeout_ms=ground.policies.run_timeout_ms,
        bodies=bodies,
        finally_body=len(bodies) - 1 if workflow.finally_ else None,
        label=workflow.version,
        description=workflow.description,
        input_schema=workflow.input,
        output=_expr(places, "output"),
        output_schema=workflow.output_schema,
        variables=_variables(workflow, places),
        labels=tuple([(name, _sure(places, f"labels.{name}")) for name in sorted(workflow.labels)]),
        secrets=tuple(sorted(workflow.secrets)),
        task_inputs=_contracts(workflow, nodes, "input"),
        task_outputs=_contracts(workflow, nodes, "output"),
        admission=_admission(workflow, places),
        triggers=tuple(
            [_trigger(at, trigger, places) for at, trigger in enumerate(workflow.triggers)]
        ),
        limits=p.ValueLimits(limits.list_items_max, limits.string_chars_max),
        source_map=_places(ground.outline),
    )


class _Table:
    """Lays steps out as nodes and bodies: each body right behind its container."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._singles = [isinstance(s.config, tree.Map) and works(s) for s in ground.outline.steps]
        self._at: list[int] = []
        index = 0
        for single in self._singles:
            self._at.append(index)
            index += 1 + single
        self._count = index
        self._bodies: list[p.Body] = []
        self._body: dict[tuple[int | None, str], int] = {}

    def laid_out(self) -> tuple[tuple[p.Node, ...], tuple[p.Body, ...]]:
        outline = self._ground.outline
        for number in range(len(outline.steps)):
            self._open(number)
        last = outline.scopes[FINALLY].steps
        if last:
            first = self._at[last[0]]
            self._body[None, "finally"] = len(self._bodies)
            self._bodies.append(p.Body(None, first, self._count - first))
        nodes = Nodes(self._ground, self._at, self._body_of)
        found: list[p.Node] = []
        for number in range(len(outline.steps)):
            found += nodes.of(number, self._within(number))
        return tuple(found), tuple(self._bodies)

    def _open(self, number: int) -> None:
        """Give the bodies of a step their numbers."""
        outline, container = self._ground.outline, self._at[number]
        first = container + 1
        scopes = [outline.scopes[at] for at in outline.bodies.get(number, ())]
        counts = [(scope.name, self._size(scope.steps)) for scope in scopes]
        if self._singles[number]:
            counts = [("steps", 1)]
        for name, count in counts:
            self._body[number, name] = len(self._bodies)
            self._bodies.append(p.Body(container, first, count))
            first += count

    def _size(self, steps: tuple[int, ...]) -> int:
        """Return how many nodes some steps that follow each other are, with what is inside."""
        if not steps:
            return 0
        last = self._ground.outline.last[steps[-1]]
        return self._at[last] + 1 + self._singles[last] - self._at[steps[0]]

    def _within(self, number: int) -> int | None:
        outline = self._ground.outline
        at = outline.scope_of[number]
        scope = outline.scopes[at]
        if scope.container is None:
            return self._body[None, "finally"] if at == FINALLY else None
        return self._body[scope.container, scope.name]

    def _body_of(self, number: int, name: str) -> int:
        return self._body[number, name]


def _expr(places: Places, key: str) -> Expr | None:
    found = expr_of(places, key)
    return None if found is None else canonical(found)


def _sure(places: Places, key: str) -> Expr:
    found = _expr(places, key)
    assert found is not None, f"`{key}` was judged"
    return found


def _variables(workflow: Workflow, places: Places) -> tuple[tuple[str, Expr], ...]:
    """Return the variables, each behind those it reads, and otherwise by their names."""
    names = sorted(workflow.vars)
    index = {name: number for number, name in enumerate(names)}
    exprs = [_sure(places, f"vars.{name}") for name in names]
    sources = [
        sorted({index[r.path[0]] for r in reads(expr) if r.root == "vars" and r.path[:1]})
        for expr in exprs
    ]
    in_order = order(sources)
    assert in_order is not None, "variables in a circle are refused"
    return tuple([(names[number], exprs[number]) for number in in_order])


def _contracts(
    workflow: Workflow, nodes: tuple[p.Node, ...], key: str
) -> tuple[tuple[str, Any], ...]:
    """Return the schemas of what the tasks take or give that the workflow does, or may plan."""
    done = {node.task for node in nodes if isinstance(node, p.TaskNode)}
    for node in nodes:
        if isinstance(node, p.PlannerNode):
            done.update(node.allowed_tasks)
    schemas = [
        (task, getattr(workflow.tasks[task], key)) for task in sorted(done & workflow.tasks.keys())
    ]
    return tuple([(task, schema) for task, schema in schemas if schema is not None])


def _admission(workflow: Workflow, places: Places) -> p.Admission:
    concurrency, singleton = workflow.concurrency, workflow.singleton
    return p.Admission(
        concurrency=None if concurrency is None else _concurrency(concurrency, places),
        singleton=None
        if singleton is None
        else p.Singleton(singleton.mode, _expr(places, "singleton.key")),
        priority=None if workflow.priority is None else _priority(workflow.priority, places),
        idempotency_key=_expr(places, "idempotency_key"),
        sticky=workflow.sticky or None,
        cancel_on=tuple(
            [
                p.CancelOn(cancel.event, _expr(places, f"cancel_on[{at}].match"), cancel.timeout)
                for at, cancel in enumerate(workflow.cancel_on)
            ]
        ),
        budget=budget(workflow.budget),
    )


def _priority(written: tree.Priority, places: Places) -> p.Priority:
    rules = tuple([(value, MS * seconds) for value, seconds in sorted(written.rules.items())])
    return p.Priority(_sure(places, "priority.key"), rules, MS * (written.default_offset or 0))


def _concurrency(written: tree.Concurrency, places: Places) -> p.Concurrency | None:
    """Return a concurrency; Go writes 0 for what is not limited."""
    runs, steps = written.max_runs or None, written.max_steps or None
    if runs is None and steps is None:
        return None
    return p.Concurrency(runs, _expr(places, "concurrency.key") if runs else None, steps)


def _trigger(at: int, trigger: tree.Trigger, places: Places) -> p.Trigger:
    kind, config = _config(trigger)
    debounce = trigger.debounce
    key = f"triggers[{at}]"
    return p.Trigger(
        id=trigger.id,
        kind=kind,
        config={name: value for name, value in config.items() if value is not None},
        enabled=trigger.enabled is not False,
        match=_expr(places, f"{key}.event.match"),
        input=_expr(places, f"{key}.input"),
        debounce_ms=None if debounce is None else debounce.period,
        debounce_timeout_ms=None if debounce is None else debounce.timeout,
        debounce_key=_expr(places, f"{key}.debounce.key"),
    )


def _config(trigger: tree.Trigger) -> tuple[str, dict[str, Any]]:
    """Return the kind of a trigger and its settings; None is what is not set."""
    if (cron := trigger.cron) is not None:
        return "cron", {
            "expression": " ".join(cron.expression.split()),
            "timezone": cron.timezone or "UTC",
            "backfill": bool(cron.backfill),
            "backfill_max": cron.backfill_max or BACKFILL_MAX,
            "overlap": cron.overlap or "allow",
            "jitter_ms": cron.jitter,
        }
    if (subject := trigger.subject) is not None:
        return "subject", {"subject": subject.subject}
    if (event := trigger.event) is not None:
        return "event", {"event": event.event}
    if (webhook := trigger.webhook) is not None:
        return "webhook", {
            "path": webhook.path.lstrip("/"),
            "secret": webhook.secret or None,
            "secret_value": webhook.secret_value or None,
        }
    if (http := trigger.http) is not None:
        return "http", {
            "path": http.path.lstrip("/"),
            "method": http.method or "POST",
            "timeout_ms": http.timeout,
            "max_body_bytes": http.max_body_bytes or None,
            "secret": http.secret or None,
            "secret_value": http.secret_value or None,
            "idempotency_header": http.idempotency_header or None,
            "authentication": dict(http.authentication) or None,
        }
    if (ended := trigger.run_terminal) is not None:
        wanted = ended.statuses or STATUSES
        statuses = [status for status in STATUSES if status in wanted]
        return "run_terminal", {"workflow": ended.workflow, "statuses": statuses}
    assert trigger.external is not None, "a trigger has a kind"
    return "external", {"kind": trigger.external.kind, "config": trigger.external.config}


def _places(outline: Outline) -> dict[str, tuple[int, int]]:
    """Return where steps stand; the only task of a map stands where the map does."""
    found: dict[str, tuple[int, int]] = {}
    for step in outline.steps:
        start = step.place("id").start
        found[step.id] = (start.line, start.column)
        if isinstance(step.config, tree.Map) and works(step):
            start = step.place("task").start
            found[f"{step.id}.{EACH}"] = (start.line, start.column)
    return found
