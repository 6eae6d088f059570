"""All kinds of corruption."""

from tests.mutations import expressions, flows, graphs, shapes, texts
from tests.mutations.mutation import OPERATORS

__all__ = ["OPERATORS", "expressions", "flows", "graphs", "shapes", "texts"]
