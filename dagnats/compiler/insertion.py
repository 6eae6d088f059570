"""Edits that add a key to what stands in a document, in the way it is written there.

config: {until: result.done}      →  config: {max_iterations: 10, until: result.done}
"""

from dagnats.diagnostics.diagnostic import Edit, Position, Span
from dagnats.lang.tree import Block, Step
from dagnats.source.document import Entry


def inserted(step: Step, key: str, value: str) -> Edit | None:
    """Return the edit that adds a key to the `config` of a step; None where there is no place.

    There is none where the config was merged from elsewhere, or is no mapping.
    """
    if "config" not in step.keys:
        return _beside(step, "config", key, value)
    block = step.config
    if step.keys["config"].merged or block is None:
        return None
    if block.keys:
        return _beside(block, key, "", value)
    start = block.span.start
    if block.span.end.offset - start.offset < 2:
        return None
    inside = Position(start.offset + 1, start.line, start.column + 1)
    # An empty config is `{}`; whether it is JSON, the step's own keys tell.
    first = _first(step)
    quoted = first is not None and first.key_span.end.offset - first.key_span.start.offset > len(
        first.key
    )
    return Edit(Span(inside, inside), _pair(key, value, quoted=quoted))


def _beside(block: Block, key: str, inner: str, value: str) -> Edit | None:
    """Return the edit that writes `key: value` before the last known key of a block."""
    # What most documents do not need is not even loaded.
    from dagnats.lang.rewriting import beside

    def written(quoted: bool) -> str:
        if inner:
            return f"{_name(key, quoted=quoted)}: {{{_pair(inner, value, quoted=quoted)}}}"
        return _pair(key, value, quoted=quoted)

    return beside(block.keys.values(), block.span.start, written)


def _first(block: Block) -> Entry | None:
    return min(block.keys.values(), key=lambda entry: entry.key_span.start.offset, default=None)


def _name(key: str, *, quoted: bool) -> str:
    return f'"{key}"' if quoted else key


def _pair(key: str, value: str, *, quoted: bool) -> str:
    text = value if value.isdigit() or not quoted else f'"{value}"'
    return f"{_name(key, quoted=quoted)}: {text}"
