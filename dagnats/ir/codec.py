"""The program as canonical JSON: same meaning, same bytes, same digest.

The only module that knows the serialised form (`docs/ir.md`, `schemas/ir.schema.json`), together
with `ir.expressions`. The standard library writes the bytes: its spelling of numbers is fixed, and
a digest must never depend on the version of a dependency.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NoReturn, assert_never

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dagnats.collection import uncollected
from dagnats.errors import BrokenError
from dagnats.expr.ast import Expr
from dagnats.ir import expressions
from dagnats.ir.expressions import ExprForm
from dagnats.ir.program import (
    IR_VERSION,
    AgentLoopNode,
    Bound,
    Certificate,
    Edge,
    Node,
    Program,
    Retry,
    TaskNode,
)
from dagnats.ir.verify import verify

VIOLATIONS_SHOWN_MAX = 3

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: dict[int, Upcaster] = {}
"""By the version they take: each makes a document of version n one of version n + 1."""

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class _RetryForm(Struct, forbid_unknown_fields=True):
    max_retries: int
    strategy: str
    initial_delay_ms: int
    max_delay_ms: int
    multiplier: float


class _EdgeForm(Struct, forbid_unknown_fields=True):
    source: int
    accepts: list[str]


class _TaskForm(Struct, tag_field="kind", tag="task", forbid_unknown_fields=True, kw_only=True):
    id: str
    task: str
    edges: list[_EdgeForm]
    when: ExprForm | UnsetType = UNSET
    input: ExprForm | UnsetType = UNSET
    timeout_ms: int
    queue_timeout_ms: int
    retry: _RetryForm
    max_deliveries: int


class _AgentLoopForm(_TaskForm, tag_field="kind", tag="agent_loop", kw_only=True):
    max_iterations: int
    until: ExprForm | UnsetType = UNSET
    initial_state: Any = UNSET
    on_exhausted: str
    max_duration_ms: int | UnsetType = UNSET


class _BoundForm(Struct, forbid_unknown_fields=True):
    max: int | None
    symbolic: str
    dominant_step: str | UnsetType = UNSET


class _CertificateForm(Struct, forbid_unknown_fields=True):
    attempts: _BoundForm
    events: _BoundForm
    bytes: _BoundForm
    concurrent_steps: _BoundForm
    timers: _BoundForm
    duration_ms: _BoundForm
    expression_cost: _BoundForm
    tokens: _BoundForm
    usd: _BoundForm


class _ProgramForm(Struct, forbid_unknown_fields=True, kw_only=True):
    dagnats_ir: int
    name: str
    label: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    timeout_ms: int
    input_schema: dict[str, Any] | bool | UnsetType = UNSET
    nodes: list[_TaskForm | _AgentLoopForm]
    output: ExprForm | UnsetType = UNSET
    certificate: _CertificateForm
    source_map: dict[str, tuple[int, int]] | UnsetType = UNSET


def encode(program: Program) -> bytes:
    """Return the canonical bytes of a verified program; `load` gives an equal program back."""
    with uncollected():
        return _canonical(msgspec.to_builtins(_encoded(program)))


def digest(program: Program) -> str:
    """Return `sha256:` and the hash of the canonical form without the source map, in hex."""
    with uncollected():
        return _digest_of(msgspec.to_builtins(_encoded(program)))


def to_document(program: Program) -> dict[str, Any]:
    """Return the canonical document with its `digest` in front, keys in an order for people."""
    with uncollected():
        document = msgspec.to_builtins(_encoded(program))
        return {"digest": _digest_of(document), **document}


def load(data: bytes) -> Program:
    """Return the program that a document of this version, or an older one, stands for; it is sound.

    Layout and order of keys do not matter. A `digest` in the document must be the one of its
    content. Raises BrokenError, saying where, for anything that is not a program.
    """
    with uncollected():
        try:
            document = _parse(data)
            _check_digest(document)
            program = _decoded(_shaped(_upcast(document)))
        except RecursionError:
            raise BrokenError("at $: the document is nested too deep") from None
        if violations := verify(program):
            shown = "; ".join(violations[:VIOLATIONS_SHOWN_MAX])
            more = len(violations) - VIOLATIONS_SHOWN_MAX
            raise BrokenError(f"{shown}; and {more} more" if more > 0 else shown)
        return program


def _canonical(document: Any) -> bytes:
    text = json.dumps(
        document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    return text.encode()


def _digest_of(document: Mapping[str, Any]) -> str:
    """Hash a document of any version, without what is no part of its identity."""
    content = {key: part for key, part in document.items() if key not in {"digest", "source_map"}}
    return f"sha256:{hashlib.sha256(_canonical(content)).hexdigest()}"


def _check_digest(document: dict[str, Any]) -> None:
    """Take the `digest` out of a document of any version; it must be the one of its content."""
    if "digest" in document and document.pop("digest") != _digest_of(document):
        raise BrokenError("at $.digest: the content has another digest: it was changed")


def _encoded(program: Program) -> _ProgramForm:
    places = program.source_map
    return _ProgramForm(
        dagnats_ir=program.version,
        name=program.name,
        label=_or_unset(program.label),
        description=_or_unset(program.description),
        timeout_ms=program.timeout_ms,
        input_schema=_or_unset(program.input_schema),
        nodes=[_encoded_node(node) for node in program.nodes],
        output=_encoded_expr(program.output),
        certificate=_encoded_certificate(program.certificate),
        source_map=UNSET if places is None else dict(places),
    )


def _encoded_node(node: Node) -> _TaskForm | _AgentLoopForm:
    shared: dict[str, Any] = {
        "id": node.id,
        "task": node.task,
        "edges": [_EdgeForm(edge.source, list(edge.accepts)) for edge in node.edges],
        "when": _encoded_expr(node.when),
        "input": _encoded_expr(node.input),
        "timeout_ms": node.timeout_ms,
        "queue_timeout_ms": node.queue_timeout_ms,
        "retry": _encoded_retry(node.retry),
        "max_deliveries": node.max_deliveries,
    }
    match node:
        case TaskNode():
            return _TaskForm(**shared)
        case AgentLoopNode():
            return _AgentLoopForm(
                **shared,
                max_iterations=node.max_iterations,
                until=_encoded_expr(node.until),
                initial_state=_or_unset(node.initial_state),
                on_exhausted=node.on_exhausted,
                max_duration_ms=_or_unset(node.max_duration_ms),
            )
        case _:
            assert_never(node)


def _encoded_expr(expr: Expr | None) -> ExprForm | UnsetType:
    return UNSET if expr is None else expressions.encode(expr)


def _encoded_retry(retry: Retry) -> _RetryForm:
    return _RetryForm(
        retry.max_retries,
        retry.strategy,
        retry.initial_delay_ms,
        retry.max_delay_ms,
        float(retry.multiplier),
    )


def _encoded_certificate(certificate: Certificate) -> _CertificateForm:
    bounds: dict[str, Bound] = {
        name: getattr(certificate, name) for name in _CertificateForm.__struct_fields__
    }
    return _CertificateForm(
        **{
            name: _BoundForm(bound.max, bound.symbolic, _or_unset(bound.dominant_step))
            for name, bound in bounds.items()
        }
    )


def _or_unset(value: Any) -> Any:
    return UNSET if value is None else value


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


def _parse(data: bytes) -> dict[str, Any]:
    """Return the JSON object that the bytes spell, all keys in canonical order."""
    try:
        text = data.decode("utf-8")
        document = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_double
        )
        # Only an escape can spell half a surrogate pair, and canonical bytes hold none.
        if _HALF_PAIR.search(text):
            _canonical(document)
    except UnicodeDecodeError as wrong:
        raise BrokenError(f"at $: not UTF-8 at byte {wrong.start}") from None
    except UnicodeEncodeError:
        raise BrokenError("at $: a text holds half a surrogate pair") from None
    except ValueError as wrong:
        raise BrokenError(f"at $: not JSON: {wrong}") from None
    if not isinstance(document, dict):
        raise BrokenError("at $: a program is a JSON object")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Sort the keys, so that an evaluation never depends on the layout of a document."""
    found = dict(sorted(pairs, key=itemgetter(0)))
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BrokenError(f"at $: the key `{twice}` stands twice in one object")
    return found


