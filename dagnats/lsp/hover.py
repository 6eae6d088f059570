"""What is told of the place under the mouse, and of the call that is being written."""

from lsprotocol import types as lsp

from dagnats.compiler.resolved import Policies, works
from dagnats.expr.ast import Call, Comprehension, Expr, Ident, Literal
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.signatures import Function
from dagnats.expr.types import assignable, display, without_null
from dagnats.lang import tree
from dagnats.lang.imports import Load
from dagnats.lang.keys import Choice, Text
from dagnats.lsp import wording
from dagnats.lsp.analysis import Analysis, Analyst, Typed
from dagnats.lsp.asking import ask
from dagnats.lsp.where import Where, locate
from dagnats.source.document import Scalar

_STEP_KEYS = frozenset({"step", "depends_on", "on_failure", "compensate", "step_id"})
_EXPRESSION_CHARS = 60


def hover(analysis: Analysis, offset: int) -> tuple[str, int, int] | None:
    """Return what to tell of an offset, in Markdown, and the range that it is about."""
    document = analysis.document
    if document is None:
        return None
    where = locate(document, offset, "library" if analysis.is_library else "workflow")
    if where.on_key:
        return _key(where)
    if (typed := analysis.typed_at(offset)) is not None and not _is_constant(typed, where):
        return _expression(analysis, typed)
    return _value(analysis, where)


def _is_constant(typed: Typed, where: Where) -> bool:
    """Whether the part is a constant that the document itself holds, not an expression."""
    is_whole = typed.embedded.span == where.node.span or not typed.around
    return isinstance(typed.node, Literal) and is_whole


def _key(where: Where) -> tuple[str, int, int] | None:
    if where.key is None or where.block is None or where.entry is None:
        return None
    span = where.entry.key_span
    return wording.key_block(where.block, where.key), span.start.offset, span.end.offset


def _value(analysis: Analysis, where: Where) -> tuple[str, int, int] | None:
    node = where.node
    if not isinstance(node, Scalar) or where.key is None or where.block is None:
        return None
    start, end = node.span.start.offset, node.span.end.offset
    name = where.key.name
    if isinstance(where.kind, Choice):
        said = dict(where.kind.words).get(str(node.value))
        return (f"`{node.value}`: {said}", start, end) if said else None
    if not isinstance(where.kind, Text) or not isinstance(node.value, str):
        return None
    if where.block.name in {"workflow", "step"} and name in {"name", "id"}:
        told = _step(analysis, node.value) if name == "id" else _workflow(analysis)
    elif name in _STEP_KEYS:
        told = _step(analysis, node.value)
    elif name == "task":
        told = _task(analysis, node.value)
    else:
        told = None
    return None if told is None else (told, start, end)


def _workflow(analysis: Analysis) -> str | None:
    found = analysis.certificate
    return None if found is None else f"{wording.certificate_block(found)}"


def _task(analysis: Analysis, name: str) -> str | None:
    contract = None if analysis.workflow is None else analysis.workflow.tasks.get(name)
    if contract is None:
        return f"**`{name}`** has no contract here: its input and output may be anything."
    parts = [f"**`{name}`**", contract.description or ""]
    if analysis.judged is not None:
        for number, step in enumerate(analysis.judged.tables.outline.steps):
            if step.task == name:
                type_ = analysis.judged.typed.outputs[number]
                parts.append(wording.type_block("output", type_))
                break
    return "\n\n".join(part for part in parts if part)


def _step(analysis: Analysis, name: str) -> str | None:
    """Return what a step is, what it waits for, what it gives, and its bounds."""
    judged, workflow = analysis.judged, analysis.workflow
    if judged is None or workflow is None:
        return None
    outline = judged.tables.outline
    number = outline.index.get(name)
    if number is None:
        return None
    step = outline.steps[number]
    task = f" of task `{step.task}`" if step.task else ""
    parts = [f"**`{name}`**: step `{step.type or 'normal'}`{task}", step.description or ""]
    waits = [outline.steps[edge.source].id for edge in judged.tables.graph.edges[number]]
    if waits:
        parts.append(f"Waits for {', '.join(f'`{each}`' for each in waits)}.")
    if number in outline.handlers:
        owners = ", ".join(f"`{outline.steps[owner].id}`" for owner, _ in outline.owners[number])
        parts.append(f"Runs by `{outline.handlers[number]}` of {owners}.")
    ends = judged.tables.views.ends[number]
    if ends:
        parts.append(f"Ends {' or '.join(f'`{end}`' for end in sorted(ends))}.")
    parts.append(_bounds(workflow, step))
    parts.append(wording.type_block("output", judged.typed.outputs[number]))
    return "\n\n".join(part for part in parts if part)


