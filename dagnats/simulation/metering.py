"""What the expressions of a run cost, counted as the certificate counts it.

The machine evaluates without counting where an expression cannot exceed its limit, which is faster,
and a replay evaluates nothing at all: so costs are no part of a run's state, and the machine holds
none against the certificate. Here everything is evaluated by the tier that counts, but for plans:
the machine makes them ready to run itself, and those that are simulated have no expressions.
"""

from typing import Any

from dagnats.expr.ast import Expr
from dagnats.expr.evaluation.evaluator import Evaluator
from dagnats.expr.library import values
from dagnats.expr.limits import Limits
from dagnats.ir.program import Program
from dagnats.machine.prepared import Evaluate, Prepared, prepare


class _Meter:
    """What has been spent since it was last read, by whatever evaluates in this process."""

    cost = 0


def metered(program: Program, digest: str) -> Prepared:
    """Return a program ready to run whose expressions are counted; what they cost, `spent` says."""
    return prepare(program, digest, evaluates=_counting)


def spent() -> int:
    """Return what has been spent since this was last asked."""
    found, _Meter.cost = _Meter.cost, 0
    return found


def _counting(expr: Expr, *, limits: Limits) -> Evaluate:
    evaluator = Evaluator(expr, limits=limits)

    def evaluate(roots: Any) -> Any:
        value, cost = evaluator.counted(roots)
        _Meter.cost += cost
        return values.leaving(value)

    return evaluate