def _double(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise BrokenError(f"at $: `{text}` is no finite number")


def _upcast(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document in this version, step by step from its own."""
    version = document.get("dagnats_ir")
    if type(version) is not int:
        raise BrokenError("at $.dagnats_ir: the version is missing: this is no dagnats program")
    if version > IR_VERSION:
        known = f"this dagnats reads versions up to {IR_VERSION}"
        raise BrokenError(f"at $.dagnats_ir: version {version} is newer: {known}")
    while version < IR_VERSION:
        upcaster = UPCASTERS.get(version)
        if upcaster is None:
            raise BrokenError(f"at $.dagnats_ir: version {version} cannot be read")
        try:
            document = upcaster(document)
        except (LookupError, TypeError, ValueError, AttributeError) as wrong:
            raise BrokenError(f"at $: not a program of version {version}: {wrong!r}") from wrong
        version += 1
        document["dagnats_ir"] = version
    return document


def _shaped(document: dict[str, Any]) -> _ProgramForm:
    try:
        return msgspec.convert(document, _ProgramForm)
    except msgspec.ValidationError as wrong:
        what, _, path = str(wrong).partition(" - at ")
        place = path.strip("`") or "$"
        raise BrokenError(f"at {place}: {what[:1].lower()}{what[1:]}") from None


def _decoded(form: _ProgramForm) -> Program:
    return Program(
        name=form.name,
        nodes=tuple([_decoded_node(f, f"$.nodes[{i}]") for i, f in enumerate(form.nodes)]),
        certificate=_decoded_certificate(form.certificate),
        timeout_ms=form.timeout_ms,
        label=_or_none(form.label),
        description=_or_none(form.description),
        input_schema=_or_none(form.input_schema),
        output=_decoded_expr(form.output, "$.output"),
        source_map=_or_none(form.source_map),
        version=form.dagnats_ir,
    )


def _decoded_node(form: _TaskForm | _AgentLoopForm, path: str) -> Node:
    shared: dict[str, Any] = {
        "id": form.id,
        "task": form.task,
        "edges": tuple([Edge(edge.source, tuple(edge.accepts)) for edge in form.edges]),
        "when": _decoded_expr(form.when, f"{path}.when"),
        "input": _decoded_expr(form.input, f"{path}.input"),
        "timeout_ms": form.timeout_ms,
        "queue_timeout_ms": form.queue_timeout_ms,
        "retry": Retry(*msgspec.structs.astuple(form.retry)),
        "max_deliveries": form.max_deliveries,
    }
    if not isinstance(form, _AgentLoopForm):
        return TaskNode(**shared)
    return AgentLoopNode(
        **shared,
        max_iterations=form.max_iterations,
        until=_decoded_expr(form.until, f"{path}.until"),
        initial_state=_or_none(form.initial_state),
        on_exhausted=form.on_exhausted,
        max_duration_ms=_or_none(form.max_duration_ms),
    )


def _decoded_expr(form: ExprForm | UnsetType, path: str) -> Expr | None:
    return None if isinstance(form, UnsetType) else expressions.decode(form, path)


def _decoded_certificate(form: _CertificateForm) -> Certificate:
    bounds: dict[str, _BoundForm] = msgspec.structs.asdict(form)
    return Certificate(
        **{
            name: Bound(bound.max, bound.symbolic, _or_none(bound.dominant_step))
            for name, bound in bounds.items()
        }
    )
