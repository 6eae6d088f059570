"""How large what an expression works on may be, and how much work it may be."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds of one evaluation. What exceeds one is an EvaluationError that names it.

    `list_items_max` and `string_chars_max` hold for lists, maps and texts that an expression goes
    through and whose schema declares no bound of its own; they make every estimate of cost finite.
    `cost_max` is in the units of the cost model, see `dagnats.expr.costing.costs`.
    """

    cost_max: int = 1_000_000
    list_items_max: int = 10_000
    string_chars_max: int = 65_536


LIMITS = Limits()
