"""The macros of the IR: how many variables each has, and which take a guard."""

import re
from typing import Final

_ONE, _TWO = frozenset({1}), frozenset({2})
MACROS: Final = {
    "all": _ONE | _TWO,
    "exists": _ONE | _TWO,
    "exists_one": _ONE | _TWO,
    "map": _ONE,
    "filter": _ONE,
    "sortBy": _ONE,
    "transformList": _TWO,
    "transformMap": _TWO,
    "transformMapEntry": _TWO,
    "bind": _ONE,
    "optMap": _ONE,
    "optFlatMap": _ONE,
}
"""How many variables each macro has."""

GUARDED: Final = frozenset({"map", "transformList", "transformMap", "transformMapEntry"})
VARIABLE = re.compile(r"@(?:index|it:|ac:)[0-9][0-9:]*|[A-Za-z_][A-Za-z0-9_]*")
