"""The catalogue of what the passes over the meaning of a workflow find."""

from dagnats.diagnostics.catalog_data import ENTRIES as DATA
from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.catalog_graph import ENTRIES as GRAPH
from dagnats.diagnostics.catalog_hygiene import ENTRIES as HYGIENE

ENTRIES: dict[str, Entry] = {**GRAPH, **DATA, **HYGIENE}
