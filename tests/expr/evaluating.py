"""What the tests of values need: an evaluation of a text, and sameness down to the kinds."""

import math

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.evaluation.evaluator import Evaluator
from dagnats.expr.kinds import Present
from dagnats.expr.library.values import EvaluationError
from dagnats.expr.syntax.parser import Origin, parse_expression

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)


def evaluate(text, roots=None):
    """Return the value of an expression, whatever its kind, unchecked."""
    sink = Sink()
    parsed = parse_expression(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    return Evaluator(parsed.expr).value(roots or {})


def attempt(call, *args):
    """Return what a call gives and no code, or None and the code of its failure."""
    try:
        return call(*args), None
    except EvaluationError as error:
        return None, error.code


def alike(one, other):
    """Whether two values are the same down to their kinds and the sign of zero."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        same_sign = math.copysign(1, one) == math.copysign(1, other)
        return (math.isnan(one) and math.isnan(other)) or (one == other and same_sign)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, Present):
        return alike(one.value, other.value)
    return one == other
