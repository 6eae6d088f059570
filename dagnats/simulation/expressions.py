"""All expressions of a program, wherever they stand."""

from collections.abc import Iterator

from msgspec import Struct

from dagnats.expr.ast import Expr
from dagnats.ir.program import Program

_EXPRESSIONS = Expr.__args__


def expressions(program: Program) -> Iterator[Expr]:
    """Yield every expression of nodes, output, variables, labels and `cancel_on`."""
    stack: list[object] = [program.nodes, program.output, program.admission]
    stack += [program.variables, program.labels]
    while stack:
        part = stack.pop()
        if isinstance(part, _EXPRESSIONS):
            yield part
        elif isinstance(part, tuple):
            stack.extend(part)
        elif isinstance(part, Struct):
            stack.extend(getattr(part, name) for name in part.__struct_fields__)
