"""Answers of several partitions to one question, put together to one answer.

run.list of 3 partitions   →  one list, newest first, cut to what was asked for
"""

from collections.abc import Callable
from typing import Any

Merge = Callable[[list[Any], Any], Any]


def merge_of(operation: str) -> Merge | None:
    """Return how the answers to an operation are put together; None where one partition answers."""
    return _MERGES.get(operation)


def _newest(key: str) -> Merge:
    def merge(answers: list[Any], params: Any) -> Any:
        rows = [row for answer in answers for row in answer]
        rows.sort(key=lambda row: str(row[key]), reverse=True)
        return rows[: _limit(params)]

    return merge


def _oldest(answers: list[Any], params: Any) -> Any:
    rows = [row for answer in answers for row in answer]
    rows.sort(key=lambda row: str(row["since"]))
    return rows[: _limit(params)]


def _counts(answers: list[Any], _params: Any) -> Any:
    by_status: dict[str, int] = {}
    for answer in answers:
        for status, count in answer["by_status"].items():
            by_status[status] = by_status.get(status, 0) + count
    return {"count": sum(by_status.values()), "by_status": dict(sorted(by_status.items()))}


def _purged(answers: list[Any], _params: Any) -> Any:
    """Put batches together; the next one begins where the first of them ended.

    What another one has looked through already it finds empty.
    """
    left = [answer["next"] for answer in answers if answer["next"] is not None]
    return {
        "runs": [row for answer in answers for row in answer["runs"]],
        "next": min(left, default=None),
        "kept": [run_id for answer in answers for run_id in answer["kept"]],
    }


def _statuses(answers: list[Any], _params: Any) -> Any:
    """Put the states of all partitions together: counts add up, `partitions` has each."""
    if len(answers) == 1:
        return answers[0]
    whole = dict(answers[0])
    for key in _SUMS:
        whole[key] = sum(answer.get(key, 0) for answer in answers)
    if any(answer["status"] != "serving" for answer in answers):
        whole["status"] = "recovering"
    whole["partitions"] = answers
    return whole


_SUMS = (
    "runs",
    "aside",
    "waiting",
    "held",
    "gates",
    "timers",
    "listeners",
    "mailbox",
    "errands",
    "pending_events",
    "commits",
    "events",
)


def _limit(params: Any) -> int:
    limit = params.get("limit") if isinstance(params, dict) else getattr(params, "limit", None)
    return limit if isinstance(limit, int) else 50


_MERGES: dict[str, Merge] = {
    "run.list": _newest("started_at"),
    "run.count": _counts,
    "approval.list": _oldest,
    "dlq.list": _newest("at"),
    "run.purge": _purged,
    "status": _statuses,
}
