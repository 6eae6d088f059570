"""Texts that look like expressions of another language, and are texts here.

with: {who: "${ input.name }"}        →  DN9030 `${ input.name }` is text here
"""

import json
import re
from collections.abc import Iterator
from itertools import chain

from dagnats.compiler.literals import Path, place_of, texts_in
from dagnats.compiler.remembered import once
from dagnats.compiler.roots import WHERE
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Sink, Span
from dagnats.expr.ast import INTERPOLATE, Call, Expr, ListOf, Literal, MapOf

_ROOT = rf"(?:{'|'.join(sorted({*WHERE, 'secrets'}))})(?=[\s.\[}}])"
_FOREIGN = re.compile(
    rf"\$\{{\s*({_ROOT}[^{{}}]*)\}}"
    rf"|(?<!\$)\{{\{{[-=]?\s*\.?({_ROOT}[^{{}}]*?)-?\}}\}}"
    rf"|^\$({_ROOT}(?:\.\w+)+)$"
)
"""`${ input.name }`, `{{ input.name }}`, `{{ .input.name }}`, and `$input.name` alone."""
_PATH = re.compile(r"[\w.\[\]]+")
"""What means the same there and here; filters and the like do not."""


def check_foreign(tables: Tables, sink: Sink) -> None:
    """Report DN9030 where a text says what an expression would read."""
    steps = (tables.outline.spots(number) for number in range(len(tables.outline.steps)))
    for spot in chain(tables.document, *steps):
        embedded = spot.embedded
        for node, path, found, is_whole in once(_foreign, embedded.expr):
            is_known = not path or node.id in embedded.constants
            _tell(found, place_of(embedded, node, path), is_whole and is_known, sink)


def _foreign(expr: Expr) -> tuple[tuple[Literal, Path, re.Match[str], bool], ...]:
    """Return what each text has first, and whether that is all of a value of its own."""
    return tuple(
        (node, path, found, is_value and found.group() == text)
        for node, is_value in _constants(expr)
        for path, text in texts_in(node.value)
        if (found := _FOREIGN.search(text)) is not None
    )


def _constants(expr: Expr) -> Iterator[tuple[Literal, bool]]:
    """Yield the constants of a template, and whether each is a value or a part of a text.

    What stands in quotes inside of an expression is left alone: it means what it says.
    """
    stack = [(expr, True)]
    while stack:
        node, is_value = stack.pop()
        match node:
            case Literal():
                yield node, is_value
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
    help_, fixes = "an expression stands in `${{ … }}`", tuple[Fix, ...]()
    if _PATH.fullmatch(inner):
        meant = f"${{{{ {inner} }}}}"
        help_ = f"write `{meant}` to have its value"
        if is_whole:
            fixes = (Fix(f"write `{meant}`", (Edit(span, json.dumps(meant)),)),)
    sink.add(Diagnostic("DN9030", message, span, Severity.WARNING, help=help_, fixes=fixes))
