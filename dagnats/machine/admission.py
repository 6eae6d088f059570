"""What decides about a run as a whole before it begins: keys worked out of its input.

concurrency: {max_runs: 2, key: input.tenant}    →  asked of `gates` as max_runs 2, key "acme"
"""

from typing import Any

from msgspec import Struct

from dagnats.expr.ast import Expr
from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.expr.evaluation.evaluator import prepare as compile_expression
from dagnats.ir.program import Program
from dagnats.machine.events import encode
from dagnats.machine.prepared import Evaluate


class Admission(Struct, frozen=True):
    """What a start asks for: the values of keys as text."""

    max_runs: int | None = None
    runs_key: str = ""
    singleton: str | None = None
    singleton_key: str = ""
    offset_ms: int = 0
    idempotency_key: str | None = None

    @property
    def is_gated(self) -> bool:
        """Whether the run may have to wait, or not begin."""
        return self.max_runs is not None or self.singleton is not None


class Door:
    """The expressions of a program's `admission`, compiled when they are first needed."""

    def __init__(self, program: Program) -> None:
        self._policy = program.admission
        self._compiled: dict[int, Evaluate] = {}

    def ask(self, run_input: Any, trigger: Any) -> Admission:
        """Return what a start with this input asks for.

        Raises EvaluationError for a key that cannot be worked out; a priority then counts 0.
        """
        policy, roots = self._policy, {"input": run_input, "trigger": trigger}
        concurrency, singleton = policy.concurrency, policy.singleton
        return Admission(
            max_runs=concurrency.max_runs if concurrency else None,
            runs_key=self._text("concurrency.key", concurrency.key if concurrency else None, roots),
            singleton=singleton.mode if singleton else None,
            singleton_key=self._text("singleton.key", singleton.key if singleton else None, roots),
            offset_ms=self._offset_ms(roots),
            idempotency_key=self._text("idempotency_key", policy.idempotency_key, roots)
            if policy.idempotency_key is not None
            else None,
        )

    def _offset_ms(self, roots: dict[str, Any]) -> int:
        priority = self._policy.priority
        if priority is None:
            return 0
        try:
            value = self._text("priority.key", priority.key, roots)
        except EvaluationError:
            return 0
        return dict(priority.rules_ms).get(value, priority.default_ms)

    def _text(self, where: str, expr: Expr | None, roots: dict[str, Any]) -> str:
        if expr is None:
            return ""
        found = self._compiled.get(id(expr))
        if found is None:
            found = self._compiled[id(expr)] = compile_expression(expr)
        try:
            value = found(roots)
        except EvaluationError as wrong:
            raise EvaluationError(f"`{where}`: {wrong}", wrong.code) from None
        return value if type(value) is str else encode(value).decode()
