"""Between the structs of a program and their serialised forms, field by field.

A form has the fields of its struct, by the same names. What differs is listed here: expressions,
parts with forms of their own, doubles, and pairs that are an object in JSON.
"""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET
from msgspec.structs import fields as form_fields

from dagnats.ir import expressions
from dagnats.ir import node_forms as nf
from dagnats.ir import policy_forms as pf
from dagnats.ir import program as p

Encode = Callable[[Any], Any]
Decode = Callable[[Any, str], Any]


def encode_program(program: p.Program) -> nf.ProgramForm:
    """Return the form of a program."""
    parts = _encoded(_PROGRAM, program)
    if program.admission == p.Admission():
        del parts["admission"]
    if program.limits == p.ValueLimits():
        del parts["limits"]
    places = program.source_map
    return nf.ProgramForm(
        dagnats_ir=program.version, source_map=UNSET if places is None else dict(places), **parts
    )


def decode_program(form: nf.ProgramForm) -> p.Program:
    """Return the program of a form. Raises BrokenError where an expression cannot be one."""
    parts = _decoded(_PROGRAM, form, "$")
    places = None if form.source_map is UNSET else form.source_map
    return p.Program(version=form.dagnats_ir, source_map=places, **parts)


Rule = tuple[str, Encode | None, Decode | None, str]
"""A field, how its value changes on the way (None where it stays), and its key in JSON."""


def _encoded(rules: tuple[Rule, ...], part: Any) -> dict[str, Any]:
    return {
        name: value if encode is None else encode(value)
        for name, encode, _, _ in rules
        if (value := getattr(part, name)) is not None
    }


def _decoded(rules: tuple[Rule, ...], form: Any, path: str) -> dict[str, Any]:
    return {
        name: value if decode is None else decode(value, f"{path}.{key}")
        for name, _, decode, key in rules
        if (value := getattr(form, name)) is not UNSET
    }


class _Part:
    """A struct of the program and its form."""

    __slots__ = ("form", "kind", "rules")

    def __init__(self, kind: type, form: type, **special: tuple[Encode, Decode]) -> None:
        self.kind, self.form = kind, form
        self.rules = _rules(form, special)

    def encode(self, part: Any) -> Any:
        return self.form(**_encoded(self.rules, part))

    def decode(self, form: Any, path: str) -> Any:
        return self.kind(**_decoded(self.rules, form, path))

    @property
    def one(self) -> tuple[Encode, Decode]:
        return self.encode, self.decode

    @property
    def many(self) -> tuple[Encode, Decode]:
        return (
            lambda parts: [self.encode(part) for part in parts],
            lambda forms, path: tuple(
                [self.decode(form, f"{path}[{i}]") for i, form in enumerate(forms)]
            ),
        )

    @property
    def by_key(self) -> tuple[Encode, Decode]:
        return (
            lambda pairs: {key: self.encode(part) for key, part in pairs},
            lambda found, path: tuple(
                [(key, self.decode(form, f"{path}.{key}")) for key, form in found.items()]
            ),
        )


_EXPRESSION: tuple[Encode, Decode] = (expressions.encode, expressions.decode)
_DOUBLE: tuple[Encode, Decode] = (float, lambda value, _: value)
_ITEMS: tuple[Encode, Decode] = (list, lambda value, _: tuple(value))
_OBJECT: tuple[Encode, Decode] = (dict, lambda value, _: tuple(value.items()))
_MAPPING: tuple[Encode, Decode] = (dict, lambda value, _: value)
_NAMED: tuple[Encode, Decode] = (
    lambda pairs: [
        nf.NamedForm(name=name, value=expressions.encode(value)) for name, value in pairs
    ],
    lambda forms, path: tuple(
        [
            (form.name, expressions.decode(form.value, f"{path}[{i}].value"))
            for i, form in enumerate(forms)
        ]
    ),
)
_DONE_APART = {"dagnats_ir", "source_map"}


