"""Everything that an author can be told, by code: the source of docs/diagnostics.md.

Codes are never reused. Clean documents do not need this module: only links to its page do.
"""

from dagnats.diagnostics.catalog_bounds import ENTRIES as BOUNDS
from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.catalog_expressions import EXPRESSIONS
from dagnats.diagnostics.catalog_front import ENTRIES as FRONT
from dagnats.diagnostics.catalog_meaning import MEANING
from dagnats.diagnostics.catalog_reading import ENTRIES as READING
from dagnats.diagnostics.catalog_semantics import ENTRIES as SEMANTICS
from dagnats.diagnostics.catalog_style import STYLE
from dagnats.diagnostics.catalog_text import TEXT

__all__ = ["CATALOG", "Entry"]

CATALOG: dict[str, Entry] = dict(
    sorted(
        {
            **TEXT,
            **READING,
            **FRONT,
            **EXPRESSIONS,
            **MEANING,
            **SEMANTICS,
            **BOUNDS,
            **STYLE,
        }.items()
    )
)
