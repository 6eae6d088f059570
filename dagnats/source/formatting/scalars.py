"""How scalars are written: quotes, lines, and blocks with their headers."""

import json
import re
from itertools import takewhile

from dagnats.source.formatting.tree import Leaf

INDENT = 2

_HEADER = re.compile(r"([|>])([0-9+-]*)[ \t]*(#[^\n]*)?")
_ONLY_IN_FLOW = re.compile(r"^[?:-][ \t]|:[ \t]|:$")
"""What the parsers let stand without quotes within brackets, and nowhere else."""

_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_LINE = re.compile(r"\n([^\n]*)")


def header_comment(text: str, start: int) -> str | None:
    """Return the comment behind the `|` or `>` that stands at an offset."""
    found = _HEADER.match(text, start)
    return found[3] if found else None


def block_end(text: str, start: int, value: str) -> int:
    """Return where a block scalar ends, the break of its last line excluded.

    Blank lines belong to it when it keeps them (`|+`), or as far as they hold more blanks than its
    indentation.
    """
    found = _HEADER.match(text, start)
    if found is None:
        return start
    keeps = "+" in found[2]
    indent = _indent(text, found.end(), value)
    end, at = found.end(), found.end()
    while (line := _LINE.match(text, at)) is not None:
        content = line[1]
        depth = len(content) - len(content.lstrip(" "))
        if depth < len(content):
            if indent is None or depth < indent:
                break
            end = line.end()
        elif indent is not None and depth > indent:
            end = line.end()
        elif line.end() == len(text):
            break  # what is behind the last line break is no line
        elif keeps:
            end = line.end()
        at = line.end()
    return end


def _indent(text: str, at: int, value: str) -> int | None:
    """Return what a block is indented by; None when nothing in it says so.

    Its first line with text does, by what the value has of its indentation, or else its first line
    of blanks that are part of the value.
    """
    contents = value.split("\n")
    number = next((n for n, line in enumerate(contents) if line.strip(" ")), None)
    if number is None:
        number = next((n for n, line in enumerate(contents) if line), None)
    if number is None:
        return None
    own = len(contents[number]) - len(contents[number].lstrip(" "))
    has_text = own < len(contents[number])
    while (line := _LINE.match(text, at)) is not None:
        depth = len(line[1]) - len(line[1].lstrip(" "))
        if depth < len(line[1]) if has_text else depth > own:
            return depth - own
        at = line.end()
    return None


def block(leaf: Leaf, comment: str | None, depth: int) -> list[str]:
    """Return the lines of a block scalar, its content indented by `depth`."""
    value = str(leaf.value)
    found = _HEADER.match(leaf.raw)
    if found is None:
        return [leaf.raw]
    marks = found[2]
    chomping = "".join(mark for mark in marks if mark in "+-")
    if value and not value.endswith("\n"):
        chomping = "-"  # or else the line break that we put at the end would become part of it
    header = found[1] + (str(INDENT) if marks.strip("+-") else "") + chomping
    if comment is not None:
        header += f"  {comment}"
    indent = _indent(leaf.raw, found.end(), value)
    # Without an indentation there are only blank lines.
    content = [line[indent or len(line) :] for line in leaf.raw[found.end() :].split("\n")[1:]]
    return [header, *(" " * depth + line if line else "" for line in content)]


def is_block(leaf: Leaf) -> bool:
    """Whether a scalar is `|` or `>`."""
    return leaf.style in {"literal", "folded"}


def keeps_blank_lines(leaf: Leaf) -> bool:
    """Whether blank lines below a scalar belong to it."""
    found = _HEADER.match(leaf.raw)
    return is_block(leaf) and found is not None and "+" in found[2]


def quoted(leaf: Leaf) -> str:
    """Return a scalar as written, in double quotes where single ones save no escapes."""
    raw = leaf.raw
    if leaf.style == "plain" and isinstance(leaf.value, str) and _ONLY_IN_FLOW.search(leaf.value):
        return json.dumps(leaf.value, ensure_ascii=False)
    if _PAIR.search(raw) and not _PAIR.search(str(leaf.value)):
        raw = _PAIR.sub(_joined, raw)
    if leaf.style != "single" or '"' in raw or "\\" in raw:
        return raw
    return '"' + raw[1:-1].replace("''", "'") + '"'


def lines(leaf: Leaf) -> list[str]:
    """Return a scalar's lines without their indentation; one unless it goes over several."""
    parts = quoted(leaf).split("\n")
    return [_trimmed(part, number, len(parts) - 1) for number, part in enumerate(parts)]


def _joined(pair: re.Match[str]) -> str:
    """Return what YAML has for a pair of JSON's escapes, which only our reader knows."""
    return f"{pair[1]}\\U{ord(bytes.fromhex(pair[2] + pair[3]).decode('utf-16-be')):08X}"


def _trimmed(part: str, number: int, last: int) -> str:
    """Cut the blanks that folding leaves out; one that is escaped stays."""
    trimmed = part.lstrip(" \t") if number else part
    if number < last:
        cut = trimmed.rstrip(" \t")
        backslashes = sum(1 for _ in takewhile(lambda char: char == "\\", reversed(cut)))
        trimmed = trimmed[: len(cut) + 1] if backslashes % 2 and len(cut) < len(trimmed) else cut
    return trimmed


def on_one_line(leaf: Leaf) -> str:
    """Return a scalar that has to stand on one line, as within brackets and as a key."""
    if leaf.raw and not is_block(leaf) and "\n" not in leaf.raw:
        return quoted(leaf)
    if not leaf.raw:
        return "null"
    value = str(leaf.value)
    is_plain = leaf.style == "plain" and "\n" not in value
    return value if is_plain else json.dumps(value, ensure_ascii=False)
