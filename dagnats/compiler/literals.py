"""The texts in the constants of a document, and where each of them stands."""

from collections.abc import Iterator
from typing import Any

from dagnats.diagnostics.diagnostic import Span
from dagnats.expr.ast import Literal
from dagnats.lang.tree import Embedded
from dagnats.source.document import locate

Path = list[str | int]


def texts_in(value: Any) -> Iterator[tuple[Path, str]]:
    """Yield the texts of a constant, each with the path that leads to it."""
    stack: list[tuple[Path, Any]] = [([], value)]
    while stack:
        path, part = stack.pop()
        if isinstance(part, str):
            yield path, part
        elif isinstance(part, dict):
            stack.extend(([*path, key], each) for key, each in part.items())
        elif isinstance(part, list):
            stack.extend(([*path, at], each) for at, each in enumerate(part))


def place_of(embedded: Embedded, node: Literal, path: Path) -> Span:
    """Return where a part of a constant stands; the whole of it where its parts are not known."""
    if (held := embedded.constants.get(node.id)) is not None:
        return locate(held, path)[0].span
    return embedded.spans.get(node.id, embedded.span)
