"""The order of the keys that the language knows, for those who ask for it."""

from collections.abc import Iterable, Iterator, Mapping

from dagnats.source.formatting.tree import Child, Collection, Leaf, Page

_TOP = (
    "$schema", "dagnats", "name", "version", "description", "labels", "metadata", "timeout",
    "priority", "concurrency", "singleton", "idempotency_key", "sticky", "cancel_on", "budget",
    "imports", "secrets", "triggers", "input", "input_schema", "events", "schemas", "tasks", "vars",
    "defaults", "default_retry", "steps", "aux_steps", "finally", "output", "output_schema",
)  # fmt: skip
_STEP = (
    "id", "type", "task", "description", "depends_on", "join", "when", "skip_if", "with", "input",
    "config", "steps", "timeout", "queue_timeout", "heartbeat_timeout", "retry", "retries",
    "on_failure", "compensate", "worker_group", "required_capabilities", "rate_limit",
    "keyed_rate_limit", "max_task_concurrency", "singleton", "metadata", "labels",
)  # fmt: skip
TOP: Mapping[str, int] = {key: rank for rank, key in enumerate(_TOP)}
STEP: Mapping[str, int] = {key: rank for rank, key in enumerate(_STEP)}
"""What is written first; other keys come behind these, in the order that they have."""

_STEP_LISTS = frozenset({"steps", "finally", "default"})


def sort_keys(page: Page) -> None:
    """Bring the keys of the top level and of steps into their order, with their comments.

    What stands above the first key is about the whole document, and stays there. Mappings in which
    an anchor would come behind its alias keep their order.
    """
    root = page.root
    if not root.is_map:
        return
    above, first = root.children[0].before if root.children else [], _first(root)
    if first is not None:
        first.before = []
    _sort(root, TOP)
    if (first := _first(root)) is not None:
        first.before = above + first.before
    _sort_steps(root)


def _first(node: Collection) -> Child | None:
    return node.children[0] if node.children else None


def _sort_steps(node: Collection) -> None:
    """Sort the steps in the lists of steps of a mapping, and the lists in these."""
    for child in node.children:
        value = child.value
        if not isinstance(value, Collection) or child.key is None:
            continue
        if child.key.value in _STEP_LISTS and not value.is_map:
            for item in value.children:
                if isinstance(item.value, Collection) and item.value.is_map:
                    _sort(item.value, STEP)
                    _sort_steps(item.value)
        elif child.key.value == "config" and value.is_map:
            _sort_steps(value)
        elif child.key.value == "cases" and not value.is_map:
            for item in value.children:
                if isinstance(item.value, Collection):
                    _sort_steps(item.value)


def _sort(node: Collection, ranks: Mapping[str, int]) -> None:
    last = len(ranks)
    children = sorted(node.children, key=lambda child: ranks.get(_key(child), last))
    if _is_safe(node.children, children):
        node.children = children


def _key(child: Child) -> str:
    return "" if child.key is None else str(child.key.value)


def _is_safe(before: list[Child], after: list[Child]) -> bool:
    """Whether every name that several children speak of is spoken of in the order it was."""
    names = {id(child): set(_names(child)) for child in before}
    return _uses(before, names) == _uses(after, names)


def _uses(children: Iterable[Child], names: Mapping[int, set[str]]) -> dict[str, list[int]]:
    uses: dict[str, list[int]] = {}
    for child in children:
        for name in names[id(child)]:
            uses.setdefault(name, []).append(id(child))
    return uses


def _names(child: Child) -> Iterator[str]:
    """Yield the names of anchors and aliases in a child."""
    if child.key is not None:
        yield from _names_of(child.key)
    yield from _names_of(child.value)


def _names_of(node: Leaf | Collection) -> Iterator[str]:
    if node.anchor:
        yield node.anchor[1:].strip()
    if isinstance(node, Leaf):
        if node.style == "alias":
            yield node.raw[1:]
    else:
        for child in node.children:
            yield from _names(child)
