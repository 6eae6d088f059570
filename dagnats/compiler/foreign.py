"""Texts that look like expressions of another language, and are texts here.

with: {who: "${ input.name }"}        →  DN9030 `${ input.name }` is text here
"""

import json
import re
from collections.abc import Iterator
from itertools import chain

from dagnats.compiler.roots import WHERE
from dagnats.compiler.spots import Spot
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Sink, Span
from dagnats.expr.ast import INTERPOLATE, Call, Expr, ListOf, Literal, MapOf
from dagnats.source.document import Scalar
from dagnats.source.document import walk as nodes_of

_ROOT = rf"(?:{'|'.join(sorted({*WHERE, 'secrets'}))})(?=[\s.\[}}])"
_FOREIGN = re.compile(
    rf"\$\{{\s*({_ROOT}[^{{}}]*)\}}"
    rf"|(?<!\$)\{{\{{[-=]?\s*\.?({_ROOT}[^{{}}]*?)-?\}}\}}"
    rf"|^\$({_ROOT}(?:\.\w+)+)$"
)
"""`${ input.name }`, `{{ input.name }}`, `{{ .input.name }}`, and `$input.name` alone."""


def check_foreign(tables: Tables, sink: Sink) -> None:
    """Report DN9030 where a text says what an expression would read."""
    steps = (tables.outline.spots(number) for number in range(len(tables.outline.steps)))
    for spot in chain(tables.document, *steps):
        for text, span, is_whole in _texts(spot):
            found = _FOREIGN.search(text)
            if found is not None:
                _tell(found, span, is_whole and found.group() == text, sink)


def _texts(spot: Spot) -> Iterator[tuple[str, Span, bool]]:
    """Yield the texts of a spot, where they stand, and whether each is a value of its own.

    What stands in quotes inside of an expression is left alone: it means what it says.
    """
    embedded = spot.embedded
    stack: list[tuple[Expr, bool]] = [(embedded.expr, True)]
    while stack:
        node, is_whole = stack.pop()
        match node:
            case Literal(value=str(text)):
                yield text, embedded.spans.get(node.id, embedded.span), is_whole
            case Literal() if (constant := embedded.constants.get(node.id)) is not None:
                for part in nodes_of(constant):
                    if isinstance(part, Scalar) and isinstance(part.value, str):
                        yield part.value, part.span, True
            case Literal(value=list(values)):
                stack.extend((Literal(value, node.id), False) for value in reversed(values))
            case ListOf(items=items):
                stack.extend((item, True) for item in reversed(items))
            case MapOf(entries=entries):
                stack.extend((value, True) for _, value in reversed(entries))
            case Call(function=function, args=args) if function == INTERPOLATE:
                stack.extend((part, False) for part in reversed(args) if isinstance(part, Literal))
            case _:
                continue


def _tell(found: re.Match[str], span: Span, is_whole: bool, sink: Sink) -> None:
    inner = next(filter(None, found.groups())).strip()
    message = f"`{found.group()}` is text here, and no expression"
    fixes: tuple[Fix, ...] = ()
    if is_whole:
        edit = Edit(span, json.dumps(f"${{{{ {inner} }}}}", ensure_ascii=False))
        fixes = (Fix(f"write `${{{{ {inner} }}}}`", (edit,)),)
    help_ = f"write `${{{{ {inner} }}}}` to have its value"
    sink.add(Diagnostic("DN9030", message, span, Severity.WARNING, help=help_, fixes=fixes))
