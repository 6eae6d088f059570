"""Every expression has a type, and so has the output of every step.

Scopes are walked from the outside in, each in an order in which what is read is known already.
`loop.state` is whatever it begins as or becomes: a body is looked at before, with the state that is
known so far, until it becomes nothing new; when that takes too long, with a state of which nothing
is known. Inner loops are not looked ahead at then, so that a step is visited at most
`LOOKS_AHEAD_MAX + 1` times more for each loop around it.
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from dagnats.compiler import facts as known
from dagnats.compiler.demands import Demands
from dagnats.compiler.edges import COMPLETED, FAILED, SKIPPED
from dagnats.compiler.endings import Endings, Views
from dagnats.compiler.naming import Reference
from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.compiler.outputs import Lookup, Outputs
from dagnats.compiler.reads import Read
from dagnats.compiler.remembered import active, once
from dagnats.compiler.retyping import Seen, object_of, retyped, surroundings
from dagnats.compiler.roots import (
    ERROR,
    RUN,
    Schemas,
    Scope,
    called,
    event_root,
    loop_root,
    report_absent,
    trigger_root,
)
from dagnats.compiler.settle import is_reported, settled, together
from dagnats.compiler.spots import Spot
from dagnats.compiler.switches import Choice, choice
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Sink
from dagnats.expr.checking.check import STEPS, Checked, check, check_condition
from dagnats.expr.checking.narrow import Facts
from dagnats.expr.types import (
    DYN,
    INT,
    NULL,
    POISON,
    STRING,
    Enum,
    List,
    Object,
    Type,
    Union,
    union,
)
from dagnats.lang import tree

LOOKS_AHEAD_MAX = 2
"""How often a body is looked at to learn what its state becomes, before that is given up."""

SECRETS = Object({}, closed=False, name="secrets", rest=STRING)


class Deduced(Struct, frozen=True):
    """Side table: each expression with its types, and the types of outputs.

    `of_step` has them by step and number of the spot, `of_document` by number of the spot.
    `never` are the steps whose `when` cannot hold, `choices` what was found out about switches.
    """

    of_step: Mapping[tuple[int, int], Checked]
    of_document: tuple[Checked, ...]
    outputs: tuple[Type, ...]
    never: frozenset[int]
    choices: Mapping[int, Choice]


class _Around(Struct, frozen=True):
    """What is the same for all steps of a scope: the roots that exist, and what is known."""

    roots: Scope
    facts: Facts


class _Found(Struct):
    """What the walk has found so far; a look ahead has one of its own, to throw away."""

    sink: Sink
    of_step: dict[tuple[int, int], Checked] = field(default_factory=dict)
    never: set[int] = field(default_factory=set)
    choices: dict[int, Choice] = field(default_factory=dict)


def deduce(tables: Tables, sink: Sink, workflows: Lookup | None = None) -> Deduced:
    """Return the side table.

    Reports what `expr.check` does of expressions, DN4002 for roots that exist elsewhere, and
    DN5003 to DN5010 for values that do not fit where they stand.
    """
    return Deducer(tables, workflows).deduce(sink)


class Deducer:
    """Walks a workflow once; `visits` counts the steps that it came to."""

    def __init__(self, tables: Tables, workflows: Lookup | None) -> None:
        self._workflow = tables.workflow
        self._outline = tables.outline
        self._names = tables.names
        self._graph = tables.graph
        self._views = tables.views
        self._document = tables.document
        self._reads = tables.reads
        self._schemas = Schemas(tables.workflow)
        self._outputs = Outputs(tables, self._schemas, workflows)
        self._demands = Demands(tables, self._outputs, self._schemas, workflows)
        # Where there is a cycle, what is not known yet has been reported.
        self._unknown = DYN if tables.graph.order is not None else POISON
        self._found = _Found(Sink())
        self._ahead = False
        self.visits = 0

    def deduce(self, sink: Sink) -> Deduced:
        """Return the side table."""
        self._found, document = _Found(sink), self._document
        roots = {"input": self._demands.input, "run": RUN, "secrets": SECRETS}
        events = [trigger_root(t, self._workflow, self._schemas) for t in self._workflow.triggers]
        if events:
            roots["trigger"] = union((*events, NULL))
        for trigger, event in zip(self._workflow.triggers, events, strict=True):
            self._demands.triggered(trigger, event, sink)
        # The output of the run comes last, and sees all steps.
        last = len(document) - (bool(document) and document[-1].key == "output")
        found = [
            self._of_document(at, spot, roots, events) for at, spot in enumerate(document[:last])
        ]
        if "vars" in self._workflow.keys:
            roots["vars"] = self._vars(roots)
        for scope in (ROOT, FINALLY):
            self._scope(scope, _Around(roots, known.NOTHING))
        found += [self._of_document(last, spot, roots, events) for spot in document[last:]]
        outputs = tuple(output or DYN for output in self._outputs.types)
        kept = self._found
        return Deduced(kept.of_step, tuple(found), outputs, frozenset(kept.never), kept.choices)

    def _vars(self, roots: Mapping[str, Type]) -> Type:
        """Return the root `vars`, with what could not be read as what is reported."""
        before = roots.get("vars")
        fields = dict(before.fields) if isinstance(before, Object) else {}
        entry = self._workflow.keys.get("vars")
        for name in getattr(entry and entry.value, "entries", ()):
            fields.setdefault(name.key, (POISON, True))
        return object_of(fields, "vars")

    def _of_document(
        self, at: int, spot: Spot, roots: dict[str, Type], events: list[Object]
    ) -> Checked:
        scope: dict[str, Type] = {name: roots[name] for name in spot.roots if name in roots}
        scope["secrets"] = SECRETS
        kind, _, rest = spot.key.partition("[")
        number = int(rest.partition("]")[0]) if rest else 0
        event = None
        if kind == "triggers":
            scope["trigger"] = events[number]
            trigger = self._workflow.triggers[number]
            event = None if trigger.event is None else trigger.event.event
        elif kind == "cancel_on":
            event = self._workflow.cancel_on[number].event
        if "event" in spot.roots:
            scope["event"] = self._event(event)
        if "trigger" in scope and "trigger" not in spot.roots:
            del scope["trigger"]
        if "vars" in spot.roots and "vars" in self._workflow.keys:
            scope.setdefault("vars", Object({}, name="vars"))
        seen = None
        if "steps" in spot.roots:
            seen = Seen(self._names.by_output, self._views.of_output)
        around = _Around(scope, known.NOTHING)
        checked = self._checked(spot, self._reads.of_document[at], around, seen)
        self._demands.document(spot, checked, self._found.sink)
        if spot.key.startswith("vars."):
            before = roots.get("vars")
            fields = dict(before.fields) if isinstance(before, Object) else {}
            fields[spot.key.removeprefix("vars.")] = (once(settled, checked.type), True)
            roots["vars"] = Object(fields, name="vars")
        return checked

    def _event(self, name: str | None) -> Type:
        data = None if name is None else self._workflow.events.get(name)
        return event_root(self._schemas.type(data))

    def _scope(self, scope: int, around: _Around) -> None:
        for number in self._in_order(scope):
            self._step(number, around)

    def _in_order(self, scope: int) -> Iterator[int]:
        """Yield the steps so that each comes after those that it reads, as far as that can be."""
        entered: set[int] = set()
        for first in self._outline.scopes[scope].steps:
            stack: list[tuple[int, Iterator[int]]] = []
            if first not in entered:
                entered.add(first)
                stack.append((first, self._needed(first, scope)))
            while stack:
                number, needed = stack[-1]
                following = next((n for n in needed if n not in entered), None)
                if following is None:
                    stack.pop()
                    yield number
                else:
                    entered.add(following)
                    stack.append((following, self._needed(following, scope)))

    def _needed(self, number: int, scope: int) -> Iterator[int]:
        outline = self._outline
        for edge in self._graph.edges[number]:
            if outline.scope_of[edge.source] == scope:
                yield edge.source
        handler = outline.steps[number].on_failure
        target = None if handler is None else outline.index.get(handler)
        if target is not None and outline.scope_of[target] == scope:
            yield target
        if number in outline.handlers:
            for inside in range(number, outline.last[number] + 1):
                for mentioned in self._names.mentioned[inside]:
                    for reference in mentioned:
                        yield from self._beside(reference, scope)

    def _beside(self, reference: Reference, scope: int) -> Iterator[int]:
        if reference.target is not None:
            beside = self._outline.beside(reference.target, scope)
            if beside is not None:
                yield beside

    def _step(self, number: int, around: _Around) -> None:
        self.visits += 1
        outline, step = self._outline, self._outline.steps[number]
        roots, facts = around.roots, around.facts
        if number in outline.handlers:
            roots = {**roots, "error": ERROR}
        spots = list(enumerate(outline.spots(number)))
        checked: dict[str, Checked] = {}
        view = self._views.of_step[number]
        for at, spot in spots:
            if spot.roots or spot.body is not None:
                continue
            checked[spot.key] = self._spot(number, at, spot, _Around(roots, facts), view)
            if spot.key == "when":
                after = known.after(spot.embedded.expr, checked["when"], facts)
                if after is None:
                    self._found.never.add(number)
                else:
                    facts = after
        bound = self._bound(number, step, checked, _Around(roots, facts))
        inside = _Around({**roots, **bound}, known.without(facts, tuple(bound)))
        self._bodies(number, step, checked, inside)
        item = bound.get("item") if not outline.bodies.get(number) else None
        for at, spot in spots:
            if spot.roots or spot.body is not None:
                extra = self._extra(number, step, spot)
                here = _Around({**inside.roots, **extra}, inside.facts)
                seen = body_view(outline, self._views, number, spot)
                checked[spot.key] = self._spot(number, at, spot, here, seen)
        self._demands.implied(number, view, item, self._found.sink)
        kept = self._found.choices.get(number)
        types = {key: found.type for key, found in checked.items()}
        self._outputs.settle(number, types, kept is not None and kept.exhaustive)

    def _bodies(
        self, number: int, step: tree.Step, checked: Mapping[str, Checked], inside: _Around
    ) -> None:
        scopes = self._outline.bodies.get(number, ())
        if not isinstance(step.config, tree.Switch):
            for scope in scopes:
                self._scope(scope, inside)
            return
        found = choice(step.config, checked, inside.facts)
        self._found.choices[number] = found
        for scope in scopes:
            facts = found.facts.get(self._outline.scopes[scope].name, inside.facts)
            self._scope(scope, _Around(inside.roots, facts))

    def _bound(
        self, number: int, step: tree.Step, checked: Mapping[str, Checked], around: _Around
    ) -> dict[str, Type]:
        """Return the roots that exist only inside of a step."""
        match step.config:
            case tree.Loop() | tree.AgentLoop(steps=(_, *_)):
                return {"loop": loop_root(self._state(number, step, checked, around))}
            case tree.AgentLoop():
                # A worker passes on what it likes.
                return {"loop": loop_root(DYN)}
            case tree.Map():
                over = self._over(number, step.config, checked)
                return {"item": element(over), "index": INT}
            case _:
                return {}

    def _over(self, number: int, config: tree.Map, checked: Mapping[str, Checked]) -> Type:
        """Return what a map goes through."""
        if "over" in config.keys:
            return settled(checked["over"].type) if "over" in checked else DYN
        if "with" in self._outline.steps[number].keys:
            return settled(checked["with"].type) if "with" in checked else DYN
        return self._demands.over(number, self._views.of_step[number], self._found.sink)

    def _state(
        self, number: int, step: tree.Step, checked: Mapping[str, Checked], around: _Around
    ) -> Type:
        """Return what `loop.state` can be: what it begins as, or what an iteration leaves."""
        if self._ahead or not self._reads_loop(number):
            return DYN
        config = step.config
        assert isinstance(config, tree.Loop | tree.AgentLoop)
        first: Type = NULL
        if "initial_state" in config.keys:
            first = settled(checked["initial_state"].type) if "initial_state" in checked else DYN
        state = first
        for _ in range(LOOKS_AHEAD_MAX):
            following = self._look_ahead(number, config, around, state)
            if is_reported(following):
                break  # by what the state is not yet: it may be no mistake
            grown = together(state, following)
            if grown == state:
                return state
            state = grown
        return together(first, self._look_ahead(number, config, around, DYN))

    def _look_ahead(
        self, number: int, config: tree.Loop | tree.AgentLoop, around: _Around, state: Type
    ) -> Type:
        """Return what an iteration leaves that has such a state; nothing is reported."""
        kept, self._found, self._ahead = self._found, _Found(Sink()), True
        roots = {**around.roots, "loop": loop_root(state)}
        inside = _Around(roots, known.without(around.facts, ("loop",)))
        for scope in self._outline.bodies.get(number, ()):
            self._scope(scope, inside)
        following = self._next_state(number, config, inside)
        self._found, self._ahead = kept, False
        return following

    def _next_state(self, number: int, config: tree.Loop | tree.AgentLoop, inside: _Around) -> Type:
        for at, spot in enumerate(self._outline.spots(number)):
            if spot.key == "state":
                seen = body_view(self._outline, self._views, number, spot)
                return settled(self._spot(number, at, spot, inside, seen).type)
        return DYN if "state" in config.keys else union(self._outputs.bodies(number))

    def _reads_loop(self, number: int) -> bool:
        inside = range(number, self._outline.last[number] + 1)
        return any(
            read.root == "loop"
            for at in inside
            for spot in self._reads.of_step[at]
            for read in spot
        )

    def _extra(self, number: int, step: tree.Step, spot: Spot) -> dict[str, Type]:
        extra: dict[str, Type] = {}
        if "result" in spot.roots:
            bodies = self._outputs.bodies(number)
            result = union(bodies) if bodies else self._outputs.task(step.task)
            extra["result"] = called(result, "result")
        if "event" in spot.roots and isinstance(step.config, tree.WaitForEvent):
            extra["event"] = self._event(step.config.event)
        return extra

    def _spot(self, number: int, at: int, spot: Spot, around: _Around, view: Endings) -> Checked:
        seen = Seen(self._names.mentioned[number][at], view)
        checked = self._checked(spot, self._reads.of_step[number][at], around, seen)
        self._found.of_step[number, at] = checked
        self._demands.spot(self._outline.steps[number], spot, checked, self._found.sink)
        return checked

    def _checked(
        self, spot: Spot, reads: tuple[Read, ...], around: _Around, seen: Seen | None
    ) -> Checked:
        """Judge an expression, unless it is known; without `seen` there are no steps."""

        def check_here(sink: Sink) -> Checked:
            steps = {} if seen is None else {STEPS: self._steps(seen.mentioned, seen.view)}
            scope = known.narrowed({**around.roots, **steps}, around.facts)
            return self._check(spot, reads, scope, sink)

        sink, notes = self._found.sink, active()
        if notes is None:
            return check_here(sink)
        among = surroundings(reads, around.roots, around.facts, seen, self._outputs.types)
        return retyped(notes, spot, among, check_here, sink)

    def _check(self, spot: Spot, reads: tuple[Read, ...], scope: Scope, sink: Sink) -> Checked:
        embedded = spot.embedded
        absent = report_absent(reads, scope, embedded.spans, sink, spot.key)
        here = {**scope, **absent} if absent else scope
        if spot.returns == "bool":
            return check_condition(embedded.expr, embedded.spans, here, sink, key=spot.key)
        where = f"in `{spot.key}`"
        return check(embedded.expr, embedded.spans, here, sink, where=where)

    def _steps(self, mentioned: tuple[Reference, ...], view: Endings) -> Object:
        fields = {
            reference.name: (self._seen(reference.target, view), True) for reference in mentioned
        }
        return Object(fields, name=STEPS)

    def _seen(self, target: int | None, view: Endings) -> Type:
        """Return what an expression sees of a step; whether it is there, `presence` judges."""
        if target is None or target not in view:
            return POISON
        ends, name = view[target], f"steps.{self._outline.steps[target].id}"
        known_output = self._outputs.types[target]
        output = called(self._unknown if known_output is None else known_output, f"{name}.output")
        return Object(
            {
                "status": (Enum(tuple(sorted(ends))) if ends else STRING, True),
                "output": (output, ends == {COMPLETED}),
                "error": (ERROR, ends == {FAILED}),
            },
            name=name,
        )


def body_view(outline: Outline, views: Views, number: int, spot: Spot) -> Endings:
    """Return how steps have ended for an expression of a container that sees its body.

    Of the bodies of a switch only one runs: the steps of the others are skipped.
    """
    view = views.of_step[number]
    if spot.body is None:
        return view
    seen: dict[int, frozenset[str]] = {}
    for scope in outline.bodies.get(number, ()):
        for step, ends in views.of_body[scope].items():
            seen[step] = ends | {SKIPPED} if spot.body == "*" else ends
    return ChainMap(seen, view)  # type: ignore[arg-type]


def element(type_: Type) -> Type:
    """Return the type of the items of a list."""
    match type_:
        case List(elem=elem):
            return elem
        case Union(members=members):
            items = [member.elem for member in members if isinstance(member, List)]
            return union(items)
        case _:
            return DYN
