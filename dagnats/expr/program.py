"""Expressions as a library: an environment says what exists, a program is what it compiled.

    env = Environment(variables={"input": from_json_schema({...})})
    program = env.compile("input.count > 10")
    program.evaluate({"input": {"count": 11}})      # True

A program is immutable and may be used by any number of threads at once.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Position, Severity, Sink, Span
from dagnats.errors import DagnatsError
from dagnats.expr.ast import Expr
from dagnats.expr.checking.check import check
from dagnats.expr.checking.resolve import resolve
from dagnats.expr.costing.estimate import Cost, estimate
from dagnats.expr.evaluation.evaluator import EvaluationError, Evaluator
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.limits import LIMITS, Limits
from dagnats.expr.signatures import Function
from dagnats.expr.syntax.parser import Origin, Parsed, parse_expression, parse_template_text
from dagnats.expr.types import DYN, Type

_START = Position(0, 1, 1)
_ORIGIN = Origin(_START, NOWHERE, verbatim=True)


class CompileError(DagnatsError):
    """A text that does not compile; `diagnostics` say why, each with its place in `text`."""

    def __init__(self, text: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        first = next(d for d in diagnostics if d.severity is Severity.ERROR)
        place = first.span.start
        super().__init__(f"{place.line}:{place.column}: {first.message} [{first.code}]")
        self.text = text
        self.diagnostics = diagnostics


class Environment(Struct, frozen=True):
    """What exists for an expression: variables with their types, functions, a container of names.

    `functions` are further ones, beside the builtins; `container` is the prefix that names may be
    short of, as in CEL; `strict` lets the checker refuse what mixes int and double; `macros` off
    reads `all`, `map` and their like as ordinary calls.
    """

    variables: Mapping[str, Type] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    container: str = ""
    strict: bool = False
    macros: bool = True
    limits: Limits = LIMITS

    def compile(self, text: str, *, check: bool = True) -> "Program":
        """Compile an expression; raises CompileError.

        Without `check` names and types are left to each evaluation, as in CEL's parse-only mode.
        """
        sink = Sink()
        parsed = parse_expression(text, _ORIGIN, sink, macros=self.macros)
        return self._program(text, parsed, sink, check)

    def compile_template(self, text: str) -> "Program":
        """Compile a text with `${{ … }}` in it; raises CompileError.

        One expression alone keeps its type; inside text, scalars become text.
        """
        sink = Sink()
        return self._program(text, parse_template_text(text, _ORIGIN, sink), sink, True)

    def _program(self, text: str, parsed: Parsed | None, sink: Sink, checked: bool) -> "Program":
        if parsed is None:
            raise CompileError(text, tuple(sink.sorted()))
        functions = self._functions()
        expr = parsed.expr
        if self.container or any("." in name for name in self.variables):
            expr = resolve(expr, self.variables, self.container, functions)
        types: Mapping[int, Type] = {}
        type_: Type = DYN
        if checked:
            found = check(
                expr,
                parsed.spans,
                self.variables,
                sink,
                where="",
                functions=functions,
                strict=self.strict,
            )
            if sink.has_errors:
                raise CompileError(text, tuple(sink.sorted()))
            expr, types, type_ = found.expr, found.types, found.type
        bound = estimate(expr, types, self.limits, functions)
        return Program(
            text=text,
            expr=expr,
            type=type_,
            types=types,
            cost=bound.cost,
            diagnostics=tuple(sink.sorted()),
            spans=parsed.spans,
            _evaluator=Evaluator(
                expr,
                types=types,
                sizes=bound.sizes,
                functions=functions,
                limits=self.limits,
                cost_max=bound.cost.max,
            ),
        )

    def _functions(self) -> Mapping[str, Function]:
        if not self.functions:
            return FUNCTIONS
        return FUNCTIONS | {function.name: function for function in self.functions}


class Program(Struct, frozen=True):
    """A compiled expression: its tree, its type and each node's, the bounds of its cost.

    `diagnostics` are warnings and notes; `spans` say where each node stands in `text`.
    """

    text: str
    expr: Expr
    type: Type
    types: Mapping[int, Type]
    cost: Cost
    diagnostics: tuple[Diagnostic, ...]
    spans: Mapping[int, Span]
    _evaluator: Evaluator

    def evaluate(self, roots: Mapping[str, Any]) -> Any:
        """Return the JSON value for the given values of the variables; raises EvaluationError."""
        return self._evaluator.evaluate(roots)

    def value(self, roots: Mapping[str, Any]) -> Any:
        """Return the value with the kinds that JSON does not have; raises EvaluationError."""
        return self._evaluator.value(roots)

    def counted(self, roots: Mapping[str, Any]) -> tuple[Any, int]:
        """Return the value and what it cost; never more than `cost.max`. Raises EvaluationError."""
        return self._evaluator.counted(roots)

    def place(self, error: EvaluationError) -> Span | None:
        """Return where in `text` an evaluation failed, if that is known."""
        return None if error.node is None else self.spans.get(error.node)


def evaluate(text: str, roots: Mapping[str, Any] | None = None) -> Any:
    """Compile and evaluate once; raises CompileError and EvaluationError."""
    roots = roots or {}
    return Environment(dict.fromkeys(roots, DYN)).compile(text).evaluate(roots)
