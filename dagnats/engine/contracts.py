"""What workers return is held against what the workflow declares that its tasks give.

Before the machine, which knows no schemas. A program without contracts costs a look at an empty
tuple; the schemas of the others are compiled once.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dagnats.claims import found_in
from dagnats.engine.book import Live
from dagnats.engine.faults import in_words
from dagnats.ir.program import PlannerNode, TaskNode
from dagnats.machine.state import locate, program_of
from dagnats.source.shape import checker

INVALID_OUTPUT: Final = "invalid_output"
"""The code of an attempt whose result breaks the contract of its task."""
COMPLAINTS_TOLD_MAX = 3
CHECKS_KEPT_MAX = 10_000
"""Tasks of programs whose checks are kept; then all are made anew as they are needed."""

Check = Callable[[Any], list[str]]

_known: dict[tuple[str, str], Check | None] = {}


class Complaint(NamedTuple):
    """How a result breaks a contract; `retryable` if the retry policy of the step names that."""

    message: str
    retryable: bool


def complaint(live: Live, step: str, output: Any) -> Complaint | None:
    """Return how the result of a step breaks the contract of its task; None if it does not.

    Not held against one: plans, which are judged as such, and values that stand in the store.
    """
    if not live.program.program.task_outputs:
        return None
    found = locate(live.program, live.state, step)
    if found is None:
        return None
    frame, at = found
    source = program_of(live.program, live.state, frame)
    node = source.scopes[frame.scope].nodes[at]
    if not isinstance(node, TaskNode) or isinstance(node, PlannerNode):
        return None
    check = _check_of(source.digest, source.program.task_outputs, node.task)
    wrong = [] if check is None else check(output)
    if not wrong or any(found_in(output)):
        return None
    more = f"; and {len(wrong) - COMPLAINTS_TOLD_MAX} more" if wrong[COMPLAINTS_TOLD_MAX:] else ""
    said = "; ".join(wrong[:COMPLAINTS_TOLD_MAX])
    message = f"the output of `{node.task}` breaks its contract: {said}{more}"
    return Complaint(message, any(code == INVALID_OUTPUT for code, _ in node.retry.by_code))


def _check_of(digest: str, contracts: tuple[tuple[str, Any], ...], task: str) -> Check | None:
    key = (digest, task)
    try:
        return _known[key]
    except KeyError:
        pass
    if len(_known) >= CHECKS_KEPT_MAX:
        _known.clear()
    schema = dict(contracts).get(task, True)
    check = None if schema in (True, {}) else _guarded(checker(schema))
    _known[key] = check
    return check


def _guarded(check: Check) -> Check:
    """Return a check that fails an attempt, and not the partition, where it fails itself."""

    def guarded(value: Any) -> list[str]:
        try:
            return check(value)
        except Exception as bug:  # noqa: BLE001 - whatever a schema does to the library
            return [f"it cannot be checked: {in_words(bug)}"]

    return guarded
