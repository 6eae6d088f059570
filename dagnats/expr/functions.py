"""The one table of builtins: each name with its overloads, its implementation and a line of help.

Operators are functions with CEL's names for them. Types are checked at run time too: what is `dyn`
to the checker may be anything.
"""

from typing import Final

from dagnats.expr.library import (
    encoders,
    formatting,
    lists,
    network,
    numbers,
    optionals,
    patterns,
    sets,
    standard,
    texts,
    times,
)
from dagnats.expr.signatures import Function

_TABLES: Final = (
    standard.FUNCTIONS,
    times.FUNCTIONS,
    optionals.FUNCTIONS,
    texts.FUNCTIONS,
    formatting.FUNCTIONS,
    patterns.FUNCTIONS,
    numbers.FUNCTIONS,
    lists.FUNCTIONS,
    sets.FUNCTIONS,
    encoders.FUNCTIONS,
    network.FUNCTIONS,
)

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function for table in _TABLES for function in table
}
"""By name; those of a namespace have it in their name, as `math.abs`."""

NAMESPACES: Final = frozenset(name.rpartition(".")[0] for name in FUNCTIONS if "." in name)
"""What stands before the last dot of a name."""
