"""CEL over JSON: parse, check, bound, evaluate. See docs/expressions.md.

>>> from dagnats import expr
>>> expr.evaluate("items.filter(x, x > 1)", {"items": [1, 2, 3]})
[2, 3]
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagnats.expr.costing.estimate import Cost
    from dagnats.expr.evaluation.evaluator import EvaluationError
    from dagnats.expr.limits import Limits
    from dagnats.expr.program import CompileError, Environment, Program, evaluate
    from dagnats.expr.schema import from_json_schema
    from dagnats.expr.signatures import Function, Overload
    from dagnats.expr.type_text import cel_name, parse_type
    from dagnats.expr.types import DYN, Type

__all__ = [
    "DYN",
    "CompileError",
    "Cost",
    "Environment",
    "EvaluationError",
    "Function",
    "Limits",
    "Overload",
    "Program",
    "Type",
    "cel_name",
    "evaluate",
    "from_json_schema",
    "parse_type",
]

_HOMES = {
    "CompileError": "program",
    "Cost": "costing.estimate",
    "DYN": "types",
    "Environment": "program",
    "EvaluationError": "evaluation.evaluator",
    "Function": "signatures",
    "Limits": "limits",
    "Overload": "signatures",
    "Program": "program",
    "Type": "types",
    "cel_name": "type_text",
    "evaluate": "program",
    "from_json_schema": "schema",
    "parse_type": "type_text",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: what only parses does not pay for what evaluates."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"dagnats.expr.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'dagnats.expr' has no attribute {name!r}")