def _rules(form: type, special: dict[str, tuple[Encode, Decode]]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for field in form_fields(form):
        if field.name in _DONE_APART:
            continue
        how = special.get(field.name) or _by_type(str(field.type))
        encode, decode = (None, None) if how is None else how
        rules.append((field.name, encode, decode, field.encode_name))
    return tuple(rules)


def _by_type(shown: str) -> tuple[Encode, Decode] | None:
    """Return what a type asks for: expressions, doubles and lists of plain values."""
    if "IdentForm" in shown:
        return _EXPRESSION
    if "float" in shown:
        return _DOUBLE
    if shown.startswith("list["):
        return _ITEMS
    return _MAPPING if shown.startswith("dict[str, typing.Any]") and "|" not in shown else None


_CODE_RETRY = _Part(p.CodeRetry, pf.CodeRetryForm)
_RETRY = _Part(p.Retry, pf.RetryForm, by_code=_CODE_RETRY.by_key)


def _decode_retry(form: pf.RetryForm, path: str) -> p.Retry:
    """Return a retry policy; most are plain, and every task has one."""
    if form.delays_ms or form.non_retryable or form.by_code:
        found: p.Retry = _RETRY.decode(form, path)
        return found
    return p.Retry(
        form.max_retries,
        form.strategy,
        form.initial_delay_ms,
        form.max_delay_ms,
        form.multiplier,
        (),
        form.jitter,
    )


_RATE_LIMIT = _Part(p.RateLimit, pf.RateLimitForm)
_BUDGET = _Part(p.Budget, pf.BudgetForm)
_BOUND = _Part(p.Bound, pf.BoundForm)
_BOUND_ONE: tuple[Encode, Decode] = (
    # The one `null` that is written: no bound.
    lambda bound: pf.BoundForm(**{"max": None, **_encoded(_BOUND.rules, bound)}),
    _BOUND.decode,
)
_CERTIFICATE = _Part(
    p.Certificate,
    pf.CertificateForm,
    **dict.fromkeys(pf.CertificateForm.__struct_fields__, _BOUND_ONE),
)
_ADMISSION = _Part(
    p.Admission,
    pf.AdmissionForm,
    concurrency=_Part(p.Concurrency, pf.ConcurrencyForm).one,
    singleton=_Part(p.Singleton, pf.SingletonForm).one,
    priority=_Part(p.Priority, pf.PriorityForm, rules_ms=_OBJECT).one,
    cancel_on=_Part(p.CancelOn, pf.CancelOnForm).many,
    budget=_BUDGET.one,
)
_TRIGGER = _Part(p.Trigger, pf.TriggerForm)
_BODIES: tuple[Encode, Decode] = (
    _Part(p.Body, nf.BodyForm).many[0],
    lambda forms, _: tuple(
        [
            p.Body(None if form.container is UNSET else form.container, form.first, form.count)
            for form in forms
        ]
    ),
)

_EDGES: tuple[Encode, Decode] = (
    lambda edges: [nf.EdgeForm(source=e.source, accepts=list(e.accepts)) for e in edges],
    lambda forms, _: tuple([p.Edge(form.source, tuple(form.accepts)) for form in forms]),
)
_SHARED = {
    "edges": _EDGES,
    "retry": (_RETRY.encode, _decode_retry),
    "rate_limit": _RATE_LIMIT.one,
    "keyed_rate_limit": _RATE_LIMIT.one,
    "budget": _BUDGET.one,
}
FORMS: dict[type, type] = {
    p.TaskNode: nf.TaskForm,
    p.AgentLoopNode: nf.AgentLoopForm,
    p.PlannerNode: nf.PlannerForm,
    p.LoopNode: nf.LoopForm,
    p.MapNode: nf.MapForm,
    p.SwitchNode: nf.SwitchForm,
    p.ApprovalNode: nf.ApprovalForm,
    p.WaitForEventNode: nf.WaitForEventForm,
    p.SleepNode: nf.SleepForm,
    p.SubWorkflowNode: nf.SubWorkflowForm,
    p.TransformNode: nf.TransformForm,
    p.EmitNode: nf.EmitForm,
    p.RespondNode: nf.RespondForm,
    p.ContinueAsNewNode: nf.ContinueAsNewForm,
    p.FailNode: nf.FailForm,
}
"""The form of each kind of node."""

_CASE = _Part(p.Case, nf.CaseForm)
_NODES = [
    _Part(kind, form, **({"cases": _CASE.many} if kind is p.SwitchNode else {}), **_SHARED)
    for kind, form in FORMS.items()
]
_BY_KIND = {part.kind: part for part in _NODES}
_BY_FORM = {part.form: part for part in _NODES}

_PROGRAM = _rules(
    nf.ProgramForm,
    {
        "nodes": (
            lambda nodes: [_BY_KIND[type(node)].encode(node) for node in nodes],
            lambda forms, path: tuple(
                [_BY_FORM[type(form)].decode(form, f"{path}[{i}]") for i, form in enumerate(forms)]
            ),
        ),
        "bodies": _BODIES,
        "variables": _NAMED,
        "labels": _NAMED,
        "task_inputs": _OBJECT,
        "task_outputs": _OBJECT,
        "admission": _ADMISSION.one,
        "triggers": _TRIGGER.many,
        "limits": _Part(p.ValueLimits, pf.ValueLimitsForm).one,
        "certificate": _CERTIFICATE.one,
    },
)
