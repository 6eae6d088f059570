"""The tree as JSON: as YAML's brackets, but what does not fit on a line keeps its brackets."""

from dagnats.source.formatting.flat import flat, measure
from dagnats.source.formatting.scalars import INDENT
from dagnats.source.formatting.tree import BROKEN, Child, Collection, Leaf, Page
from dagnats.source.formatting.write import COLUMNS_MAX


def write_json(page: Page) -> str:
    """Return the text of a page that holds JSON, with a newline at its end."""
    measure(page.root, as_json=True)
    lines: list[str] = []
    root = page.root
    if not _fits(root, root.width):
        _spread(root, 0, "", "", lines)
    else:
        lines.append(flat(root))
    return "\n".join(lines) + "\n"


def _spread(node: Collection, indent: int, lead: str, tail: str, lines: list[str]) -> None:
    opening, closing = "{}" if node.is_map else "[]"
    lines.append(f"{' ' * indent}{lead}{opening}")
    for number, child in enumerate(node.children, 1):
        comma = "," if number < len(node.children) else ""
        _child(child, indent + INDENT, comma, lines)
    lines.append(f"{' ' * indent}{closing}{tail}")


def _child(child: Child, indent: int, comma: str, lines: list[str]) -> None:
    lead = f"{child.key.raw}: " if child.key is not None else ""
    value = child.value
    width = indent + len(lead) + value.width + len(comma)
    if isinstance(value, Leaf) or _fits(value, width):
        lines.append(f"{' ' * indent}{lead}{flat(value)}{comma}")
    else:
        _spread(value, indent, lead, comma, lines)


def _fits(node: Collection, width: int) -> bool:
    return not node.children or (node.width != BROKEN and width <= COLUMNS_MAX)