def _bounds(workflow: tree.Workflow, step: tree.Step) -> str:
    policies = Policies(workflow)
    parts = []
    if works(step):
        work = policies.work(step)
        parts.append(
            f"{work.attempts} attempt{'s' if work.attempts > 1 else ''} of at most "
            f"{wording.duration(work.timeout_ms)}"
        )
    bound = policies.bound(step)
    waits = isinstance(step.config, tree.Approval | tree.WaitForEvent)
    if waits and bound is not None:
        parts.append(f"waits at most {wording.duration(bound)}")
    elif bound not in {None, 1}:
        parts.append(f"at most {bound} times")
    return f"At most: {', '.join(parts)}." if parts else ""


def _expression(analysis: Analysis, typed: Typed) -> tuple[str, int, int] | None:
    node, spans = typed.node, typed.embedded.spans
    span = spans.get(node.id)
    if span is None:
        return None
    start, end = span.start.offset, span.end.offset
    written = " ".join(analysis.text[start:end].split())
    if len(written) > _EXPRESSION_CHARS:
        written = f"{written[:_EXPRESSION_CHARS]}…"
    parts = [wording.type_block(written, typed.type)] if typed.type is not None else []
    function = _function_of(node)
    if function is not None:
        parts.append(wording.function_block(function))
    elif isinstance(node, Comprehension):
        told = {**wording.MACROS, **wording.OPTIONAL_MACROS}.get(node.macro)
        parts += [told[1]] if told else []
    elif isinstance(node, Ident) and node.name in wording.ROOTS:
        parts.append(wording.ROOTS[node.name])
    return ("\n\n---\n\n".join(parts), start, end) if parts else None


def _function_of(node: Expr) -> Function | None:
    """Return the function that is called by a node."""
    if not isinstance(node, Call):
        return None
    name = node.function
    if isinstance(node.target, Ident) and (inner := FUNCTIONS.get(f"{node.target.name}.{name}")):
        return inner
    return FUNCTIONS.get(name) if name[:1].isalpha() else None


def signature_help(
    text: str, file: str, offset: int, analyst: Analyst, load: Load | None
) -> lsp.SignatureHelp | None:
    """Return the ways in which the call around an offset can go on."""
    asked = ask(text, file, offset)
    if asked is None or asked.cursor is None or asked.cursor.call is None:
        return None
    call = asked.cursor.call
    namespaced = FUNCTIONS.get(f"{call.receiver}.{call.name}")
    function = namespaced or FUNCTIONS.get(call.name)
    if function is None:
        return _macro_help(call.name, call.argument)
    overloads = [each for each in function.overloads if each.method == _is_method(call, namespaced)]
    if call.receiver is not None and namespaced is None:
        type_, _ = asked.type_of(call.receiver, (call.receiver,), analyst, load)
        known = None if type_ is None else without_null(type_)
        fitting = [o for o in overloads if known and o.params and assignable(known, o.params[0])]
        overloads = fitting or overloads
    signatures = []
    for overload in overloads:
        params = overload.params[1:] if overload.method else overload.params
        signatures.append(
            lsp.SignatureInformation(
                label=wording.signature(function, overload),
                documentation=function.doc,
                parameters=[lsp.ParameterInformation(label=display(param)) for param in params],
            )
        )
    if not signatures:
        return None
    active = next(
        (n for n, s in enumerate(signatures) if call.argument < len(s.parameters or ())), 0
    )
    return lsp.SignatureHelp(signatures, active, call.argument)


def _is_method(call: object, namespaced: Function | None) -> bool:
    return getattr(call, "receiver", None) is not None and namespaced is None


def _macro_help(name: str, argument: int) -> lsp.SignatureHelp | None:
    known = {**wording.MACROS, **wording.OPTIONAL_MACROS, **wording.GLOBAL_MACROS}
    told = known.get(name) or known.get(f"cel.{name}")
    if told is None:
        return None
    label = wording.without_stops(told[0])
    inner = label.partition("(")[2].removesuffix(")")
    parameters = [lsp.ParameterInformation(label=part) for part in inner.split(", ")]
    information = lsp.SignatureInformation(label, told[1], parameters)
    return lsp.SignatureHelp([information], 0, argument)
