"""Documents of older versions brought up to this one, version by version.

1 → 2: nodes have a `join`, retries a `jitter`, agent loops a `delay_ms` and an expression for their
`initial_state`; what is new besides is left out, as a program of version 1 has none of it.
"""

from collections.abc import Callable
from typing import Any

from dagnats.errors import BrokenError
from dagnats.ir.program import IR_VERSION

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

_PROGRAM_1 = frozenset({
    "dagnats_ir", "name", "label", "description", "timeout_ms", "input_schema", "nodes", "output",
    "certificate", "source_map",
})  # fmt: skip
_TASK_1 = frozenset({
    "kind", "id", "task", "edges", "when", "input", "timeout_ms", "queue_timeout_ms", "retry",
    "max_deliveries",
})  # fmt: skip
_LOOP_1 = _TASK_1 | frozenset(
    {"max_iterations", "until", "initial_state", "on_exhausted", "max_duration_ms"}
)
_RETRY_1 = frozenset({"max_retries", "strategy", "initial_delay_ms", "max_delay_ms", "multiplier"})


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of version 1 as one of version 2."""
    _only(document, _PROGRAM_1, "program")
    return document | {"nodes": [_node_from_1(node) for node in document["nodes"]]}


def _node_from_1(node: dict[str, Any]) -> dict[str, Any]:
    is_loop = node["kind"] == "agent_loop"
    _only(node, _LOOP_1 if is_loop else _TASK_1, "node")
    _only(node["retry"], _RETRY_1, "retry")
    new = node | {"join": "all_success", "retry": node["retry"] | {"jitter": 0.0}}
    if is_loop:
        new["delay_ms"] = 0
        state = new.pop("initial_state", None)
        if state is not None:
            new["initial_state"] = {"kind": "literal", "value": state}
    return new


def _only(part: dict[str, Any], known: frozenset[str], what: str) -> None:
    unknown = part.keys() - known
    if unknown:
        raise ValueError(f"a {what} with the key `{min(unknown)}`")


UPCASTERS: dict[int, Upcaster] = {1: _from_1}
"""By the version they take: each makes a document of version n one of version n + 1."""


def upcast(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document in this version, step by step from its own.

    Raises BrokenError for one that has no version, a newer one, or not the shape of its own.
    """
    version = document.get("dagnats_ir")
    if type(version) is not int:
        raise BrokenError("at $.dagnats_ir: the version is missing: this is no dagnats program")
    if version > IR_VERSION:
        known = f"this dagnats reads versions up to {IR_VERSION}"
        raise BrokenError(f"at $.dagnats_ir: version {version} is newer: {known}")
    while version < IR_VERSION:
        upcaster = UPCASTERS.get(version)
        if upcaster is None:
            raise BrokenError(f"at $.dagnats_ir: version {version} cannot be read")
        try:
            document = upcaster(document)
        except (LookupError, TypeError, ValueError, AttributeError) as wrong:
            raise BrokenError(f"at $: not a program of version {version}: {wrong!r}") from wrong
        version += 1
        document["dagnats_ir"] = version
    return document
