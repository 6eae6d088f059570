"""Evaluates an expression: fast where its data is as usual, exactly where it is not.

There are two tiers. The exact one (closures) counts costs and places errors. The fast one is a
Python function written for the expression, which gives up on whatever is unusual; expressions
have no effects, so the exact tier can then start over. It is written when an expression is
evaluated for the second time: many are evaluated once, and compiling costs more than that.
Nothing here reads a clock, draws lots or waits.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from dagnats.expr.ast import Expr
from dagnats.expr.evaluation.charges import Rules
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.library import values
from dagnats.expr.library.values import EvaluationError
from dagnats.expr.limits import LIMITS, Limits
from dagnats.expr.signatures import Function
from dagnats.expr.types import Type

if TYPE_CHECKING:
    from dagnats.expr.evaluation.codegen import Fast
    from dagnats.expr.evaluation.exact import Exact

__all__ = ["COST_MAX", "EvaluationError", "Evaluator", "prepare"]

COST_MAX: Final = LIMITS.cost_max
"""What an evaluation may cost unless other limits are given."""

MISS: Final = object()
"""What the fast tier returns when it gives up."""


class Evaluator:
    """An expression ready to evaluate, for any number of threads at once.

    `types` and `sizes` are the checker's and the estimate's; without them everything may be
    anything, and what is gone through has the default bounds of `limits`. With `cost_max`, the
    estimate's upper bound, nothing is counted that cannot exceed the limit anyhow.
    """

    __slots__ = ("_exact", "_expr", "_fast", "_fits", "_keeps", "_rules")

    def __init__(  # noqa: PLR0913 (each stands for itself)
        self,
        expr: Expr,
        *,
        types: Mapping[int, Type] | None = None,
        sizes: Mapping[int, int] | None = None,
        functions: Mapping[str, Function] = FUNCTIONS,
        limits: Limits = LIMITS,
        cost_max: int | None = None,
    ) -> None:
        self._expr = expr
        self._rules = Rules(functions, limits, types or {}, sizes)
        self._fits = sizes is not None and cost_max is not None and cost_max <= limits.cost_max
        self._keeps = False
        self._exact: Exact | None = None
        self._fast: Fast | None = None

    def evaluate(self, roots: Mapping[str, Any]) -> Any:
        """Return a JSON value for roots that are JSON; raises EvaluationError and nothing else."""
        value = self.value(roots)
        return value if self._keeps else self._leaving(value)

    def value(self, roots: Mapping[str, Any]) -> Any:
        """Return the value, whatever its kind; raises EvaluationError and nothing else."""
        fast = self._fast
        if fast is None and self._exact is not None:
            fast = self._fast = self.compile_fast()
        if fast is not None:
            try:
                value = fast(roots)
            except Exception:  # noqa: BLE001 (the exact tier knows what it means)
                value = MISS
            if value is not MISS:
                return value
        return self.counted(roots)[0]

    def counted(self, roots: Mapping[str, Any]) -> tuple[Any, int]:
        """Return the value and what it cost; raises EvaluationError and nothing else."""
        exact = self._exact
        if exact is None:
            exact = self._compile_exact()
        return exact(roots)

    def _compile_exact(self) -> "Exact":
        """Compile the exact tier, and see whether what it gives needs to be looked through."""
        from dagnats.expr.evaluation.exact import compile_exact
        from dagnats.expr.evaluation.kept import keeps_json

        self._keeps = keeps_json(self._expr, self._rules.functions)
        exact = self._exact = compile_exact(self._expr, self._rules)
        return exact

    def compile_fast(self) -> "Fast":
        """Return the fast tier: a function of the roots that returns `MISS` when it gives up."""
        from dagnats.expr.evaluation.codegen import compile_fast

        return compile_fast(self._expr, self._rules, MISS, counts=not self._fits)

    @staticmethod
    def _leaving(value: Any) -> Any:
        try:
            return values.leaving(value)
        except RecursionError:
            raise EvaluationError("the value is nested too deep", "size") from None


def prepare(
    expr: Expr,
    *,
    types: Mapping[int, Type] | None = None,
    sizes: Mapping[int, int] | None = None,
    functions: Mapping[str, Function] = FUNCTIONS,
    limits: Limits = LIMITS,
) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function from the roots' JSON values to a JSON value.

    It raises EvaluationError and nothing else. Nothing is compiled before it is called.
    """
    return Evaluator(expr, types=types, sizes=sizes, functions=functions, limits=limits).evaluate
