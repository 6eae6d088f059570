"""What the tests of the checker share: an expression judged in a scope."""

from collections.abc import Mapping
from typing import Any

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Position, Sink
from dagnats.expr.checking.check import Checked, check
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.schema import from_json_schema
from dagnats.expr.signatures import Function
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.expr.types import Type

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)


def scope_of(**schemas: Any) -> dict[str, Type]:
    """Return roots with the types of JSON Schemas."""
    return {name: from_json_schema(schema) for name, schema in schemas.items()}


def judged(
    text: str,
    scope: Mapping[str, Type],
    functions: Mapping[str, Function] = FUNCTIONS,
    *,
    strict: bool = False,
) -> tuple[Checked, tuple[Diagnostic, ...]]:
    """Return an expression checked, and what was found."""
    sink = Sink()
    parsed = parse_expression(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    checked = check(
        parsed.expr, parsed.spans, scope, sink, where="", functions=functions, strict=strict
    )
    return checked, tuple(sink.sorted())


def codes(found: tuple[Diagnostic, ...]) -> list[str]:
    """Return the codes of findings, in order."""
    return [finding.code for finding in found]
