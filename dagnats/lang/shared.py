"""What a file of definitions gives to others: contracts, events, schemas, defaults."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dagnats.diagnostics.diagnostic import Source, Span
from dagnats.lang import tree

SECTIONS = ("tasks", "events", "schemas")
"""The keys whose entries are shared by name."""


class Defined(NamedTuple):
    """A definition, and where it stands; `file` None is the document itself."""

    value: Any
    span: Span
    file: Source | None


class Definitions(NamedTuple):
    """All that a file defines or imports, by section and name, and its `defaults`."""

    sections: Mapping[str, Mapping[str, Defined]]
    defaults: tree.Defaults | None
