"""What a value looks like on one line, and whether it can stand on one."""

from dagnats.source.formatting.scalars import on_one_line
from dagnats.source.formatting.tree import BROKEN, Child, Collection, Leaf


def measure(node: Leaf | Collection, *, as_json: bool) -> int:
    """Work out the width of a node and of all below it, in code points; returns that of the node.

    It is BROKEN for blocks, for what holds comments, and for what was begun on several lines.
    """
    if isinstance(node, Leaf):
        node.flat = node.raw if as_json else node.anchor + on_one_line(node)
        node.width = BROKEN if node.comment is not None else len(node.flat)
        return node.width
    for child in node.children:
        # `[? a]` is a mapping only by its sign, `[a: ]` by its colon.
        child.is_bare = child.is_bare and not node.is_pair
    widths = [_child_width(child, as_json=as_json) for child in node.children]
    is_fixed = not node.is_flow or node.header is not None or node.foot
    is_wide = node.is_wide and node.children
    if is_fixed or is_wide or BROKEN in widths:
        node.width = BROKEN
    else:
        brackets = 0 if node.is_pair else 2
        separators = 2 * max(len(widths) - 1, 0)
        node.width = len(node.anchor) + brackets + sum(widths) + separators
    return node.width


def _child_width(child: Child, *, as_json: bool) -> int:
    width = measure(child.value, as_json=as_json)
    if child.key is not None:
        key = measure(child.key, as_json=as_json)
        rest = 0 if child.is_bare else len(colon(child.key)) + 1 + width
        width = BROKEN if BROKEN in {key, width} else key + rest
    return BROKEN if child.before or child.after else width


def colon(key: Leaf) -> str:
    """Return what stands behind a key; an alias could swallow the sign."""
    return " :" if key.style == "alias" else ":"


def flat(node: Leaf | Collection) -> str:
    """Return a node that has a width as one line."""
    parts: list[str] = []
    _write(node, parts)
    return "".join(parts)


def _write(node: Leaf | Collection, parts: list[str]) -> None:
    if isinstance(node, Leaf):
        parts.append(node.flat)
        return
    opening, closing = "{}" if node.is_map else "[]"
    if node.is_pair:
        opening = closing = ""
    parts.append(node.anchor + opening)
    for number, child in enumerate(node.children):
        if number:
            parts.append(", ")
        if child.key is not None:
            parts.append(child.key.flat)
            if child.is_bare:
                continue
            parts.append(f"{colon(child.key)} ")
        _write(child.value, parts)
    parts.append(closing)
